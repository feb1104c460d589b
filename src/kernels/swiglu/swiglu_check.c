/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/ref.h"
#include "kernels/swiglu/swiglu.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {
    {HDI_KERNEL_swiglu_f32, HD_DTYPE_F32}, {HDI_KERNEL_swiglu_f16, HD_DTYPE_F16}, {HDI_KERNEL_swiglu_bf16, HD_DTYPE_BF16}};

static bool make(hdi_check *c, int k, int64_t rows, int64_t n, hdi_fill fill) {
    hd_dtype dtype = kernels[k].dtype;
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return false;
    hdi_check_out(c, dtype, HDI_ROWS, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, HDI_ROWS, fill, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, HDI_ROWS, fill, HDI_DIMS(rows, n));
    hdi_check_tolerance(c, 1e-37, 4e-7); /* e^-gate overflows where the result is below 1e-36 */
    return true;
}

void hdi_swiglu_check(hdi_check *c) {
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < hdi_check_n_sizes; i++) {
            if (make(c, k, 3, hdi_check_sizes[i], HDI_NORMAL(4))) {
                hdi_check_inplace(c, 0, 1 + i % 2);
                hdi_check_run(c, hdi_swiglu_ref);
            }
            if (make(c, k, 2, hdi_check_sizes[i], HDI_SPECIAL)) hdi_check_run(c, hdi_swiglu_ref);
        }
        if (make(c, k, 2, 9001, HDI_UNIFORM(-80, 80))) hdi_check_run(c, hdi_swiglu_ref);
        int64_t rows = hdi_check_bench_rows(c, 8);
        if (hdi_check_benching(c) && make(c, k, rows, 8960, HDI_NORMAL(2)))
            hdi_check_bench(c, (double)rows * 8960 * 3.0 * (double)hd_dtype_block_bytes(kernels[k].dtype), (double)rows * 8960 * 24.0);
    }
}
