/* SPDX-License-Identifier: Apache-2.0 */
/* rms_norm(x [..., n], weight [n]; eps) -> [..., n] */
#include "kernels/rms_norm/rms_norm.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *x = in[0], *weight = in[1];
    const hdi_rms_norm_attr *a = attr;
    (void)n_in;
    HD_TRY(hdi_expect_float("rms_norm", "x", x));
    HD_REQUIRE(x->rank >= 1, HD_INVALID_ARGUMENT, "rms_norm: x is a scalar; it needs at least one dim to normalise over");
    HD_TRY(hdi_expect_rank("rms_norm", "weight", weight, 1));
    HD_TRY(hdi_expect_dim("rms_norm", "weight", weight, 0, hdi_type_last(x)));
    HD_TRY(hdi_expect_dtype("rms_norm", "weight", weight, (hd_dtype)x->dtype));
    HD_REQUIRE(a->eps >= 0, HD_INVALID_ARGUMENT, "rms_norm: eps is %g; it must not be negative", (double)a->eps);
    *out = *x;
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "rms_norm", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    snprintf(text, size, "eps=%g", (double)((const hdi_rms_norm_attr *)attr)->eps);
}

const hdi_op hdi_op_rms_norm = {
    .name = "rms_norm",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = HDI_OP_INPLACE,
    .attr_size = sizeof(hdi_rms_norm_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
