/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/rope/rope.h"
#include "kernels/rows.h"

#define ROPE(T, type)                                                                                                       \
    static inline void rope_halves_##T(type *y, const type *x, const float *cos, const float *sin, int64_t r) {             \
        for (int64_t j = 0; j < r; j += VF_LANES) {                                                                         \
            vf a = vf_load_n_##T(x + j, r - j), b = vf_load_n_##T(x + r + j, r - j);                                        \
            vf c = vf_load_n_f32(cos + j, r - j), s = vf_load_n_f32(sin + j, r - j);                                        \
            vf_store_n_##T(y + j, vf_sub(vf_mul(a, c), vf_mul(b, s)), r - j);                                               \
            vf_store_n_##T(y + r + j, vf_add(vf_mul(b, c), vf_mul(a, s)), r - j);                                           \
        }                                                                                                                   \
    }                                                                                                                       \
    /* 16 pairs at a time, taken apart and put together through memory. */                                                  \
    static inline void rope_pairs_##T(type *y, const type *x, const float *cos, const float *sin, int64_t r) {              \
        for (int64_t j = 0; j < r; j += VF_LANES) {                                                                         \
            int64_t n = 2 * (r - j);                                                                                        \
            float t[2 * VF_LANES], even[VF_LANES], odd[VF_LANES];                                                           \
            vf_store_f32(t, vf_load_n_##T(x + 2 * j, n));                                                                   \
            vf_store_f32(t + VF_LANES, n > VF_LANES ? vf_load_n_##T(x + 2 * j + VF_LANES, n - VF_LANES) : vf_zero());       \
            for (int l = 0; l < VF_LANES; l++) {                                                                            \
                even[l] = t[2 * l];                                                                                         \
                odd[l] = t[2 * l + 1];                                                                                      \
            }                                                                                                               \
            vf a = vf_load_f32(even), b = vf_load_f32(odd);                                                                 \
            vf c = vf_load_n_f32(cos + j, r - j), s = vf_load_n_f32(sin + j, r - j);                                        \
            vf_store_f32(even, vf_sub(vf_mul(a, c), vf_mul(b, s)));                                                         \
            vf_store_f32(odd, vf_add(vf_mul(b, c), vf_mul(a, s)));                                                          \
            for (int l = 0; l < VF_LANES; l++) {                                                                            \
                t[2 * l] = even[l];                                                                                         \
                t[2 * l + 1] = odd[l];                                                                                      \
            }                                                                                                               \
            vf_store_n_##T(y + 2 * j, vf_load_f32(t), n);                                                                   \
            if (n > VF_LANES) vf_store_n_##T(y + 2 * j + VF_LANES, vf_load_f32(t + VF_LANES), n - VF_LANES);                \
        }                                                                                                                   \
    }                                                                                                                       \
    HDI_KERNEL_BEGIN(rope, T) {                                                                                             \
        const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *c = &call->operand[2], *s = &call->operand[3];   \
        const hdi_rope_attr *attr = call->attr;                                                                             \
        int64_t r = c->shape[1], rest = y->shape[2] - 2 * r;                                                                \
        (void)scratch;                                                                                                      \
        for (int64_t row = begin; row < end; row++) {                                                                       \
            int64_t t = row / y->shape[1], h = row - t * y->shape[1];                                                       \
            type *py = (type *)y->data + t * y->stride[0] + h * y->stride[1];                                               \
            const type *px = (const type *)x->data + t * x->stride[0] + h * x->stride[1];                                   \
            const float *cos = (const float *)c->data + t * c->stride[0], *sin = (const float *)s->data + t * s->stride[0]; \
            if (attr->interleaved)                                                                                          \
                rope_pairs_##T(py, px, cos, sin, r);                                                                        \
            else                                                                                                            \
                rope_halves_##T(py, px, cos, sin, r);                                                                       \
            if (rest > 0 && py != px) memcpy(py + 2 * r, px + 2 * r, (size_t)rest * sizeof *py);                            \
        }                                                                                                                   \
    }
ROPE(f32, float)
ROPE(f16, uint16_t)
ROPE(bf16, uint16_t)
#undef ROPE
