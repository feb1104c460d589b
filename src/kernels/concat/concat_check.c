/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/concat/concat.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {{HDI_KERNEL_concat_b1, HD_DTYPE_U8},
               {HDI_KERNEL_concat_b2, HD_DTYPE_U16},
               {HDI_KERNEL_concat_b4, HD_DTYPE_U32},
               {HDI_KERNEL_concat_b8, HD_DTYPE_U64}};

static bool make(hdi_check *c, int k, int parts, int64_t rows, const int64_t *n, hdi_freedom freedom) {
    hdi_concat_attr attr = {.parts = parts, .streamed = parts % 2};
    int64_t sum = 0;
    for (int p = 0; p < parts; p++) sum += n[p];
    if (!hdi_check_begin(c, kernels[k].id, &attr, sizeof attr)) return false;
    hdi_check_out(c, kernels[k].dtype, freedom, HDI_DIMS(rows, 2, sum));
    for (int p = 0; p < HDI_CONCAT_PARTS; p++) {
        if (p < parts)
            hdi_check_in(c, kernels[k].dtype, freedom, HDI_BITS, HDI_DIMS(rows, 2, n[p]));
        else
            hdi_check_absent(c);
    }
    return true;
}

void hdi_concat_check(hdi_check *c) {
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < hdi_check_n_sizes; i++)
            for (int parts = 1; parts <= HDI_CONCAT_PARTS; parts++) {
                int64_t n[HDI_CONCAT_PARTS];
                for (int p = 0; p < parts; p++) n[p] = p % 3 == 2 ? hdi_check_int(c, 0, 40) : hdi_check_sizes[i];
                if (make(c, k, parts, hdi_check_int(c, 0, 3), n, i % 2 ? HDI_ROWS : HDI_DENSE)) hdi_check_run(c, hdi_concat_ref);
            }
    for (int k = 0; k < 4; k++) /* rows of several chunks */
        if (make(c, k, 4, 1, (const int64_t[]){4095, 4098, 0, 9000}, HDI_ROWS)) hdi_check_run(c, hdi_concat_ref);
    int64_t rows = hdi_check_bench_rows(c, 16), n[2] = {2048, 2048};
    if (hdi_check_benching(c) && make(c, 2, 2, rows, n, HDI_DENSE)) hdi_check_bench(c, (double)rows * 2 * 4096 * 8.0, 0);
}
