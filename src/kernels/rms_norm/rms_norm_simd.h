/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rows.h"

#define RMS_NORM(T, type)                                                                                  \
    static inline void rms_norm_row_##T(type *y, const type *x, const type *w, int64_t n, float eps) {     \
        vf sum = vf_zero();                                                                                \
        for (int64_t i = 0; i < n; i += VF_LANES) {                                                        \
            vf v = vf_load_n_##T(x + i, n - i);                                                            \
            sum = vf_fma(v, v, sum);                                                                       \
        }                                                                                                  \
        vf scale = vf_set1(1.0f / sqrtf(vf_sum(sum) / (float)n + eps));                                    \
        for (int64_t i = 0; i < n; i += VF_LANES) {                                                        \
            vf v = vf_mul(vf_mul(vf_load_n_##T(x + i, n - i), scale), vf_load_n_##T(w + i, n - i));        \
            vf_store_n_##T(y + i, v, n - i);                                                               \
        }                                                                                                  \
    }                                                                                                      \
    HDI_KERNEL_BEGIN(rms_norm, T) {                                                                        \
        const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *w = &call->operand[2];          \
        const hdi_rms_norm_attr *attr = call->attr;                                                        \
        (void)scratch;                                                                                     \
        for (int64_t r = begin; r < end; r++)                                                              \
            rms_norm_row_##T((type *)y->data + hdi_row_offset(y, r), (const type *)x->data + hdi_row_offset(x, r), \
                             w->data, hdi_row_length(y), attr->eps);                                       \
    }
RMS_NORM(f32, float)
RMS_NORM(f16, uint16_t)
RMS_NORM(bf16, uint16_t)
#undef RMS_NORM
