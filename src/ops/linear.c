/* SPDX-License-Identifier: Apache-2.0 */
/* linear(x [..., K], weight [N, K], bias [N] or absent; k_slices) -> [..., N] */
#include "kernels/linear/linear.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *x = in[0], *weight = in[1], *bias = n_in > 2 ? in[2] : NULL;
    const hdi_linear_attr *a = attr;
    HD_TRY(hdi_expect_float("linear", "x", x));
    HD_TRY(hdi_expect_rows("linear", "x", x));
    HD_TRY(hdi_expect_rank("linear", "weight", weight, 2));
    HD_TRY(hdi_expect_dim("linear", "weight", weight, 1, hdi_type_last(x)));
    HD_REQUIRE(a->k_slices == 1 || a->k_slices == 2 || a->k_slices == 4 || a->k_slices == 8, HD_INVALID_ARGUMENT,
               "linear: k_slices is %d; it must be 1, 2, 4 or 8", a->k_slices);
    int32_t block = hd_dtype_block_elements((hd_dtype)weight->dtype);
    HD_REQUIRE(a->k_unit >= 0 && a->k_unit % block == 0, HD_INVALID_ARGUMENT,
               "linear: k_unit is %d; with %s it must be a multiple of %d", a->k_unit, hd_dtype_name((hd_dtype)weight->dtype),
               block);
    if (bias) {
        HD_TRY(hdi_expect_rank("linear", "bias", bias, 1));
        HD_TRY(hdi_expect_dim("linear", "bias", bias, 0, weight->dim[0]));
        if (bias->dtype != HD_DTYPE_F32) HD_TRY(hdi_expect_dtype("linear", "bias", bias, (hd_dtype)x->dtype));
    }
    *out = *x;
    out->dim[x->rank - 1] = weight->dim[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "linear", "%s_%s%s", hd_dtype_name((hd_dtype)in[0]->dtype), hd_dtype_name((hd_dtype)in[1]->dtype),
                      in[1]->layout == HDI_LAYOUT_PANEL ? "_panel" : "");
}

static void print(const void *attr, char *text, size_t size) {
    const hdi_linear_attr *a = attr;
    if (size) text[0] = 0;
    if (a->k_slices != 1) snprintf(text, size, "k_slices=%d by %d", a->k_slices, a->k_unit ? a->k_unit : 32);
}

const hdi_op hdi_op_linear = {
    .name = "linear",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 1,
    .flags = HDI_OP_ROWWISE,
    .attr_size = sizeof(hdi_linear_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
