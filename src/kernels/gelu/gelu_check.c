/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/gelu/gelu.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {{HDI_KERNEL_gelu_f32, HD_DTYPE_F32}, {HDI_KERNEL_gelu_f16, HD_DTYPE_F16}, {HDI_KERNEL_gelu_bf16, HD_DTYPE_BF16}};

static bool make(hdi_check *c, int k, bool tanh, int64_t rows, int64_t n, hdi_fill fill) {
    hdi_gelu_attr attr = {.tanh = tanh};
    if (!hdi_check_begin(c, kernels[k].id, &attr, sizeof attr)) return false;
    hdi_check_out(c, kernels[k].dtype, HDI_ROWS, HDI_DIMS(rows, n));
    hdi_check_in(c, kernels[k].dtype, HDI_ROWS, fill, HDI_DIMS(rows, n));
    hdi_check_tolerance(c, 1e-6, 2e-7); /* 1 + erf cancels below zero: an absolute bound there */
    hdi_check_inplace(c, 0, 1);
    return true;
}

void hdi_gelu_check(hdi_check *c) {
    for (int k = 0; k < 3; k++)
        for (int tanh = 0; tanh < 2; tanh++) {
            for (int i = 0; i < hdi_check_n_sizes; i++) {
                int64_t n = hdi_check_sizes[i];
                if (make(c, k, tanh, 3, n, HDI_NORMAL(3))) hdi_check_run(c, hdi_gelu_ref);
                if (make(c, k, tanh, 1, n, HDI_UNIFORM(-0.01, 0.01))) hdi_check_run(c, hdi_gelu_ref);
                if (make(c, k, tanh, 2, n, HDI_SPECIAL)) hdi_check_run(c, hdi_gelu_ref);
            }
            if (make(c, k, tanh, 2, 5000, HDI_UNIFORM(-8, 8))) hdi_check_run(c, hdi_gelu_ref);
            int64_t rows = hdi_check_bench_rows(c, 16);
            if (hdi_check_benching(c) && make(c, k, tanh, rows, 4096, HDI_NORMAL(2)))
                hdi_check_bench(c, (double)rows * 4096 * 2.0 * (double)hd_dtype_block_bytes(kernels[k].dtype), (double)rows * 4096 * 40.0);
        }
}
