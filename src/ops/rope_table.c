/* SPDX-License-Identifier: Apache-2.0 */
/* rope_table(positions i32|i64 [T], seq_len i32|i64 [T] or absent, inv_freq f32 [r]; scaling) -> cos f32 [T, r], sin f32 [T, r]
 */
#include "kernels/rope_table/rope_table.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *positions = in[0], *seq_len = in[1], *inv_freq = in[2];
    const hdi_rope_table_attr *a = attr;
    (void)n_in;
    HD_TRY(hdi_expect_index("rope_table", "positions", positions));
    HD_TRY(hdi_expect_rank("rope_table", "positions", positions, 1));
    if (seq_len) {
        HD_TRY(hdi_expect_index("rope_table", "seq_len", seq_len));
        HD_TRY(hdi_expect_rank("rope_table", "seq_len", seq_len, 1));
        HD_TRY(hdi_expect_dim("rope_table", "seq_len", seq_len, 0, positions->dim[0]));
    }
    HD_TRY(hdi_expect_dtype("rope_table", "inv_freq", inv_freq, HD_DTYPE_F32));
    HD_TRY(hdi_expect_rank("rope_table", "inv_freq", inv_freq, 1));
    HD_REQUIRE(a->dynamic_factor == 0 || (seq_len && a->dynamic_max > 0 && a->dynamic_base > 0), HD_INVALID_ARGUMENT,
               "rope_table: dynamic scaling needs seq_len, and dynamic_base and dynamic_max above 0");
    HD_REQUIRE(a->dynamic_factor == 0 || inv_freq->dim[0] < 0 || inv_freq->dim[0] > 1, HD_INVALID_ARGUMENT,
               "rope_table: dynamic scaling needs more than one pair of dims");
    out[0] = (hdi_type){.dtype = HD_DTYPE_F32, .rank = 2, .dim = {positions->dim[0], inv_freq->dim[0]}};
    out[1] = out[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "rope_table", "f32");
}

static void print(const void *attr, char *text, size_t size) {
    const hdi_rope_table_attr *a = attr;
    if (size) text[0] = 0;
    if (a->dynamic_factor != 0)
        snprintf(text, size, "dynamic factor=%g base=%g max=%d", (double)a->dynamic_factor, (double)a->dynamic_base,
                 a->dynamic_max);
    else if (a->attention_scale != 1)
        snprintf(text, size, "attention_scale=%g", (double)a->attention_scale);
}

const hdi_op hdi_op_rope_table = {
    .name = "rope_table",
    .min_inputs = 3,
    .max_inputs = 3,
    .optional = 1 << 1,
    .outputs = 2,
    .attr_size = sizeof(hdi_rope_table_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
