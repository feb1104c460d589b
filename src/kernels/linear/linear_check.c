/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check/check.h"
#include "base/status.h"
#include "kernels/linear/linear.h"
#include "kernels/ref.h"
#include "kernels/weights/panel.h"

typedef struct kernel {
    hdi_kernel_id id;
    hd_dtype x, w;
    hdi_layout layout;
} kernel;

static const kernel kernels[] = {
    {HDI_KERNEL_linear_f32_f32, HD_DTYPE_F32, HD_DTYPE_F32, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f32_f16, HD_DTYPE_F32, HD_DTYPE_F16, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f32_bf16, HD_DTYPE_F32, HD_DTYPE_BF16, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_f16_f16, HD_DTYPE_F16, HD_DTYPE_F16, HDI_LAYOUT_STRIDED},
    {HDI_KERNEL_linear_bf16_bf16, HD_DTYPE_BF16, HD_DTYPE_BF16, HDI_LAYOUT_STRIDED},
#define WEIGHT(NAME, name) {HDI_KERNEL_linear_f32_##name##_panel, HD_DTYPE_F32, HD_DTYPE_##NAME, HDI_LAYOUT_PANEL},
#include "kernels/weights/weights.def"
};

/* A panel of random bits, but with scales and plain values that are ordinary numbers: packed from random rows. */
static void add_panel(hdi_check *c, hd_dtype dtype, int64_t n, int64_t k) {
    hdi_operand *w = hdi_check_opaque(c, dtype, HDI_LAYOUT_PANEL, hdi_panel_bytes(dtype, n, k), HDI_DIMS(n, k));
    float rows[32 * 64];
    for (int64_t p = 0; p < hdi_panel_count(n); p++) /* by pieces of K: the panel of k columns is the pieces' panels one by one */
        for (int64_t k0 = 0; k0 < k; k0 += 64) {
            int64_t kn = hdi_min_i64(64, k - k0);
            for (int i = 0; i < 32 * 64; i++) rows[i] = (float)hdi_check_real(c, -1.7, 1.7);
            uint8_t *to = (uint8_t *)w->data + (size_t)p * hdi_panel_stride(dtype, k) + hdi_panel_stride(dtype, k0);
            hdi_panel_pack(to, dtype, 0, 1, hdi_min_i64(32, n - 32 * p), kn, rows, HD_DTYPE_F32, 64);
        }
}

/* Finite numbers of a size whose products and sums overflow become smaller: which sum overflows depends on the order, and on
 * devices that is their own. */
static void tame(hdi_operand *t) {
    for (int64_t r = 0; r < hdi_row_count(t); r++)
        for (int64_t i = 0; i < hdi_row_length(t); i++) {
            int64_t at = hdi_row_offset(t, r) + i;
            double v = hdi_ref_get(t, at);
            if (isfinite(v) && fabs(v) > 0x1p14) hdi_ref_set(t, at, v > 0 ? 0x1p14 : -0x1p14);
        }
}

enum { NO_BIAS, BIAS, BIAS_F32 };

static bool make(hdi_check *c, const kernel *kn, int64_t m, int64_t n, int64_t k, int slices, int bias, hdi_fill fill) {
    static const int32_t units[] = {0, 8, 80, 32};
    int32_t unit = units[hdi_check_int(c, 0, 3)];
    hdi_linear_attr attr = {.k_slices = slices, .k_unit = unit % hd_dtype_block_elements(kn->w) == 0 ? unit : 64};
    int64_t block = hd_dtype_block_elements(kn->w);
    k = k / block * block;
    if (!hdi_check_begin(c, kn->id, &attr, sizeof attr)) return false;
    hdi_check_out(c, kn->x, HDI_ROWS, HDI_DIMS(m, n));
    hdi_operand *x = hdi_check_in(c, kn->x, HDI_ROWS, fill, HDI_DIMS(m, k));
    if (fill.kind == HDI_FILL_SPECIAL) tame(x);
    if (kn->layout == HDI_LAYOUT_PANEL)
        add_panel(c, kn->w, n, k);
    else if (fill.kind == HDI_FILL_SPECIAL)
        tame(hdi_check_in(c, kn->w, HDI_ROWS, fill, HDI_DIMS(n, k)));
    else { /* kernels of many rows want them aligned */
        int64_t gap = m > 16 && hdi_check_int(c, 0, 3) ? -k & 7 : hdi_check_int(c, 0, 3);
        hdi_check_in_strided(c, kn->w, HDI_UNIFORM(-1.7, 1.7), HDI_DIMS(n, k), (int64_t[]){k + gap, 1});
    }
    if (bias == NO_BIAS)
        hdi_check_absent(c);
    else
        hdi_check_in(c, bias == BIAS_F32 ? HD_DTYPE_F32 : kn->x, HDI_DENSE, HDI_NORMAL(1), HDI_DIMS(n));
    double chain = (double)k / (kn->layout == HDI_LAYOUT_PANEL ? 2 : 16); /* additions one after another, and some slack */
    double sum = 0x1p-24 * (chain + 8) * sqrt((double)k + 1);
    if (hdi_check_on_device(c) && m > 16 && kn->w != HD_DTYPE_F32) sum += 0x1p-6 * sqrt((double)k + 1); /* 16-bit numbers */
    hdi_check_tolerance(c, sum, 0x1p-23);
    hdi_check_order_overflows(c);
    return true;
}

