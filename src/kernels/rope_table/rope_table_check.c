/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "check/check.h"
#include "kernels/ref.h"
#include "kernels/rope_table/rope_table.h"

static bool make(hdi_check *c, int64_t tokens, int64_t r, int64_t positions, bool wide, bool lengths, float factor) {
    hdi_rope_table_attr attr = {.attention_scale = 1.25f, .dynamic_factor = factor, .dynamic_base = 10000, .dynamic_max = 2048};
    hd_dtype index = wide ? HD_DTYPE_I64 : HD_DTYPE_I32;
    if (!hdi_check_begin(c, HDI_KERNEL_rope_table_f32, &attr, sizeof attr)) return false;
    hdi_check_out(c, HD_DTYPE_F32, HDI_ROWS, HDI_DIMS(tokens, r));
    hdi_check_out(c, HD_DTYPE_F32, HDI_ROWS, HDI_DIMS(tokens, r));
    hdi_check_in(c, index, HDI_DENSE, HDI_UNIFORM(0, (double)positions), HDI_DIMS(tokens));
    if (lengths)
        hdi_check_in(c, index, HDI_DENSE, HDI_UNIFORM(1, 8192), HDI_DIMS(tokens));
    else
        hdi_check_absent(c);
    hdi_operand *inv_freq = hdi_check_in(c, HD_DTYPE_F32, HDI_DENSE, HDI_UNIFORM(0, 1), HDI_DIMS(r));
    for (int64_t j = 0; j < r; j++) ((float *)inv_freq->data)[j] = (float)pow(10000, -(double)j / (double)r);
    /* A frequency made here is off by a few roundings of two powers, and the angle by position times that. */
    hdi_check_tolerance(c, factor != 0 && lengths ? (double)positions * 32 * 0x1p-24 : 2 * 0x1p-24, 0x1p-23);
    return true;
}

void hdi_rope_table_check(hdi_check *c) {
    for (int i = 0; i < hdi_check_n_sizes && hdi_check_sizes[i] <= 65; i++) {
        int64_t r = hdi_check_sizes[i];
        if (make(c, 3, r, 100000, i % 2, false, 0)) hdi_check_run(c, hdi_rope_table_ref);
        if (make(c, 5, r, 100000, i % 2, true, 0)) hdi_check_run(c, hdi_rope_table_ref);
        if (r > 1 && make(c, 7, r, 100, i % 2, true, 2.0f)) hdi_check_run(c, hdi_rope_table_ref);
    }
    if (hdi_check_benching(c) && make(c, 8, 64, 2000, true, false, 0)) hdi_check_bench(c, 8 * 64 * 8.0, 0);
}
