/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/argmax/argmax.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {
    {HDI_KERNEL_argmax_f32, HD_DTYPE_F32}, {HDI_KERNEL_argmax_f16, HD_DTYPE_F16}, {HDI_KERNEL_argmax_bf16, HD_DTYPE_BF16}};

static bool make(hdi_check *c, int k, hd_dtype index, int64_t rows, int64_t n, hdi_fill fill) {
    hd_dtype dtype = kernels[k].dtype;
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return false;
    hdi_check_out(c, index, HDI_ANY, HDI_DIMS(rows, 2));
    hdi_check_out(c, dtype, HDI_ANY, HDI_DIMS(rows, 2));
    hdi_check_in(c, dtype, HDI_ROWS, fill, HDI_DIMS(rows, 2, n));
    hdi_check_reference_specials(c);
    return true;
}

void hdi_argmax_check(hdi_check *c) {
    for (int k = 0; k < 3; k++) {
        for (int i = 1; i < hdi_check_n_sizes; i++) {
            hd_dtype index = i % 2 ? HD_DTYPE_I64 : HD_DTYPE_I32;
            if (make(c, k, index, 3, hdi_check_sizes[i], HDI_NORMAL(1))) hdi_check_run(c, hdi_argmax_ref);
            if (make(c, k, index, 3, hdi_check_sizes[i], HDI_UNIFORM(-2, -1))) hdi_check_run(c, hdi_argmax_ref);
            if (make(c, k, index, 2, hdi_check_sizes[i], HDI_SPECIAL)) hdi_check_run(c, hdi_argmax_ref);
        }
        if (make(c, k, HD_DTYPE_I64, 4, 2000, HDI_NORMAL(1))) hdi_check_run(c, hdi_argmax_ref); /* ties, in the small types */
        if (make(c, k, HD_DTYPE_I32, 1, 5001, HDI_UNIFORM(-1, 1))) hdi_check_run(c, hdi_argmax_ref);
        if (make(c, k, HD_DTYPE_I32, 1, 50000, HDI_NORMAL(1))) hdi_check_run(c, hdi_argmax_ref); /* rows of many slices on a device */
        if (hdi_check_benching(c) && make(c, k, HD_DTYPE_I64, 1, 75968, HDI_NORMAL(1)))
            hdi_check_bench(c, 2 * 75968.0 * (double)hd_dtype_block_bytes(kernels[k].dtype), 2 * 75968.0);
    }
}
