/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/rows.h"

#define LAYER_NORM(T, type)                                                                                                   \
    static inline void layer_norm_row_##T(type *y, const type *x, const type *w, const type *b, int64_t n, float eps) {       \
        vf sum = vf_zero(), squares = vf_zero();                                                                              \
        for (int64_t i = 0; i < n; i += VF_LANES) sum = vf_add(sum, vf_load_n_##T(x + i, n - i));                             \
        vf mean = vf_set1(vf_sum(sum) / (float)n);                                                                            \
        for (int64_t i = 0; i < n; i += VF_LANES) {                                                                           \
            vf v = vf_first(vf_sub(vf_load_n_##T(x + i, n - i), mean), n - i);                                                \
            squares = vf_fma(v, v, squares);                                                                                  \
        }                                                                                                                     \
        vf scale = vf_set1(1.0f / sqrtf(vf_sum(squares) / (float)n + eps));                                                   \
        for (int64_t i = 0; i < n; i += VF_LANES) {                                                                           \
            vf v = vf_mul(vf_sub(vf_load_n_##T(x + i, n - i), mean), scale);                                                  \
            vf bias = b ? vf_load_n_##T(b + i, n - i) : vf_zero();                                                            \
            vf_store_n_##T(y + i, vf_fma(v, vf_load_n_##T(w + i, n - i), bias), n - i);                                       \
        }                                                                                                                     \
    }                                                                                                                         \
    HDI_KERNEL_BEGIN(layer_norm, T) {                                                                                         \
        const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *w = &call->operand[2], *b = &call->operand[3];     \
        const hdi_layer_norm_attr *attr = call->attr;                                                                         \
        (void)scratch;                                                                                                        \
        for (int64_t r = begin; r < end; r++)                                                                                 \
            layer_norm_row_##T((type *)y->data + hdi_row_offset(y, r), (const type *)x->data + hdi_row_offset(x, r), w->data, \
                               call->n_operands > 3 ? b->data : NULL, hdi_row_length(y), attr->eps);                          \
    }
LAYER_NORM(f32, float)
LAYER_NORM(f16, uint16_t)
LAYER_NORM(bf16, uint16_t)
#undef LAYER_NORM
