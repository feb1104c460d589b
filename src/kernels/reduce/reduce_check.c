/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/reduce/reduce.h"
#include "kernels/ref.h"

static bool make(hdi_check *c, bool norm, int parts, int64_t rows, int64_t n, int with, hdi_fill fill) {
    hdi_reduce_attr attr = {.parts = parts, .eps = 1e-5f};
    bool over = parts % 2; /* the sum may come over the residual, which then lies as it does */
    if (!hdi_check_begin(c, norm ? HDI_KERNEL_reduce_norm_f32 : HDI_KERNEL_reduce_f32, &attr, sizeof attr)) return false;
    hdi_check_out(c, HD_DTYPE_F32, HDI_DENSE, HDI_DIMS(rows, n));
    if (norm) hdi_check_out(c, HD_DTYPE_F32, HDI_DENSE, HDI_DIMS(rows, n));
    for (int p = 0; p < HDI_REDUCE_PARTS; p++) {
        if (p < parts)
            hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, fill, HDI_DIMS(rows, n));
        else
            hdi_check_absent(c);
    }
    if (with & 1)
        hdi_check_in(c, HD_DTYPE_F32, HDI_DENSE, HDI_NORMAL(1), HDI_DIMS(n));
    else
        hdi_check_absent(c);
    if (with & 2)
        hdi_check_in(c, HD_DTYPE_F32, over ? HDI_DENSE : HDI_ROWS, HDI_NORMAL(1), HDI_DIMS(rows, n));
    else
        hdi_check_absent(c);
    if (norm) hdi_check_in(c, HD_DTYPE_F32, HDI_DENSE, HDI_UNIFORM(0.5, 1.5), HDI_DIMS(n));
    /* Rounding of at most ten terms of a few units each; the norm's scale is at most 1 / sqrt(eps) where a row is all but zero.
     */
    hdi_check_tolerance(c, norm ? 0x1p-14 : 0x1p-18, (8 + (double)n / 16) * 0x1p-24);
    if (with & 2 && over) hdi_check_inplace(c, 0, (norm ? 2 : 1) + HDI_REDUCE_RESIDUAL);
    return true;
}

static void check(hdi_check *c, bool norm, hdi_check_ref_fn ref) {
    for (int i = 0; i < hdi_check_n_sizes; i++)
        for (int parts = 1; parts <= HDI_REDUCE_PARTS; parts++)
            if (make(c, norm, parts, i % 4, hdi_check_sizes[i], (int)hdi_check_int(c, 0, 3), HDI_NORMAL(1)))
                hdi_check_run(c, ref);
    for (int with = 0; with < 4; with++) {
        if (make(c, norm, 2, 3, 9001, with, HDI_NORMAL(1))) hdi_check_run(c, ref);
        if (make(c, norm, 4, 2, 100, with, HDI_SPECIAL)) {
            hdi_check_order_overflows(c);
            hdi_check_run(c, ref);
        }
    }
    int64_t rows = hdi_check_bench_rows(c, 16);
    if (hdi_check_benching(c) && make(c, norm, 2, rows, 4096, 2, HDI_NORMAL(1)))
        hdi_check_bench(c, (double)rows * 4096 * (norm ? 20.0 : 16.0), (double)rows * 4096 * 3);
}

void hdi_reduce_check(hdi_check *c) { check(c, false, hdi_reduce_ref); }
void hdi_reduce_norm_check(hdi_check *c) { check(c, true, hdi_reduce_norm_ref); }
