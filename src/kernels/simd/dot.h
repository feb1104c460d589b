/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of dot products with lanes along the summed dim: rows of f32 times four rows of some plain type. */
#ifndef HDI_KERNELS_SIMD_DOT_H
#define HDI_KERNELS_SIMD_DOT_H

/* acc[m][n] = the 16 partial sums of x[m][k] * w[n][k] over k0 <= k < k1, for m < mr (a constant) and n < 4. Partial sum l takes
 * the k with (k - k0) % 16 == l, in order. */
#define DOT_TILE(T, type)                                                                                           \
    VF_INLINE void dot_tile_##T(const int mr, vf acc[][4], const float *const *x, const type *const *w, int64_t k0, \
                                int64_t k1) {                                                                       \
        const type *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];                                                  \
        int64_t k = k0;                                                                                             \
        VF_UNROLL for (int m = 0; m < mr; m++) acc[m][0] = acc[m][1] = acc[m][2] = acc[m][3] = vf_zero();           \
        for (; k + VF_LANES <= k1; k += VF_LANES) {                                                                 \
            vf a = vf_load_##T(w0 + k), b = vf_load_##T(w1 + k), c = vf_load_##T(w2 + k), d = vf_load_##T(w3 + k);  \
            VF_UNROLL for (int m = 0; m < mr; m++) {                                                                \
                vf v = vf_load_f32(x[m] + k);                                                                       \
                acc[m][0] = vf_fma(v, a, acc[m][0]);                                                                \
                acc[m][1] = vf_fma(v, b, acc[m][1]);                                                                \
                acc[m][2] = vf_fma(v, c, acc[m][2]);                                                                \
                acc[m][3] = vf_fma(v, d, acc[m][3]);                                                                \
            }                                                                                                       \
        }                                                                                                           \
        if (k < k1) {                                                                                               \
            int64_t n = k1 - k;                                                                                     \
            vf a = vf_load_n_##T(w0 + k, n), b = vf_load_n_##T(w1 + k, n);                                          \
            vf c = vf_load_n_##T(w2 + k, n), d = vf_load_n_##T(w3 + k, n);                                          \
            VF_UNROLL for (int m = 0; m < mr; m++) {                                                                \
                vf v = vf_load_n_f32(x[m] + k, n);                                                                  \
                acc[m][0] = vf_fma(v, a, acc[m][0]);                                                                \
                acc[m][1] = vf_fma(v, b, acc[m][1]);                                                                \
                acc[m][2] = vf_fma(v, c, acc[m][2]);                                                                \
                acc[m][3] = vf_fma(v, d, acc[m][3]);                                                                \
            }                                                                                                       \
        }                                                                                                           \
    }
/* The same for one row of x and four of w, bound by memory. Four short streams are more than hardware prefetchers follow, so the
 * rows that come next, `row` elements each, the first at `next` and then `step` apart, are prefetched meanwhile in the order of
 * their addresses, as one stream. (Rows of 224 bf16 out of 896: 4.6 GB/s against 3.9 without; of 768 out of 1536 it gives 1%: the
 * hardware fetches what lies between all the same, and rows that follow each other go at twice that rate.) */
#define DOT_ROW(T, type)                                                                                                  \
    VF_INLINE void dot_row_##T(vf acc[4], const float *x, const type *const *w, int64_t k0, int64_t k1, const type *next, \
                               int64_t row, int64_t step) {                                                               \
        const type *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];                                                        \
        const int64_t line = 64 / (int64_t)sizeof(type);                                                                  \
        vf a = vf_zero(), b = a, c = a, d = a;                                                                            \
        int64_t k = k0, ahead = 4 * k0;                                                                                   \
        for (; ahead >= row && row > 0; ahead -= row) next += step;                                                       \
        for (; k + line <= k1; k += line) {                                                                               \
            VF_UNROLL for (int i = 0; i < 4; i++) {                                                                       \
                __builtin_prefetch(next + ahead);                                                                         \
                ahead += line;                                                                                            \
                next += ahead >= row ? step : 0;                                                                          \
                ahead -= ahead >= row ? row : 0;                                                                          \
            }                                                                                                             \
            VF_UNROLL for (int64_t i = 0; i < line; i += VF_LANES) {                                                      \
                vf v = vf_load_f32(x + k + i);                                                                            \
                a = vf_fma(v, vf_load_##T(w0 + k + i), a);                                                                \
                b = vf_fma(v, vf_load_##T(w1 + k + i), b);                                                                \
                c = vf_fma(v, vf_load_##T(w2 + k + i), c);                                                                \
                d = vf_fma(v, vf_load_##T(w3 + k + i), d);                                                                \
            }                                                                                                             \
        }                                                                                                                 \
        for (; k < k1; k += VF_LANES) {                                                                                   \
            vf v = vf_load_n_f32(x + k, k1 - k);                                                                          \
            a = vf_fma(v, vf_load_n_##T(w0 + k, k1 - k), a);                                                              \
            b = vf_fma(v, vf_load_n_##T(w1 + k, k1 - k), b);                                                              \
            c = vf_fma(v, vf_load_n_##T(w2 + k, k1 - k), c);                                                              \
            d = vf_fma(v, vf_load_n_##T(w3 + k, k1 - k), d);                                                              \
        }                                                                                                                 \
        acc[0] = a;                                                                                                       \
        acc[1] = b;                                                                                                       \
        acc[2] = c;                                                                                                       \
        acc[3] = d;                                                                                                       \
    }
DOT_ROW(f32, float)
DOT_ROW(f16, uint16_t)
DOT_ROW(bf16, uint16_t)
#undef DOT_ROW

DOT_TILE(f32, float)
DOT_TILE(f16, uint16_t)
DOT_TILE(bf16, uint16_t)
#undef DOT_TILE
#endif
