/* SPDX-License-Identifier: Apache-2.0 */
/* rearrange(x) -> the same, contiguous */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    (void)n_in, (void)attr;
    HD_REQUIRE(hd_dtype_block_elements((hd_dtype)in[0]->dtype) == 1, HD_UNSUPPORTED,
               "rearrange: x is %s; blocks cannot be moved one element at a time", hdi_type_text(in[0]));
    *out = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "rearrange", "b%zu", hd_dtype_block_bytes((hd_dtype)in[0]->dtype));
}

const hdi_op hdi_op_rearrange = {
    .name = "rearrange",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .infer = infer,
    .choose = choose,
};
