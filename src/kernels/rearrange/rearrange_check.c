/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/rearrange/rearrange.h"
#include "kernels/ref.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {{HDI_KERNEL_rearrange_b1, HD_DTYPE_U8},
               {HDI_KERNEL_rearrange_b2, HD_DTYPE_U16},
               {HDI_KERNEL_rearrange_b4, HD_DTYPE_U32},
               {HDI_KERNEL_rearrange_b8, HD_DTYPE_U64}};

static void run(hdi_check *c, int k, hdi_freedom out, hdi_freedom in, int rank, const int64_t *shape) {
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return;
    hdi_check_out(c, kernels[k].dtype, out, rank, shape);
    hdi_check_in(c, kernels[k].dtype, in, HDI_BITS, rank, shape);
    hdi_check_run(c, hdi_rearrange_ref);
}

/* x repeats along one of its dims. */
static void run_repeated(hdi_check *c, int k, int64_t n) {
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return;
    int64_t strides[] = {n + 1, 1, 0};
    strides[hdi_check_int(c, 1, 2)] = hdi_check_int(c, 0, 1);
    hdi_check_out(c, kernels[k].dtype, HDI_ANY, HDI_DIMS(2, 3, n));
    hdi_check_in_strided(c, kernels[k].dtype, HDI_BITS, HDI_DIMS(2, 3, n), strides);
    hdi_check_run(c, hdi_rearrange_ref);
}

/* x has its neighbours along the first dim, the result along the last. */
static void run_transposed(hdi_check *c, int k, int64_t m, int64_t n) {
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return;
    hdi_check_out(c, kernels[k].dtype, HDI_ROWS, HDI_DIMS(m, 2, n));
    hdi_check_in_strided(c, kernels[k].dtype, HDI_BITS, HDI_DIMS(m, 2, n), (int64_t[]){1, (m + 3) * n, m + hdi_check_int(c, 0, 2)});
    hdi_check_run(c, hdi_rearrange_ref);
}

static void bench(hdi_check *c, int k, bool transposed) {
    int64_t rows = hdi_check_on_device(c) ? 8192 : 1024, n = hdi_check_on_device(c) ? 4096 : 1024;
    if (!hdi_check_begin(c, kernels[k].id, NULL, 0)) return;
    hdi_check_out(c, kernels[k].dtype, HDI_DENSE, HDI_DIMS(rows, n));
    hdi_check_in_strided(c, kernels[k].dtype, HDI_BITS, HDI_DIMS(rows, n),
                         (int64_t[]){transposed ? 1 : n, transposed ? rows : 1});
    hdi_check_bench(c, 2.0 * (double)(rows * n) * (double)hd_dtype_block_bytes(kernels[k].dtype), 0);
}

void hdi_rearrange_check(hdi_check *c) {
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < hdi_check_n_sizes; i++) {
            int64_t n = hdi_check_sizes[i];
            run(c, k, HDI_ROWS, HDI_ROWS, HDI_DIMS(3, n));
            run(c, k, HDI_ANY, HDI_ANY, HDI_DIMS(2, n, 3));
            run(c, k, HDI_DENSE, HDI_ANY, HDI_DIMS(n, 5));
            if (n < 100) run_repeated(c, k, n);
            run_transposed(c, k, n, 33 + i % 3);
            run_transposed(c, k, 40, n);
        }
        run(c, k, HDI_ANY, HDI_ANY, HDI_DIMS(2, 1, 3, 2, 1, 2, 3, 2));
        run(c, k, HDI_DENSE, HDI_ANY, HDI_DIMS(9001));
        run(c, k, HDI_DENSE, HDI_DENSE, 0, NULL);
        if (hdi_check_benching(c)) {
            bench(c, k, false);
            bench(c, k, true);
        }
    }
}