static void bench(hdi_check *c, const kernel *kn) {
    static const int64_t shapes[][2] = {{1536, 8960}, {8960, 1536}, {4096, 11008}, {11008, 4096}},
                         rows[] = {1, 2, 4, 8, 16, 64, 512};
    for (size_t s = 0; s < HDI_COUNTOF(shapes); s++)
        for (size_t i = 0; i < HDI_COUNTOF(rows); i++) {
            int64_t m = rows[i], n = shapes[s][0], k = shapes[s][1];
            double bytes = (double)(n * k) * (double)hd_dtype_block_bytes(kn->w) / hd_dtype_block_elements(kn->w);
            if (s >= 1 && m > (s == 1 ? 64 : 1)) continue; /* the scalar kernel runs too, and takes its time */
            if (make(c, kn, m, n, k, s == 0 ? 8 : 1, NO_BIAS, HDI_NORMAL(1)))
                hdi_check_bench(c, bytes, 2.0 * (double)(m * n * k));
        }
}

/* One row by a half of K of a whole weight, beside the same where the rows follow each other. */
static void bench_part(hdi_check *c, const kernel *kn) {
    static const int64_t shapes[][2] = {{1536, 768}, {1536, 4480}};
    const hdi_linear_attr attr = {.k_slices = 4};
    for (size_t i = 0; i < 4 && kn->layout == HDI_LAYOUT_STRIDED; i++) {
        int64_t n = shapes[i / 2][0], k = shapes[i / 2][1];
        if (!hdi_check_begin(c, kn->id, &attr, sizeof attr)) return;
        hdi_check_out(c, kn->x, HDI_DENSE, HDI_DIMS(1, n));
        hdi_check_in(c, kn->x, HDI_DENSE, HDI_NORMAL(1), HDI_DIMS(1, k));
        hdi_check_in_strided(c, kn->w, HDI_NORMAL(1), HDI_DIMS(n, k), (int64_t[]){i % 2 ? 2 * k : k, 1});
        hdi_check_absent(c);
        hdi_check_bench(c, (double)(n * k) * (double)hd_dtype_block_bytes(kn->w), 2.0 * (double)(n * k));
    }
}

void hdi_linear_check(hdi_check *c) {
    static const int64_t ms[] = {0, 1, 2, 3, 5, 7, 12, 13, 33, 97, 193}, ns[] = {0, 1, 3, 4, 31, 32, 33, 64, 70, 100},
                         ks[] = {0, 1, 15, 16, 17, 31, 32, 33, 64, 96, 100, 257, 320, 600};
    /* Tiles of 64, 128 and 256 rows of x, several a block of threads, with ends of all sizes. */
    static const int64_t many[][3] = {{64, 260, 96}, {65, 388, 64}, {129, 130, 256}, {250, 500, 40}};
    for (size_t i = 0; i < HDI_COUNTOF(kernels); i++) {
        const kernel *kn = &kernels[i];
        for (size_t k = 0; k < HDI_COUNTOF(ks); k++)
            for (size_t n = 0; n < HDI_COUNTOF(ns); n++) {
                int64_t m = ms[hdi_check_int(c, 0, 8)];
                int slices = 1 << hdi_check_int(c, 0, 3);
                if (make(c, kn, m, ns[n], ks[k], slices, (int)hdi_check_int(c, 0, 2), HDI_NORMAL(1)))
                    hdi_check_run(c, hdi_linear_ref);
            }
        for (size_t m = 0; m < HDI_COUNTOF(ms); m++)
            for (int slices = 1; slices <= 8; slices *= 2)
                if (make(c, kn, ms[m], 37, 288, slices, BIAS, HDI_NORMAL(1))) hdi_check_run(c, hdi_linear_ref);
        for (size_t s = 0; s < HDI_COUNTOF(many); s++)
            if (make(c, kn, many[s][0], many[s][1], many[s][2], 1, (int)hdi_check_int(c, 0, 2), HDI_NORMAL(1)))
                hdi_check_run(c, hdi_linear_ref);
        if (make(c, kn, 7, 35, 96, 1, BIAS, HDI_SPECIAL)) hdi_check_run(c, hdi_linear_ref);
        if (make(c, kn, 1, 35, 96, 8, NO_BIAS, HDI_SPECIAL)) hdi_check_run(c, hdi_linear_ref);
        if (hdi_check_benching(c)) {
            bench(c, kn);
            bench_part(c, kn);
        }
    }
}
