/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm(x [..., n], weight [n], bias [n] or absent; eps) -> [..., n] */
#include "kernels/layer_norm/layer_norm.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *x = in[0];
    const hdi_layer_norm_attr *a = attr;
    static const char *const names[] = {"x", "weight", "bias"};
    HD_TRY(hdi_expect_float("layer_norm", "x", x));
    HD_TRY(hdi_expect_rows("layer_norm", "x", x));
    for (int i = 1; i < n_in; i++) {
        if (!in[i] && i == 2) continue;
        HD_TRY(hdi_expect_rank("layer_norm", names[i], in[i], 1));
        HD_TRY(hdi_expect_dim("layer_norm", names[i], in[i], 0, hdi_type_last(x)));
        HD_TRY(hdi_expect_dtype("layer_norm", names[i], in[i], (hd_dtype)x->dtype));
    }
    HD_REQUIRE(a->eps >= 0, HD_INVALID_ARGUMENT, "layer_norm: eps is %g; it must not be negative", (double)a->eps);
    *out = *x;
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "layer_norm", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    snprintf(text, size, "eps=%g", (double)((const hdi_layer_norm_attr *)attr)->eps);
}

const hdi_op hdi_op_layer_norm = {
    .name = "layer_norm",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .flags = HDI_OP_INPLACE,
    .attr_size = sizeof(hdi_layer_norm_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
