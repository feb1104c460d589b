/* SPDX-License-Identifier: Apache-2.0 */
/* argmax(x [..., n]) -> index i32 [...], value [...] */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *x = in[0];
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("argmax", "x", x));
    HD_TRY(hdi_expect_rows("argmax", "x", x));
    HD_REQUIRE(hdi_type_last(x) != 0, HD_INVALID_ARGUMENT, "argmax: x is %s; there is no largest of nothing", hdi_type_text(x));
    out[0] = out[1] = *x;
    out[0].dtype = HD_DTYPE_I32;
    out[0].rank = out[1].rank = (uint8_t)(x->rank - 1);
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "argmax", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

const hdi_op hdi_op_argmax = {
    .name = "argmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 2,
    .infer = infer,
    .choose = choose,
};
