/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check/check.h"
#include "kernels/ref.h"
#include "kernels/softmax/softmax.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {
    {HDI_KERNEL_softmax_f32, HD_DTYPE_F32}, {HDI_KERNEL_softmax_f16, HD_DTYPE_F16}, {HDI_KERNEL_softmax_bf16, HD_DTYPE_BF16}};

static hdi_operand *make(hdi_check *c, int k, int64_t rows, int64_t n, hdi_fill fill) {
    hd_dtype dtype = kernels[k].dtype;
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return NULL;
    hdi_check_out(c, dtype, HDI_ROWS, HDI_DIMS(rows, n));
    hdi_operand *x = hdi_check_in(c, dtype, HDI_ROWS, fill, HDI_DIMS(rows, n));
    /* x - max is off by half an ulp of a number of up to 128, its exponential by that share; the sum by n / 16 roundings. */
    hdi_check_tolerance(c, 0x1p-149, (fill.kind == HDI_FILL_SPECIAL ? 0x1p-17 : 0x1p-20) + (8 + (double)n / 16) * 0x1p-24);
    hdi_check_inplace(c, 0, 1);
    hdi_check_reference_specials(c);
    return x;
}

/* -infinity in the first `masked` places of every row. */
static void mask(hdi_operand *x, int64_t masked) {
    for (int64_t r = 0; r < x->shape[0]; r++)
        for (int64_t i = 0; i < masked; i++) hdi_ref_set(x, r * x->stride[0] + i, -INFINITY);
}

void hdi_softmax_check(hdi_check *c) {
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < hdi_check_n_sizes; i++) {
            int64_t n = hdi_check_sizes[i];
            hdi_operand *x;
            if (make(c, k, 3, n, HDI_NORMAL(3))) hdi_check_run(c, hdi_softmax_ref);
            if (make(c, k, 1, n, HDI_UNIFORM(-20, -10))) hdi_check_run(c, hdi_softmax_ref); /* padding with 0 would show */
            if (make(c, k, 2, n, HDI_SPECIAL)) hdi_check_run(c, hdi_softmax_ref);
            if ((x = make(c, k, 2, n, HDI_NORMAL(1)))) {
                mask(x, i % 2 ? n : n / 2);
                hdi_check_run(c, hdi_softmax_ref);
            }
        }
        for (int64_t n = 3000; n < 24000; n += 3001) /* devices share such rows otherwise */
            if (make(c, k, 2, n, HDI_NORMAL(3))) hdi_check_run(c, hdi_softmax_ref);
        int64_t rows = hdi_check_bench_rows(c, 16);
        if (hdi_check_benching(c) && make(c, k, rows, 4096, HDI_NORMAL(2)))
            hdi_check_bench(c, (double)rows * 4096 * 2.0 * (double)hd_dtype_block_bytes(kernels[k].dtype), (double)rows * 4096 * 22.0);
    }
}
