/* SPDX-License-Identifier: Apache-2.0 */
/* add(a, b) -> a + b, shapes broadcast as in NumPy */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("add", "a", in[0]));
    HD_TRY(hdi_expect_dtype("add", "b", in[1], (hd_dtype)in[0]->dtype));
    return hdi_broadcast_types("add", in[0], in[1], out);
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "add", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

const hdi_op hdi_op_add = {
    .name = "add",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = HDI_OP_INPLACE | HDI_OP_BROADCAST,
    .infer = infer,
    .choose = choose,
};
