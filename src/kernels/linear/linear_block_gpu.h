/* SPDX-License-Identifier: Apache-2.0 */
/* How GPU kernels read block weights from panels (weights/panel.h), 16 rows of a block of 32 k at a time, the shape of a
 * tensor-core tile: 32 lanes, lane 4 a + t has rows 2 a and 2 a + 1 and eight k, so that 16 rows are four stretches of 64 bytes.
 * Integers become floats by setting exponents (an integer in the low bits of a mantissa) and one subtraction, never by conversion
 * instructions, which run at a quarter of the rate. */
#ifndef HDI_KERNELS_LINEAR_BLOCK_GPU_H
#define HDI_KERNELS_LINEAR_BLOCK_GPU_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

struct alignas(8) linear_words2 {
    uint32_t w[2]; /* row 2 a, row 2 a + 1 */
};

/* Two bf16 in a word, each small integer minus small integer, exactly. */
static __device__ __forceinline__ uint32_t linear_sub_bf16x2(uint32_t a, uint32_t b) {
#if GPU_PTX
    uint32_t c, one = 0x3f803f80u;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(c) : "r"(a), "r"(one), "r"(b ^ 0x80008000u));
    return c;
#else
    uint32_t lo = gpu_f32_to_bf16(gpu_bf16_to_f32((uint16_t)a) - gpu_bf16_to_f32((uint16_t)b));
    uint32_t hi = gpu_f32_to_bf16(gpu_bf16_to_f32((uint16_t)(a >> 16)) - gpu_bf16_to_f32((uint16_t)(b >> 16)));
    return lo | hi << 16;
#endif
}

/* Two floats as bf16 in a word. */
static __device__ __forceinline__ uint32_t linear_pack_bf16(float lo, float hi) {
#if GPU_PTX
    uint32_t v;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(hi), "f"(lo));
    return v;
#else
    return gpu_f32_to_bf16(lo) | (uint32_t)gpu_f32_to_bf16(hi) << 16;
#endif
}

/* 2^23 + byte i of u. */
static __device__ __forceinline__ float linear_byte(uint32_t u, int i) {
#if GPU_PTX
    return gpu_bits_to_f32(__byte_perm(u, 0x4b000000u, 0x7440u | (unsigned)i));
#else
    return gpu_bits_to_f32((u >> 8 * i & 0xffu) | 0x4b000000u);
#endif
}

/* A type says: the bytes of a block of 32 rows, how many words of a row a lane reads, where k of a block lies among the eight
 * that a lane holds (`lane(k)`, `slot(k)`), the values of the eight as floats in that order, and as four pairs of bf16 whose
 * elements lie at pair(slot). */
struct linear_q8_0 {
    enum { BYTES = 1088, WORDS = 2 };
    /* Elements 8 i .. 8 i + 7 of a row of a block, before the scale; `row`: the row's first word. */
    static __device__ __forceinline__ void row_values(const uint32_t *row, int i, float *v) {
#pragma unroll
        for (int j = 0; j < 8; j++) v[j] = linear_byte(row[32 * (2 * i + j / 4)] ^ 0x80808080u, j % 4) - 8388736.0f;
    }
    static __device__ __forceinline__ int lane(int k) { return k % 16 / 4; }
    static __device__ __forceinline__ int slot(int k) { return k / 16 * 4 + k % 4; }
    static __device__ __forceinline__ int pair(int slot) { return slot / 4 * 4 + slot % 2 * 2 + slot % 4 / 2; }
    static __device__ __forceinline__ void values(const linear_words2 *w, int row, float *v) {
#pragma unroll
        for (int i = 0; i < 8; i++)
            v[i] = gpu_bits_to_f32((((w[i / 4].w[row] ^ 0x80808080u) >> 8 * (i % 4)) & 0xffu) | 0x4b000000u) - 8388736.0f;
    }
    static __device__ __forceinline__ void pairs(const linear_words2 *w, int row, uint32_t *v) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint32_t q = w[i / 2].w[row] >> 8 * (i % 2); /* 128 + the low seven bits, minus 128 or (negative) 256 */
            v[i] = linear_sub_bf16x2((q & 0x007f007fu) | 0x43004300u, (q & 0x00800080u) | 0x43004300u);
        }
    }
};

struct linear_q4_0 {
    enum { BYTES = 576, WORDS = 1 };
    static __device__ __forceinline__ void row_values(const uint32_t *row, int i, float *v) {
#pragma unroll
        for (int j = 0; j < 8; j++) v[j] = linear_byte(row[32 * i] >> j / 4 * 4 & 0x0f0f0f0fu, j % 4) - 8388616.0f;
    }
    static __device__ __forceinline__ int lane(int k) { return k / 8; }
    static __device__ __forceinline__ int slot(int k) { return k % 8; }
    static __device__ __forceinline__ int pair(int slot) { return slot % 2 * 4 + slot / 2; }
    static __device__ __forceinline__ void values(const linear_words2 *w, int row, float *v) {
#pragma unroll
        for (int i = 0; i < 8; i++)
            v[i] = gpu_bits_to_f32((w->w[row] >> (8 * (i % 4) + i / 4 * 4) & 15u) | 0x4b000000u) - 8388616.0f;
    }
    static __device__ __forceinline__ void pairs(const linear_words2 *w, int row, uint32_t *v) {
#pragma unroll
        for (int i = 0; i < 4; i++) v[i] = linear_sub_bf16x2((w->w[row] >> 4 * i & 0x000f000fu) | 0x43004300u, 0x43084308u);
    }
};

/* What a lane holds of 16 rows of a block: words, and the scales of its two rows. */
template <typename B> struct linear_piece {
    linear_words2 q[B::WORDS];
    uint32_t d;
};

/* Where a lane reads these of a block; other blocks of the panel lie B::BYTES apart. `row`: 0 or 16. */
struct linear_place {
    const char *q, *d;
};
static __device__ __forceinline__ linear_place linear_place_of(const char *block, int row, int lane) {
    int first = row + lane / 4 * 2;
    return {block + 64 + 128 * (lane % 4) + 4 * first, block + 2 * first};
}
template <typename B>
static __device__ __forceinline__ void linear_load_piece(linear_piece<B> &to, const linear_place &at, int offset) {
#pragma unroll
    for (int i = 0; i < B::WORDS; i++) to.q[i] = gpu_load_stream((const linear_words2 *)(at.q + offset + 512 * i));
    to.d = gpu_load_stream((const uint32_t *)(at.d + offset));
}

} // namespace HDI_GPU_NAMESPACE

#endif
