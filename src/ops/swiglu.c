/* SPDX-License-Identifier: Apache-2.0 */
/* swiglu(gate [..., n], up [..., n]) -> [..., n] */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("swiglu", "gate", in[0]));
    HD_TRY(hdi_expect_same("swiglu", "up", in[1], in[0]));
    *out = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "swiglu", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

const hdi_op hdi_op_swiglu = {
    .name = "swiglu",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = HDI_OP_INPLACE,
    .infer = infer,
    .choose = choose,
};
