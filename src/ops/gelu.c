/* SPDX-License-Identifier: Apache-2.0 */
/* gelu(x; tanh) -> x */
#include "kernels/gelu/gelu.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("gelu", "x", in[0]));
    *out = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "gelu", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    snprintf(text, size, "%s", ((const hdi_gelu_attr *)attr)->tanh ? "tanh" : "erf");
}

const hdi_op hdi_op_gelu = {
    .name = "gelu",
    .min_inputs = 1,
    .max_inputs = 1,
    .outputs = 1,
    .flags = HDI_OP_INPLACE,
    .attr_size = sizeof(hdi_gelu_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
