/* SPDX-License-Identifier: Apache-2.0 */
/* Products with panels: lanes are rows of w. Several rows of x go through tiles of f32: a piece of a panel is turned into f32
 * once, and used by every tile of the block. One row of x reads the panel as it is (linear_panel_type.h). */
#include "kernels/linear/linear_scratch.h"
#include "kernels/weights/panel.h"

/* A tile is PANEL_MR rows of x by PANEL_NV vectors of 16 rows of w. */
#if VF_REGISTERS >= 32
enum { PANEL_MR = 12, PANEL_NV = 2 };
#else
enum { PANEL_MR = 6, PANEL_NV = 1 };
#endif

/* sum[m][...] goes on over kn elements of K, w being [kn][32]; the rows of x are KC apart. With scales (one row of 32 every 32
 * k), the sum of a block is scaled before it is added. */
VF_INLINE void panel_tile(const int mr, const bool scaled, const float *x, const float *w, const float *scale, int64_t kn,
                          float *sum) {
    vf acc[12][2];
    int64_t step = scaled ? 32 : kn;
    for (int64_t k0 = 0; k0 < kn; k0 += step) {
        VF_UNROLL for (int m = 0; m < mr; m++) VF_UNROLL for (int v = 0; v < PANEL_NV; v++) acc[m][v] =
            scaled ? vf_zero() : vf_load_f32(sum + m * 32 + v * 16);
        for (int64_t k = k0; k < k0 + step; k++) {
            vf b[2];
            VF_UNROLL for (int v = 0; v < PANEL_NV; v++) b[v] = vf_load_f32(w + k * 32 + v * 16);
            VF_UNROLL for (int m = 0; m < mr; m++) {
                vf a = vf_set1(x[m * HDI_LINEAR_KC + k]);
                VF_UNROLL for (int v = 0; v < PANEL_NV; v++) acc[m][v] = vf_fma(a, b[v], acc[m][v]);
            }
        }
        VF_UNROLL for (int m = 0; m < mr; m++) VF_UNROLL for (int v = 0; v < PANEL_NV; v++) {
            float *s = sum + m * 32 + v * 16;
            if (scaled) acc[m][v] = vf_fma(vf_load_f32(scale + k0 + v * 16), acc[m][v], vf_load_f32(s));
            vf_store_f32(s, acc[m][v]);
        }
    }
}

#define PANEL_CASE(n)                                \
    case n:                                          \
        panel_tile(n, scaled, x, w, scale, kn, sum); \
        break;
#define PANEL_TILES(name, scaled_value)                                                                                \
    static void name(int mr, const float *x, const float *w, const float *scale, int64_t kn, float *sum) {             \
        const bool scaled = scaled_value;                                                                              \
        switch (mr) { PANEL_CASE(1) PANEL_CASE(2) PANEL_CASE(3) PANEL_CASE(4) PANEL_CASE(5) PANEL_CASE(6) PANEL_MORE } \
    }
#if VF_REGISTERS >= 32
#define PANEL_MORE PANEL_CASE(7) PANEL_CASE(8) PANEL_CASE(9) PANEL_CASE(10) PANEL_CASE(11) PANEL_CASE(12)
#else
#define PANEL_MORE
#endif
PANEL_TILES(panel_tiles_plain, false)
PANEL_TILES(panel_tiles_scaled, true)
#undef PANEL_CASE
#undef PANEL_TILES
#undef PANEL_MORE

/* rows x kn values of x into scratch. */
static void panel_take_x(const float *const *rows, int64_t m, int64_t k0, int64_t kn, float x[][HDI_LINEAR_KC]) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t k = 0; k < kn; k += VF_LANES) vf_store_n_f32(&x[i][k], vf_load_n_f32(rows[i] + k0 + k, kn - k), kn - k);
}

/* All tiles of a piece: m rows of x by 32 rows of w. */
static void panel_piece(bool scaled, int64_t m, const float (*x)[HDI_LINEAR_KC], const float *w, const float *scale, int64_t kn,
                        float (*sum)[32]) {
    for (int64_t i = 0, left = hdi_ceil_div(m, PANEL_MR), mr; i < m; i += mr, left--) {
        mr = hdi_ceil_div(m - i, left);
        for (int half = 0; half < 2; half += PANEL_NV) {
            if (scaled)
                panel_tiles_scaled((int)mr, x[i], w + 16 * half, scale + 16 * half, kn, sum[i] + 16 * half);
            else
                panel_tiles_plain((int)mr, x[i], w + 16 * half, scale + 16 * half, kn, sum[i] + 16 * half);
        }
    }
}

/* sum[0] of m rows becomes y, bias added. */
static inline void panel_store(const linear_strided *l, int64_t m0, int64_t m, int64_t n, const float (*sum)[32]) {
    int64_t count = l->g.n - n;
    for (int64_t i = 0; i < m; i++) {
        float *y = (float *)l->y->data + hdi_row_offset(l->y, m0 + i) + n;
        for (int half = 0; half < 2 && count > 16 * half; half++) {
            vf v = vf_load_f32(&sum[i][16 * half]);
            if (l->bias) v = vf_add(v, vf_load_n_f32((const float *)l->bias->data + n + 16 * half, count - 16 * half));
            vf_store_n_f32(y + 16 * half, v, count - 16 * half);
        }
    }
}

/* Sums of slices are added as soon as both halves of a pair are there: after slice s, once for each trailing 1 in s. */
static inline int panel_join(float (*sum)[HDI_LINEAR_M][32], int top, int s, int64_t m) {
    for (; s & 1; s >>= 1, top--)
        for (int64_t i = 0; i < m; i++)
            for (int half = 0; half < 2; half++) {
                float *a = &sum[top - 1][i][16 * half];
                vf_store_f32(a, vf_add(vf_load_f32(a), vf_load_f32(&sum[top][i][16 * half])));
            }
    return top;
}

#define HDI_WEIGHT_TEMPLATE "kernels/linear/linear_panel_type.h"
#include "kernels/weights/weights.def"
#undef HDI_WEIGHT_TEMPLATE

#define WEIGHT(NAME, name) \
    HDI_KERNEL_BEGIN(linear, f32_##name##_panel) { linear_panel_##name(call, begin, end, scratch); }
#include "kernels/weights/weights.def"
