/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"
#include "kernels/ref.h"
#include "kernels/rope/rope.h"

static const struct {
    hdi_kernel_id id;
    hd_dtype dtype;
} kernels[] = {{HDI_KERNEL_rope_f32, HD_DTYPE_F32}, {HDI_KERNEL_rope_f16, HD_DTYPE_F16}, {HDI_KERNEL_rope_bf16, HD_DTYPE_BF16}};

static bool make(hdi_check *c, int k, bool interleaved, int64_t tokens, int64_t heads, int64_t r, int64_t rest, hdi_fill fill) {
    hdi_rope_attr attr = {.interleaved = interleaved};
    hd_dtype dtype = kernels[k].dtype;
    if (!hdi_check_begin(c, kernels[k].id, &attr, sizeof attr)) return false;
    hdi_check_out(c, dtype, HDI_ROWS, HDI_DIMS(tokens, heads, 2 * r + rest));
    hdi_check_in(c, dtype, HDI_ROWS, fill, HDI_DIMS(tokens, heads, 2 * r + rest));
    hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_UNIFORM(-1, 1), HDI_DIMS(tokens, r));
    hdi_check_in(c, HD_DTYPE_F32, HDI_ROWS, HDI_UNIFORM(-1, 1), HDI_DIMS(tokens, r));
    hdi_check_tolerance(c, 16 * 0x1p-24, 0x1p-23); /* numbers of up to 6, products rounded */
    hdi_check_inplace(c, 0, 1);
    return true;
}

void hdi_rope_check(hdi_check *c) {
    for (int k = 0; k < 3; k++)
        for (int interleaved = 0; interleaved < 2; interleaved++) {
            for (int i = 0; i < hdi_check_n_sizes && hdi_check_sizes[i] <= 100; i++) {
                int64_t r = hdi_check_sizes[i];
                if (make(c, k, interleaved, 3, 2, r, 0, HDI_NORMAL(1))) hdi_check_run(c, hdi_rope_ref);
                if (make(c, k, interleaved, 2, 3, r, 1 + i, HDI_NORMAL(1))) hdi_check_run(c, hdi_rope_ref);
                if (make(c, k, interleaved, 2, 1, r, i, HDI_SPECIAL)) hdi_check_run(c, hdi_rope_ref);
            }
            int64_t rows = hdi_check_bench_rows(c, 8);
            if (hdi_check_benching(c) && make(c, k, interleaved, rows, 12, 64, 0, HDI_NORMAL(1)))
                hdi_check_bench(c, (double)rows * 12 * 128 * 2.0 * (double)hd_dtype_block_bytes(kernels[k].dtype), (double)rows * 12 * 128 * 3.0);
        }
}
