/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rows.h"
#include "kernels/swiglu/swiglu.h"

#define SWIGLU(T, type)                                                                               \
    HDI_KERNEL_BEGIN(swiglu, T) {                                                                     \
        const hdi_operand *y = &call->operand[0], *gate = &call->operand[1], *up = &call->operand[2]; \
        (void)scratch;                                                                                \
        for (int64_t item = begin; item < end; item++) {                                              \
            hdi_chunk c = hdi_chunk_of(y, item);                                                      \
            type *py = (type *)y->data + hdi_row_offset(y, c.row) + c.start;                          \
            const type *pg = (const type *)gate->data + hdi_row_offset(gate, c.row) + c.start;        \
            const type *pu = (const type *)up->data + hdi_row_offset(up, c.row) + c.start;            \
            for (int64_t i = 0; i < c.count; i += VF_LANES) {                                         \
                vf g = vf_load_n_##T(pg + i, c.count - i), u = vf_load_n_##T(pu + i, c.count - i);    \
                vf silu = vf_div(g, vf_add(vf_exp(vf_neg(g)), vf_set1(1.0f)));                        \
                vf_store_n_##T(py + i, vf_mul(u, silu), c.count - i);                                 \
            }                                                                                         \
        }                                                                                             \
    }
SWIGLU(f32, float)
SWIGLU(f16, uint16_t)
SWIGLU(bf16, uint16_t)
#undef SWIGLU
