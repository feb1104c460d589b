/* SPDX-License-Identifier: Apache-2.0 */
/* keep_ids(ids i32 [M], x i32 [R]) -> ids, with x in its first places */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_dtype("keep_ids", "ids", in[0], HD_DTYPE_I32));
    HD_TRY(hdi_expect_rank("keep_ids", "ids", in[0], 1));
    HD_TRY(hdi_expect_dtype("keep_ids", "x", in[1], HD_DTYPE_I32));
    HD_TRY(hdi_expect_rank("keep_ids", "x", in[1], 1));
    *out = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "keep_ids", "i32");
}

const hdi_op hdi_op_keep_ids = {
    .name = "keep_ids",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = HDI_OP_MUTATES,
    .infer = infer,
    .choose = choose,
};
