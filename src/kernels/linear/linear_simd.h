/* SPDX-License-Identifier: Apache-2.0 */
/* Products with weights by strides: lanes along K. A tile of rows of x times rows of w holds its sums in registers, so that each
 * vector loaded is used several times; one row of x takes four rows of w at once to keep four chains of fma busy. */
#include <string.h>

#include "base/float16.h"
#include "kernels/linear/linear.h"
#include "kernels/simd/dot.h"

/* Registers: DOT_MR x DOT_NR sums. */
#if VF_REGISTERS >= 32
#define LINEAR_MR 6
#else
#define LINEAR_MR 1
#endif

typedef struct linear_strided {
    hdi_linear_grid g;
    const hdi_operand *y, *x, *w, *bias;
    int slices;
    int64_t cut[9]; /* where slices begin */
} linear_strided;

static inline linear_strided linear_strided_of(const hdi_kernel_call *call) {
    linear_strided l = {.g = hdi_linear_grid_of(call),
                        .y = &call->operand[0],
                        .x = &call->operand[1],
                        .w = &call->operand[2],
                        .bias = call->operand[3].data ? &call->operand[3] : NULL,
                        .slices = ((const hdi_linear_attr *)call->attr)->k_slices};
    for (int s = 0; s <= l.slices; s++) l.cut[s] = hdi_linear_slice(call->attr, l.g.k, s);
    return l;
}

static inline float linear_bias(const hdi_operand *bias, int64_t n) {
    if (bias->dtype == HD_DTYPE_F32) return ((const float *)bias->data)[n];
    uint16_t h = ((const uint16_t *)bias->data)[n];
    return bias->dtype == HD_DTYPE_F16 ? hdi_f16_to_f32(h) : hdi_bf16_to_f32(h);
}

/* The rows of x [m0, m1), as f32: converted to scratch where they are narrower. */
static inline void linear_rows_f32(const hdi_operand *x, int64_t m0, int64_t m1, int64_t k, float *scratch, const float **rows) {
    int64_t step = (int64_t)hdi_align_up((size_t)k, 16);
    for (int64_t m = m0; m < m1; m++) {
        int64_t at = hdi_row_offset(x, m);
        if (x->dtype == HD_DTYPE_F32) {
            rows[m - m0] = (const float *)x->data + at;
            continue;
        }
        const uint16_t *from = (const uint16_t *)x->data + at;
        float *to = scratch + (m - m0) * step;
        for (int64_t i = 0; i < k; i += VF_LANES)
            vf_store_f32(to + i, x->dtype == HD_DTYPE_F16 ? vf_load_n_f16(from + i, k - i) : vf_load_n_bf16(from + i, k - i));
        rows[m - m0] = to;
    }
}

/* Adds the slices' sums in the fixed order. `sum` is [slices][4]. */
static inline void linear_add_slices(float sum[8][4], int slices) {
    for (int half = 1; half < slices; half *= 2)
        for (int s = 0; s < slices; s += 2 * half)
            for (int n = 0; n < 4; n++) sum[s][n] += sum[s + half][n];
}

static inline void linear_store4(const linear_strided *l, int64_t m, int64_t n, const float *sum) {
    int64_t at = hdi_row_offset(l->y, m) + n, count = hdi_min_i64(4, l->g.n - n);
    for (int64_t i = 0; i < count; i++) {
        float v = l->bias ? sum[i] + linear_bias(l->bias, n + i) : sum[i];
        switch (l->y->dtype) {
        case HD_DTYPE_F32:
            ((float *)l->y->data)[at + i] = v;
            break;
        case HD_DTYPE_F16:
            ((uint16_t *)l->y->data)[at + i] = hdi_f32_to_f16(v);
            break;
        default:
            ((uint16_t *)l->y->data)[at + i] = hdi_f32_to_bf16(v);
            break;
        }
    }
}

/* Bytes of four rows that may be fetched into the first cache ahead of their use: half of it. */
enum { LINEAR_AHEAD = 16384 };

