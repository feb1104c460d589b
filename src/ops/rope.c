/* SPDX-License-Identifier: Apache-2.0 */
/* rope(x [T, H, d], cos f32 [T, r], sin f32 [T, r]; interleaved) -> [T, H, d] */
#include "kernels/rope/rope.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *x = in[0], *cos = in[1], *sin = in[2];
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("rope", "x", x));
    HD_TRY(hdi_expect_rank("rope", "x", x, 3));
    HD_TRY(hdi_expect_dtype("rope", "cos", cos, HD_DTYPE_F32));
    HD_TRY(hdi_expect_rank("rope", "cos", cos, 2));
    HD_TRY(hdi_expect_dim("rope", "cos", cos, 0, x->dim[0]));
    HD_TRY(hdi_expect_same("rope", "sin", sin, cos));
    HD_REQUIRE(x->dim[2] >= 0 && cos->dim[1] >= 0 && 2 * cos->dim[1] <= x->dim[2], HD_INVALID_ARGUMENT,
               "rope: cos is %s; its pairs do not fit into the heads of x, which is %s", hdi_type_text(cos), hdi_type_text(x));
    *out = *x;
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "rope", "%s", hd_dtype_name((hd_dtype)in[0]->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    snprintf(text, size, "%s", ((const hdi_rope_attr *)attr)->interleaved ? "interleaved" : "");
}

const hdi_op hdi_op_rope = {
    .name = "rope",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .flags = HDI_OP_INPLACE,
    .attr_size = sizeof(hdi_rope_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
