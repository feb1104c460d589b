/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/ref.h"

static const hd_dtype dtypes[] = {HD_DTYPE_F32, HD_DTYPE_F16, HD_DTYPE_BF16};

static bool make(hdi_check *c, hdi_kernel_id id, hd_dtype dtype, hdi_freedom freedom, int64_t rows, int64_t n, hdi_fill fill) {
    if (!hdi_check_begin(c, id, NULL, 0)) return false;
    hdi_check_out(c, dtype, freedom, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, freedom, fill, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, freedom, fill, HDI_DIMS(rows, n));
    hdi_check_tolerance(c, 0, 0x1p-24); /* rounded to f32, then to a smaller type */
    hdi_check_reference_specials(c);
    return true;
}

/* b repeats along the rows, along the last dim, or everywhere. */
static bool make_broadcast(hdi_check *c, hdi_kernel_id id, hd_dtype dtype, int64_t rows, int64_t n) {
    int64_t strides[] = {hdi_check_int(c, 0, 1) * n, hdi_check_int(c, 0, 1)};
    if (!hdi_check_begin(c, id, NULL, 0)) return false;
    hdi_check_out(c, dtype, HDI_ANY, HDI_DIMS(rows, n));
    hdi_check_in(c, dtype, HDI_ANY, HDI_NORMAL(1), HDI_DIMS(rows, n));
    hdi_check_in_strided(c, dtype, HDI_NORMAL(1), HDI_DIMS(rows, n), strides);
    hdi_check_tolerance(c, 0, 0x1p-24);
    return true;
}

static void check(hdi_check *c, const hdi_kernel_id ids[3], hdi_check_ref_fn ref) {
    for (int k = 0; k < 3; k++) {
        double bytes = (double)hd_dtype_block_bytes(dtypes[k]);
        for (int i = 0; i < hdi_check_n_sizes; i++) {
            int64_t n = hdi_check_sizes[i];
            if (make(c, ids[k], dtypes[k], HDI_ROWS, 3, n, HDI_NORMAL(1))) {
                hdi_check_inplace(c, 0, 1 + i % 2);
                hdi_check_run(c, ref);
            }
            if (make(c, ids[k], dtypes[k], HDI_ANY, 1, n, HDI_SPECIAL)) hdi_check_run(c, ref);
            if (make(c, ids[k], dtypes[k], HDI_ANY, 3, n, HDI_NORMAL(1))) hdi_check_run(c, ref);
            if (make_broadcast(c, ids[k], dtypes[k], 3, n)) hdi_check_run(c, ref);
        }
        if (make(c, ids[k], dtypes[k], HDI_DENSE, 1, 9001, HDI_NORMAL(1))) hdi_check_run(c, ref); /* rows of several chunks */
        if (hdi_check_begin(c, ids[k], NULL, 0)) {                                                /* a scalar has no dims */
            hdi_check_out(c, dtypes[k], HDI_DENSE, 0, NULL);
            hdi_check_in(c, dtypes[k], HDI_DENSE, HDI_NORMAL(1), 0, NULL);
            hdi_check_in(c, dtypes[k], HDI_DENSE, HDI_NORMAL(1), 0, NULL);
            hdi_check_tolerance(c, 0, 0x1p-24);
            hdi_check_run(c, ref);
        }
        int64_t rows = hdi_check_bench_rows(c, 16);
        if (hdi_check_benching(c) && make(c, ids[k], dtypes[k], HDI_DENSE, rows, 4096, HDI_NORMAL(1)))
            hdi_check_bench(c, (double)rows * 4096 * 3 * bytes, (double)rows * 4096);
    }
}

void hdi_add_check(hdi_check *c) {
    check(c, (const hdi_kernel_id[]){HDI_KERNEL_add_f32, HDI_KERNEL_add_f16, HDI_KERNEL_add_bf16}, hdi_add_ref);
}
void hdi_mul_check(hdi_check *c) {
    check(c, (const hdi_kernel_id[]){HDI_KERNEL_mul_f32, HDI_KERNEL_mul_f16, HDI_KERNEL_mul_bf16}, hdi_mul_ref);
}
