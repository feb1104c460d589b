/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/gelu/gelu.h"
#include "kernels/rows.h"

static inline vf gelu_erf(vf x) {
    vf h = vf_mul(x, vf_set1(0.5f)), e = vf_erf(vf_mul(x, vf_set1(0x1.6a09e6p-1f)));
    return vf_mul(h, vf_add(e, vf_set1(1.0f)));
}

static inline vf gelu_tanh(vf x) {
    vf h = vf_mul(x, vf_set1(0.5f)), c = vf_fma(vf_mul(x, x), vf_set1(0.044715f), vf_set1(1.0f));
    return vf_mul(h, vf_add(vf_tanh(vf_mul(vf_mul(x, c), vf_set1(0x1.988454p-1f))), vf_set1(1.0f)));
}

#define GELU(T, type)                                                                         \
    HDI_KERNEL_BEGIN(gelu, T) {                                                               \
        const hdi_operand *y = &call->operand[0], *x = &call->operand[1];                     \
        const hdi_gelu_attr *attr = call->attr;                                               \
        (void)scratch;                                                                        \
        for (int64_t item = begin; item < end; item++) {                                      \
            hdi_chunk c = hdi_chunk_of(y, item);                                              \
            type *py = (type *)y->data + hdi_row_offset(y, c.row) + c.start;                  \
            const type *px = (const type *)x->data + hdi_row_offset(x, c.row) + c.start;      \
            for (int64_t i = 0; i < c.count; i += VF_LANES) {                                 \
                vf v = vf_load_n_##T(px + i, c.count - i);                                    \
                vf_store_n_##T(py + i, attr->tanh ? gelu_tanh(v) : gelu_erf(v), c.count - i); \
            }                                                                                 \
        }                                                                                     \
    }
GELU(f32, float)
GELU(f16, uint16_t)
GELU(bf16, uint16_t)
#undef GELU
