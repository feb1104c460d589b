/* SPDX-License-Identifier: Apache-2.0 */
/* reduce(part 0 .. 7, bias or absent, residual or absent; parts) -> the sum; reduce_norm(the same, weight; parts, eps) -> the
 * sum, its rms_norm */
#include "kernels/reduce/reduce.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status check_parts(const char *op, const hdi_type *const *in, int n_in, const hdi_reduce_attr *a) {
    HD_REQUIRE(1 <= a->parts && a->parts <= HDI_REDUCE_PARTS && a->parts <= n_in, HD_INVALID_ARGUMENT,
               "%s: %d parts of %d; there can be 1 to %d", op, a->parts, n_in, HDI_REDUCE_PARTS);
    for (int p = 0; p < HDI_REDUCE_PARTS && p < n_in; p++) {
        HD_REQUIRE((in[p] != NULL) == (p < a->parts), HD_INVALID_ARGUMENT, "%s: %d parts, and part %d is %s", op, a->parts, p,
                   in[p] ? "there" : "missing");
        if (!in[p]) continue;
        HD_TRY(hdi_expect_dtype(op, "a part", in[p], HD_DTYPE_F32));
        HD_TRY(hdi_expect_rows(op, "a part", in[p]));
        HD_TRY(hdi_expect_same(op, "a part", in[p], in[0]));
    }
    return HD_OK;
}

static hd_status check_rest(const char *op, const hdi_type *const *in, int n_in) {
    const hdi_type *bias = n_in > HDI_REDUCE_BIAS ? in[HDI_REDUCE_BIAS] : NULL;
    const hdi_type *residual = n_in > HDI_REDUCE_RESIDUAL ? in[HDI_REDUCE_RESIDUAL] : NULL;
    if (residual) HD_TRY(hdi_expect_same(op, "residual", residual, in[0]));
    if (!bias) return HD_OK;
    HD_TRY(hdi_expect_rank(op, "bias", bias, 1));
    HD_TRY(hdi_expect_dtype(op, "bias", bias, HD_DTYPE_F32));
    return hdi_expect_dim(op, "bias", bias, 0, hdi_type_last(in[0]));
}

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    HD_TRY(check_parts("reduce", in, n_in, attr));
    HD_TRY(check_rest("reduce", in, n_in));
    *out = *in[0];
    return HD_OK;
}

static hd_status infer_norm(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *weight = in[HDI_REDUCE_WEIGHT];
    const hdi_reduce_attr *a = attr;
    HD_TRY(check_parts("reduce_norm", in, n_in, a));
    HD_TRY(check_rest("reduce_norm", in, n_in));
    HD_TRY(hdi_expect_rank("reduce_norm", "weight", weight, 1));
    HD_TRY(hdi_expect_dtype("reduce_norm", "weight", weight, HD_DTYPE_F32));
    HD_TRY(hdi_expect_dim("reduce_norm", "weight", weight, 0, hdi_type_last(in[0])));
    HD_REQUIRE(a->eps >= 0, HD_INVALID_ARGUMENT, "reduce_norm: eps is %g; it must not be negative", (double)a->eps);
    out[0] = out[1] = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    *kernel = HDI_KERNEL_reduce_f32;
    return HD_OK;
}

static hd_status choose_norm(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    *kernel = HDI_KERNEL_reduce_norm_f32;
    return HD_OK;
}

static void print(const void *attr, char *text, size_t size) {
    snprintf(text, size, "parts=%d", ((const hdi_reduce_attr *)attr)->parts);
}

static void print_norm(const void *attr, char *text, size_t size) {
    const hdi_reduce_attr *a = attr;
    snprintf(text, size, "parts=%d, eps=%g", a->parts, (double)a->eps);
}

const hdi_op hdi_op_reduce = {
    .name = "reduce",
    .min_inputs = 1,
    .max_inputs = HDI_REDUCE_RESIDUAL + 1,
    .outputs = 1,
    .attr_size = sizeof(hdi_reduce_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};

const hdi_op hdi_op_reduce_norm = {
    .name = "reduce_norm",
    .min_inputs = HDI_REDUCE_WEIGHT + 1,
    .max_inputs = HDI_REDUCE_WEIGHT + 1,
    .optional = 0x3fe,
    .outputs = 2,
    .attr_size = sizeof(hdi_reduce_attr),
    .infer = infer_norm,
    .choose = choose_norm,
    .print = print_norm,
};
