/* SPDX-License-Identifier: Apache-2.0 */
/* softmax(x [..., n]) -> [..., n] */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("softmax", "x", in[0]));
    HD_TRY(hdi_expect_rows("softmax", "x", in[0]));
    *out = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "softmax", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

const hdi_op hdi_op_softmax = {
    .name = "softmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = HDI_OP_INPLACE,
    .infer = infer,
    .choose = choose,
};
