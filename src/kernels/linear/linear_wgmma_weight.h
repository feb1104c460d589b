/* SPDX-License-Identifier: Apache-2.0 */
/* Block weights of panels (weights/panel.h) as f16 for linear_wgmma.cu: a lane has a row, and turns the eight weights of a
 * 16-byte word of the swizzled stage in a dozen instructions. Integers become f16 without conversion instructions: as the low
 * bits of 1024
 * + u, from which 1024 and the bias are subtracted exactly; then one rounding, of the product with the block's scale. */
#ifndef HDI_KERNELS_LINEAR_WGMMA_WEIGHT_H
#define HDI_KERNELS_LINEAR_WGMMA_WEIGHT_H

#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

/* Bytes 2 `pair` and 2 `pair` + 1 of u as two f16, 1024 + u each. */
static __device__ __forceinline__ uint32_t linear_wgmma_spread(uint32_t u, int pair) {
#if GPU_PTX
    return __byte_perm(u, 0x64646464u, pair ? 0x4342u : 0x4140u);
#else
    u >>= 16 * pair;
    return 0x64006400u | (u & 0xffu) | (u & 0xff00u) << 8;
#endif
}

/* (a - b) d for two f16 each; a - b is exact. */
static __device__ __forceinline__ uint32_t linear_wgmma_scale(uint32_t a, uint32_t b, uint32_t d) {
#if GPU_PTX
    uint32_t r;
    asm("{\n\t.reg .b32 t;\n\tsub.rn.f16x2 t, %1, %2;\n\tmul.rn.f16x2 %0, t, %3;\n\t}" : "=r"(r) : "r"(a), "r"(b), "r"(d));
    return r;
#else
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 16) {
        float q = gpu_f16_to_f32((uint16_t)(a >> i)) - gpu_f16_to_f32((uint16_t)(b >> i));
        r |= (uint32_t)gpu_f32_to_f16(q * gpu_f16_to_f32((uint16_t)(d >> i))) << i;
    }
    return r;
#endif
}

/* A type says: bytes of a block of 32 rows, words of a row in it, and the eight weights from 8 `c` on as four pairs. */
struct linear_wgmma_q8_0 {
    enum { BYTES = 1088, WORDS = 8 };
    static __device__ __forceinline__ void eight(const uint32_t *w, int c, uint32_t d, uint32_t *to) {
#pragma unroll
        for (int i = 0; i < 4; i++)
            to[i] = linear_wgmma_scale(linear_wgmma_spread(w[2 * c + i / 2] ^ 0x80808080u, i % 2), 0x64806480u, d);
    }
};
struct linear_wgmma_q4_0 {
    enum { BYTES = 576, WORDS = 4 };
    static __device__ __forceinline__ void eight(const uint32_t *w, int c, uint32_t d, uint32_t *to) {
#pragma unroll
        for (int i = 0; i < 4; i++)
            to[i] = linear_wgmma_scale(linear_wgmma_spread(w[c] >> (i / 2 * 4) & 0x0f0f0f0fu, i % 2), 0x64086408u, d);
    }
};

/* What a lane holds of 64 columns of its row: two blocks. */
template <typename B> struct linear_wgmma_piece { uint32_t q[2][B::WORDS], d; /* d: the scales, low half first */ };

/* `block`: the first of the panel's two; `blocks`: how many there are (0: the panel is beyond the weight). */
template <typename B>
static __device__ __forceinline__ void linear_wgmma_load(linear_wgmma_piece<B> &to, const char *block, int blocks, int lane) {
    to.d = 0;
#pragma unroll
    for (int b = 0; b < 2; b++) {
        const char *at = block + b * B::BYTES;
#pragma unroll
        for (int i = 0; i < B::WORDS; i++)
            to.q[b][i] = b < blocks ? gpu_load_stream((const uint32_t *)(at + 64 + 128 * i + 4 * lane)) : 0;
        if (b < blocks) to.d |= (uint32_t)((const uint16_t *)at)[lane] << 16 * b;
    }
}

struct alignas(16) linear_wgmma_word {
    uint32_t w[4];
};

/* To row `row` of a stage (rows of 64 f16, swizzled). */
template <typename B>
static __device__ __forceinline__ void linear_wgmma_store(const linear_wgmma_piece<B> &from, char *stage, int row) {
#pragma unroll
    for (int c = 0; c < 8; c++) {
        uint32_t d = from.d >> c / 4 * 16 & 0xffffu;
        linear_wgmma_word word;
        B::eight(from.q[c / 4], c % 4, d | d << 16, word.w);
        *(linear_wgmma_word *)(stage + (row * 128 + ((c ^ row) & 7) * 16)) = word;
    }
}

} // namespace HDI_GPU_NAMESPACE

#endif
