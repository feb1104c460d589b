/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/argmax/argmax.h"
#include "kernels/rows.h"

enum { ARGMAX_BLOCK = 512 }; /* the winning block is searched again, element by element */

/* Blocks are compared by their largest number, NaN as infinity + a flag: lane by lane in `v`, the flag in `nan`. */
#define ARGMAX(T, type)                                                                                   \
    static inline int64_t argmax_row_##T(const type *x, int64_t n) {                                      \
        float best = -INFINITY;                                                                           \
        int64_t block = 0, place;                                                                         \
        bool found_nan = false;                                                                           \
        for (int64_t b = 0; b < n && !found_nan; b += ARGMAX_BLOCK) {                                     \
            int64_t end = b + ARGMAX_BLOCK < n ? b + ARGMAX_BLOCK : n, i = b;                             \
            vf max = vf_set1(-INFINITY), nan = vf_zero();                                                 \
            for (; i + VF_LANES <= end; i += VF_LANES) {                                                  \
                vf v = vf_load_##T(x + i);                                                                \
                max = vf_max(v, max);                                                                     \
                nan = vf_select(vf_eq(v, v), nan, vf_set1(1.0f));                                         \
            }                                                                                             \
            if (i < end) { /* lanes past the end repeat the first element of the tail */                  \
                type t[VF_LANES];                                                                         \
                for (int64_t l = 0; l < VF_LANES; l++) t[l] = x[i + l < end ? i + l : i];                 \
                vf v = vf_load_##T(t);                                                                    \
                max = vf_max(v, max);                                                                     \
                nan = vf_select(vf_eq(v, v), nan, vf_set1(1.0f));                                         \
            }                                                                                             \
            found_nan = vf_hmax(nan) > 0.0f;                                                              \
            float m = vf_hmax(max);                                                                       \
            if (found_nan || m > best) {                                                                  \
                best = m;                                                                                 \
                block = b;                                                                                \
            }                                                                                             \
        }                                                                                                 \
        for (place = block; place < n; place++) {                                                         \
            float v[VF_LANES];                                                                            \
            vf_store_f32(v, vf_load_n_##T(x + place, 1));                                                 \
            if (found_nan ? v[0] != v[0] : v[0] == best) return place;                                    \
        }                                                                                                 \
        return 0;                                                                                         \
    }                                                                                                     \
    HDI_KERNEL_BEGIN(argmax, T) {                                                                         \
        const hdi_operand *index = &call->operand[0], *value = &call->operand[1], *x = &call->operand[2]; \
        (void)scratch;                                                                                    \
        for (int64_t r = begin; r < end; r++) {                                                           \
            const type *row = (const type *)x->data + hdi_row_offset(x, r);                               \
            int64_t i = argmax_row_##T(row, hdi_row_length(x)), at = hdi_argmax_offset(index, r);         \
            if (index->dtype == HD_DTYPE_I32)                                                             \
                ((int32_t *)index->data)[at] = (int32_t)i;                                                \
            else                                                                                          \
                ((int64_t *)index->data)[at] = i;                                                         \
            ((type *)value->data)[hdi_argmax_offset(value, r)] = row[i];                                  \
        }                                                                                                 \
    }
ARGMAX(f32, float)
ARGMAX(f16, uint16_t)
ARGMAX(bf16, uint16_t)
#undef ARGMAX
