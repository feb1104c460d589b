/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rows.h"
#include "kernels/softmax/softmax.h"

#define SOFTMAX(T, type)                                                                                                    \
    /* The largest number of a row; NaN is passed over. */                                                                  \
    static inline float row_max_##T(const type *x, int64_t n) {                                                             \
        vf max = vf_set1(-INFINITY);                                                                                        \
        int64_t i = 0;                                                                                                      \
        for (; i + VF_LANES <= n; i += VF_LANES) max = vf_max(vf_load_##T(x + i), max);                                     \
        if (i < n) { /* lanes past the end repeat the first element of the tail */                                          \
            type t[VF_LANES];                                                                                               \
            for (int64_t l = 0; l < VF_LANES; l++) t[l] = x[i + l < n ? i + l : i];                                         \
            max = vf_max(vf_load_##T(t), max);                                                                              \
        }                                                                                                                   \
        return vf_hmax(max);                                                                                                \
    }                                                                                                                       \
    static inline void softmax_row_##T(type *y, const type *x, int64_t n, float *e) {                                       \
        float m = row_max_##T(x, n);                                                                                        \
        vf max = vf_set1(m == -INFINITY ? 0.0f : m), sum = vf_zero();                                                       \
        for (int64_t i = 0; i < n; i += VF_LANES) {                                                                         \
            vf v = vf_exp(vf_sub(vf_load_n_##T(x + i, n - i), max));                                                        \
            vf_store_n_f32(e + i, v, n - i);                                                                                \
            sum = vf_add(sum, vf_first(v, n - i));                                                                          \
        }                                                                                                                   \
        float s = vf_sum(sum);                                                                                              \
        vf scale = vf_set1(s == 0.0f ? 0.0f : 1.0f / s);                                                                    \
        for (int64_t i = 0; i < n; i += VF_LANES) vf_store_n_##T(y + i, vf_mul(vf_load_n_f32(e + i, n - i), scale), n - i); \
    }                                                                                                                       \
    HDI_KERNEL_BEGIN(softmax, T) {                                                                                          \
        const hdi_operand *y = &call->operand[0], *x = &call->operand[1];                                                   \
        for (int64_t r = begin; r < end; r++)                                                                               \
            softmax_row_##T((type *)y->data + hdi_row_offset(y, r), (const type *)x->data + hdi_row_offset(x, r),           \
                            hdi_row_length(y), scratch);                                                                    \
    }
SOFTMAX(f32, float)
SOFTMAX(f16, uint16_t)
SOFTMAX(bf16, uint16_t)
#undef SOFTMAX
