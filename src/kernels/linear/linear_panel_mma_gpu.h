/* SPDX-License-Identifier: Apache-2.0 */
/* How pieces of block weights are multiplied by tensor cores for few rows of x, nothing rounded: integers of 4 and 8 bits are
 * bf16 numbers, and an f32 is the sum of three, which are columns of their own. A piece of 16 rows and 32 k takes 4 words of
 * instructions to multiply, and 11 (q4_0) or 14 (q8_0) a row to unpack; fma would take 32 a row of x more. The scale of a block
 * is applied to its sums in f32. Columns do not meet, so the bits of a row of x do not depend on others. */
#ifndef HDI_KERNELS_LINEAR_PANEL_MMA_GPU_H
#define HDI_KERNELS_LINEAR_PANEL_MMA_GPU_H

#include "kernels/gpu/mma.h"
#include "kernels/linear/linear_block_gpu.h"
#include "kernels/linear/linear_gpu.h"

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_MMA

/* v = part 0 + part 1 + part 2, each a bf16, exactly (but below the least f32 that is not subnormal). */
static __device__ __forceinline__ void linear_split(float v, uint16_t *part) {
    uint32_t bits = gpu_f32_to_bits(v);
    part[0] = (uint16_t)(bits >> 16);
    part[1] = part[2] = 0;
    if ((bits & 0x7f800000u) == 0x7f800000u) { /* an infinity, or NaN, which must stay one */
        if (bits & 0x007fffffu) part[0] |= 0x40u;
        return;
    }
    v -= gpu_bits_to_f32(bits & 0xffff0000u);
    bits = gpu_f32_to_bits(v);
    part[1] = (uint16_t)(bits >> 16);
    part[2] = (uint16_t)(gpu_f32_to_bits(v - gpu_bits_to_f32(bits & 0xffff0000u)) >> 16);
}

/* T: tiles of 8 columns, for 8 T / 3 rows of x. */
template <typename B, int T> struct linear_panel_mma {
    typedef B block;
    enum { COLUMNS = 8 * T, PARTS = 3, X_BLOCK = 64 };
    struct sums {
        float s[2][T][4];
    };

    /* Bytes of a column: neighbours lie half the banks apart. */
    HDI_DEVICE_TOO static int32_t pitch(int32_t k) { return 2 * k % 128 == 64 ? 2 * k : 2 * k + 64; }
    HDI_DEVICE_TOO static int64_t x_bytes(int32_t rows, int32_t k) { return (int64_t)3 * rows * pitch(k); }
    static __device__ __forceinline__ void put(char *x, int32_t, int32_t k_all, int m, int k, float v) {
        uint16_t part[3];
        linear_split(v, part);
        char *to = x + 3 * m * pitch(k_all) + (k / 32 * 32 + B::lane(k % 32) * 8 + B::pair(B::slot(k % 32))) * 2;
        for (int i = 0; i < 3; i++) *(uint16_t *)(to + i * pitch(k_all)) = part[i];
    }
    static __device__ __forceinline__ void clear(sums &to) {
#pragma unroll
        for (int i = 0; i < 2 * T * 4; i++) to.s[i / (4 * T)][i / 4 % T][i % 4] = 0;
    }
    struct lane_x {
        const char *at[T]; /* of the lane's column of each tile */
        int32_t columns;
    };
    static __device__ __forceinline__ lane_x lane_of(const char *x, int32_t rows, int32_t k_all, int lane) {
        lane_x l;
        l.columns = 3 * rows;
#pragma unroll
        for (int t = 0; t < T; t++) {
            int column = 8 * t + lane / 4 < l.columns ? 8 * t + lane / 4 : 0; /* nobody reads what comes of the others */
            l.at[t] = x + column * pitch(k_all) + lane % 4 * 16;
        }
        return l;
    }
    static __device__ __forceinline__ void multiply(const lane_x &x, int32_t offset, const linear_piece<B> &w, int group,
                                                    sums &to) {
        uint32_t u[4], v[4];
        float du = gpu_f16_to_f32((uint16_t)w.d), dv = gpu_f16_to_f32((uint16_t)(w.d >> 16));
        B::pairs(w.q, 0, u);
        B::pairs(w.q, 1, v);
        const uint32_t a[2][4] = {{u[0], v[0], u[1], v[1]}, {u[2], v[2], u[3], v[3]}};
#pragma unroll
        for (int t = 0; t < T; t++) {
            if (T > 1 && 8 * t >= x.columns) break;
            uint4 words = *(const uint4 *)(x.at[t] + offset);
            const uint32_t c[2][2] = {{words.x, words.y}, {words.z, words.w}};
            float part[4] = {0, 0, 0, 0};
            gpu_mma_bf16(part, a[0], c[0]);
            gpu_mma_bf16(part, a[1], c[1]);
#pragma unroll
            for (int i = 0; i < 4; i++) to.s[group][t][i] = fmaf(i < 2 ? du : dv, part[i], to.s[group][t][i]);
        }
    }
    static __device__ __forceinline__ void deliver(const sums &from, int32_t, int lane, float *out) {
#pragma unroll
        for (int i = 0; i < 2 * T * 4; i++) {
            int group = i / (4 * T), t = i / 4 % T, e = i % 4;
            out[(group * 16 + lane / 4 * 2 + e / 2) * COLUMNS + 8 * t + lane % 4 * 2 + e % 2] = from.s[group][t][e];
        }
    }
};

#endif

} // namespace HDI_GPU_NAMESPACE

#endif
