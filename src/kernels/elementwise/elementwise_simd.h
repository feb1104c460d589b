/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/elementwise/elementwise.h"
#include "kernels/rows.h"

/* Up to 16 elements at any stride. */
#define STRIDED(T, type)                                                             \
    static inline vf strided_load_##T(const type *p, int64_t stride, int64_t n) {    \
        if (stride == 1) return vf_load_n_##T(p, n);                                 \
        type t[VF_LANES] = {0};                                                      \
        for (int i = 0; i < VF_LANES && i < n; i++) t[i] = p[i * stride];            \
        return vf_load_##T(t);                                                       \
    }                                                                                \
    static inline void strided_store_##T(type *p, int64_t stride, vf v, int64_t n) { \
        type t[VF_LANES];                                                            \
        if (stride == 1) {                                                           \
            vf_store_n_##T(p, v, n);                                                 \
            return;                                                                  \
        }                                                                            \
        vf_store_##T(t, v);                                                          \
        for (int i = 0; i < VF_LANES && i < n; i++) p[i * stride] = t[i];            \
    }
STRIDED(f32, float)
STRIDED(f16, uint16_t)
STRIDED(bf16, uint16_t)
#undef STRIDED

#define ELEMENTWISE(op, T, type)                                                                                               \
    static inline void op##_dense_##T(type *y, const type *a, const type *b, int64_t n) {                                      \
        for (int64_t i = 0; i < n; i += VF_LANES)                                                                              \
            vf_store_n_##T(y + i, vf_##op(vf_load_n_##T(a + i, n - i), vf_load_n_##T(b + i, n - i)), n - i);                   \
    }                                                                                                                          \
    HDI_KERNEL_BEGIN(op, T) {                                                                                                  \
        const hdi_operand *y = &call->operand[0], *a = &call->operand[1], *b = &call->operand[2];                              \
        int last = y->rank - 1;                                                                                                \
        int64_t sy = last < 0 ? 1 : y->stride[last], sa = last < 0 ? 1 : a->stride[last], sb = last < 0 ? 1 : b->stride[last]; \
        (void)scratch;                                                                                                         \
        for (int64_t item = begin; item < end; item++) {                                                                       \
            hdi_chunk c = hdi_chunk_of(y, item);                                                                               \
            type *py = (type *)y->data + hdi_row_offset(y, c.row) + c.start * sy;                                              \
            const type *pa = (const type *)a->data + hdi_row_offset(a, c.row) + c.start * sa;                                  \
            const type *pb = (const type *)b->data + hdi_row_offset(b, c.row) + c.start * sb;                                  \
            if (sy == 1 && sa == 1 && sb == 1) {                                                                               \
                op##_dense_##T(py, pa, pb, c.count);                                                                           \
                continue;                                                                                                      \
            }                                                                                                                  \
            for (int64_t i = 0; i < c.count; i += VF_LANES) {                                                                  \
                int64_t n = c.count - i;                                                                                       \
                vf v = vf_##op(strided_load_##T(pa + i * sa, sa, n), strided_load_##T(pb + i * sb, sb, n));                    \
                strided_store_##T(py + i * sy, sy, v, n);                                                                      \
            }                                                                                                                  \
        }                                                                                                                      \
    }
ELEMENTWISE(add, f32, float)
ELEMENTWISE(add, f16, uint16_t)
ELEMENTWISE(add, bf16, uint16_t)
ELEMENTWISE(mul, f32, float)
ELEMENTWISE(mul, f16, uint16_t)
ELEMENTWISE(mul, bf16, uint16_t)
#undef ELEMENTWISE
