/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {{HDI_KERNEL_layer_norm_f32, HD_DTYPE_F32},
               {HDI_KERNEL_layer_norm_f16, HD_DTYPE_F16},
               {HDI_KERNEL_layer_norm_bf16, HD_DTYPE_BF16}};

static bool make(hdi_check *c, int k, int64_t rows, int64_t n, hdi_fill fill, bool bias) {
    hdi_layer_norm_attr attr = {.eps = 1e-3f};
    hd_dtype dtype = kernels[k].dtype;
    if (!hdi_check_begin(c, kernels[k].id, &attr, sizeof attr)) return false;
    hdi_check_out(c, dtype, HDI_ROWS, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, HDI_ROWS, fill, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, HDI_DENSE, HDI_UNIFORM(0.5, 1.5), HDI_DIMS(n));
    if (bias)
        hdi_check_in(c, dtype, HDI_DENSE, HDI_UNIFORM(-1, 1), HDI_DIMS(n));
    else
        hdi_check_absent(c);
    /* The mean is off by about n / 16 roundings of numbers of size 1; 1 / sqrt(eps) = 32 is the most that it is scaled by. */
    hdi_check_tolerance(c, (8 + (double)n / 16) * 0x1p-24 * 32, (8 + (double)n / 16) * 0x1p-24);
    hdi_check_inplace(c, 0, 1);
    hdi_check_order_overflows(c);
    return true;
}

void hdi_layer_norm_check(hdi_check *c) {
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < hdi_check_n_sizes; i++)
            for (int64_t rows = 1; rows <= 5; rows += 2) {
                if (make(c, k, rows, hdi_check_sizes[i], HDI_NORMAL(1), i % 2)) hdi_check_run(c, hdi_layer_norm_ref);
                if (make(c, k, rows, hdi_check_sizes[i], HDI_SPECIAL, rows > 1)) hdi_check_run(c, hdi_layer_norm_ref);
            }
        for (int64_t n = 3000; n < 24000; n += 3001) /* devices share such rows otherwise */
            if (make(c, k, 2, n, HDI_NORMAL(1), n % 2)) hdi_check_run(c, hdi_layer_norm_ref);
        int64_t rows = hdi_check_bench_rows(c, 16);
        if (hdi_check_benching(c) && make(c, k, rows, 4096, HDI_NORMAL(1), true))
            hdi_check_bench(c, (double)rows * 4096 * 2.0 * (double)hd_dtype_block_bytes(kernels[k].dtype), (double)rows * 4096 * 8.0);
    }
}
