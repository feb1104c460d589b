/* SPDX-License-Identifier: Apache-2.0 */
/* sample(logits f32 [R, V], params f32 [R, 8]) -> ids i32 [R] */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *logits = in[0], *params = in[1];
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_dtype("sample", "logits", logits, HD_DTYPE_F32));
    HD_TRY(hdi_expect_rank("sample", "logits", logits, 2));
    HD_REQUIRE(logits->dim[1] != 0, HD_INVALID_ARGUMENT, "sample: logits is %s; there is nothing to choose from",
               hdi_type_text(logits));
    HD_TRY(hdi_expect_dtype("sample", "params", params, HD_DTYPE_F32));
    HD_TRY(hdi_expect_rank("sample", "params", params, 2));
    HD_TRY(hdi_expect_dim("sample", "params", params, 0, logits->dim[0]));
    HD_TRY(hdi_expect_dim("sample", "params", params, 1, 8));
    *out = (hdi_type){.dtype = HD_DTYPE_I32, .rank = 1, .dim = {logits->dim[0]}};
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "sample", "f32");
}

const hdi_op hdi_op_sample = {
    .name = "sample",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .infer = infer,
    .choose = choose,
};