#define LINEAR_STRIDED(W, type)                                                                                             \
    VF_INLINE void linear_tile_##W(const linear_strided *l, const int mr, const float *const *x, const type *const *w,      \
                                   float out[][8][4]) {                                                                     \
        for (int s = 0; s < l->slices; s++) {                                                                               \
            vf acc[LINEAR_MR][4];                                                                                           \
            dot_tile_##W(mr, acc, x, w, l->cut[s], l->cut[s + 1]);                                                          \
            VF_UNROLL for (int m = 0; m < mr; m++) vf_sum4(acc[m][0], acc[m][1], acc[m][2], acc[m][3], out[m][s]);          \
        }                                                                                                                   \
        for (int m = 0; m < mr; m++) linear_add_slices(out[m], l->slices);                                                  \
    }                                                                                                                       \
    static void linear_row_##W(const linear_strided *l, const float *x, const type *const *w, float out[8][4]) {            \
        for (int s = 0; s < l->slices; s++) {                                                                               \
            vf acc[4];                                                                                                      \
            if (4 * l->g.k * (int64_t)sizeof(type) <= LINEAR_AHEAD)                                                         \
                dot_row_##W(acc, x, w, l->cut[s], l->cut[s + 1], w[0] + 4 * l->w->stride[0], l->g.k, l->w->stride[0]);      \
            else                                                                                                            \
                dot_tile_##W(1, (vf(*)[4]) & acc, &x, w, l->cut[s], l->cut[s + 1]);                                         \
            vf_sum4(acc[0], acc[1], acc[2], acc[3], out[s]);                                                                \
        }                                                                                                                   \
        linear_add_slices(out, l->slices);                                                                                  \
    }                                                                                                                       \
    static void linear_tiles_##W(const linear_strided *l, int mr, const float *const *x, const type *const *w,              \
                                 float out[][8][4]) {                                                                       \
        switch (mr) {                                                                                                       \
            LINEAR_TILE_CASES(W)                                                                                            \
        default:                                                                                                            \
            linear_row_##W(l, x[0], w, out[0]);                                                                             \
            break;                                                                                                          \
        }                                                                                                                   \
    }                                                                                                                       \
    static void linear_strided_##W(const hdi_kernel_call *call, int64_t begin, int64_t end, float *scratch) {               \
        linear_strided l = linear_strided_of(call);                                                                         \
        while (begin < end) {                                                                                               \
            int64_t block = begin / l.g.columns, c0 = begin % l.g.columns, c1 = hdi_min_i64(l.g.columns, c0 + end - begin); \
            int64_t m0 = block * l.g.rows, m1 = hdi_min_i64(l.g.m, m0 + l.g.rows);                                          \
            const float *x[HDI_LINEAR_M];                                                                                   \
            linear_rows_f32(l.x, m0, m1, l.g.k, scratch, x);                                                                \
            for (int64_t c = c0; c < c1; c++) {                                                                             \
                const type *w[4];                                                                                           \
                for (int64_t i = 0; i < 4; i++) /* rows beyond N: the last one again, not stored */                         \
                    w[i] = (const type *)l.w->data + hdi_min_i64(c * 4 + i, l.g.n - 1) * l.w->stride[0];                    \
                for (int64_t m = m0, left = hdi_ceil_div(m1 - m0, LINEAR_MR), mr; m < m1; m += mr, left--) {                \
                    float out[LINEAR_MR][8][4];                                                                             \
                    mr = hdi_ceil_div(m1 - m, left);                                                                        \
                    linear_tiles_##W(&l, (int)mr, x + (m - m0), w, out);                                                    \
                    for (int64_t i = 0; i < mr; i++) linear_store4(&l, m + i, c * 4, out[i][0]);                            \
                }                                                                                                           \
            }                                                                                                               \
            begin += c1 - c0;                                                                                               \
        }                                                                                                                   \
    }
#define LINEAR_TILE_CASE(W, n)            \
    case n:                               \
        linear_tile_##W(l, n, x, w, out); \
        break;
#if LINEAR_MR == 6
#define LINEAR_TILE_CASES(W) \
    LINEAR_TILE_CASE(W, 2) LINEAR_TILE_CASE(W, 3) LINEAR_TILE_CASE(W, 4) LINEAR_TILE_CASE(W, 5) LINEAR_TILE_CASE(W, 6)
#else
#define LINEAR_TILE_CASES(W)
#endif
LINEAR_STRIDED(f32, float)
LINEAR_STRIDED(f16, uint16_t)
LINEAR_STRIDED(bf16, uint16_t)

HDI_KERNEL_BEGIN(linear, f32_f32) { linear_strided_f32(call, begin, end, scratch); }
HDI_KERNEL_BEGIN(linear, f32_f16) { linear_strided_f16(call, begin, end, scratch); }
HDI_KERNEL_BEGIN(linear, f32_bf16) { linear_strided_bf16(call, begin, end, scratch); }
HDI_KERNEL_BEGIN(linear, f16_f16) { linear_strided_f16(call, begin, end, scratch); }
HDI_KERNEL_BEGIN(linear, bf16_bf16) { linear_strided_bf16(call, begin, end, scratch); }
#undef LINEAR_STRIDED
#undef LINEAR_TILE_CASE
#undef LINEAR_TILE_CASES
