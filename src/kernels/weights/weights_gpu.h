/* SPDX-License-Identifier: Apache-2.0 */
/* Single elements of every weight type on a GPU, in rows and in panels: for kernels that need a few of them. Products have their
 * own ways of reading many. */
#ifndef HDI_KERNELS_WEIGHTS_GPU_H
#define HDI_KERNELS_WEIGHTS_GPU_H

#include "kernels/gpu/element.h"

namespace HDI_GPU_NAMESPACE {

/* A plain type. k: the element; panels: [k][row] of a panel of 32 rows and K columns. */
template <typename T> struct gpu_plain_weight {
    enum { BLOCK = 1 };
    static __device__ __forceinline__ float in_row(const uint8_t *row, int64_t k) {
        return T::get(((const typename T::storage *)row)[k]);
    }
    static __device__ __forceinline__ float in_panel(const uint8_t *panel, int row, int64_t k) {
        return T::get(((const typename T::storage *)panel)[k * 32 + row]);
    }
    static int64_t row_bytes(int64_t k) { return k * (int64_t)sizeof(typename T::storage); }
    static int64_t panel_bytes(int64_t k) { return 32 * row_bytes(k); }
};

static __device__ __forceinline__ float gpu_scale_at(const uint8_t *p) { return gpu_f16_to_f32(*(const uint16_t *)p); }

/* q8_0/q8_0.h: 34 bytes a block of a row; 1088 a block of a panel, q[k / 4][row][k % 4] behind the 32 scales. */
struct gpu_q8_0_weight {
    enum { BLOCK = 32 };
    static __device__ __forceinline__ float in_row(const uint8_t *row, int64_t k) {
        const uint8_t *b = row + k / 32 * 34;
        return (float)(int8_t)b[2 + k % 32] * gpu_scale_at(b);
    }
    static __device__ __forceinline__ float in_panel(const uint8_t *panel, int row, int64_t k) {
        const uint8_t *b = panel + k / 32 * 1088;
        int i = (int)(k % 32);
        return (float)(int8_t)b[64 + i / 4 * 128 + row * 4 + i % 4] * gpu_scale_at(b + 2 * row);
    }
    static int64_t row_bytes(int64_t k) { return k / 32 * 34; }
    static int64_t panel_bytes(int64_t k) { return k / 32 * 1088; }
};

/* q4_0/q4_0.h: 18 bytes a block of a row, low nibbles first; 576 a block of a panel, q[k / 8][row][k % 4], the low nibble for
 * k % 8 < 4. */
struct gpu_q4_0_weight {
    enum { BLOCK = 32 };
    static __device__ __forceinline__ float in_row(const uint8_t *row, int64_t k) {
        const uint8_t *b = row + k / 32 * 18;
        int i = (int)(k % 32);
        return (float)((b[2 + i % 16] >> (i < 16 ? 0 : 4) & 15) - 8) * gpu_scale_at(b);
    }
    static __device__ __forceinline__ float in_panel(const uint8_t *panel, int row, int64_t k) {
        const uint8_t *b = panel + k / 32 * 576;
        int i = (int)(k % 32);
        return (float)((b[64 + i / 8 * 128 + row * 4 + i % 4] >> (i % 8 < 4 ? 0 : 4) & 15) - 8) * gpu_scale_at(b + 2 * row);
    }
    static int64_t row_bytes(int64_t k) { return k / 32 * 18; }
    static int64_t panel_bytes(int64_t k) { return k / 32 * 576; }
};

/* Calls f with the type of a weight's dtype. f gives a GPU(Error_t) as int. */
template <typename F> static inline int gpu_with_weight(int dtype, F f) {
    switch (dtype) {
    case HD_DTYPE_F32:
        return f(gpu_plain_weight<f32>());
    case HD_DTYPE_F16:
        return f(gpu_plain_weight<f16>());
    case HD_DTYPE_BF16:
        return f(gpu_plain_weight<bf16>());
    case HD_DTYPE_Q8_0:
        return f(gpu_q8_0_weight());
    case HD_DTYPE_Q4_0:
        return f(gpu_q4_0_weight());
    default:
        return HDI_GPU_UNSUPPORTED;
    }
}

} // namespace HDI_GPU_NAMESPACE

#endif
