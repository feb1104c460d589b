/* SPDX-License-Identifier: Apache-2.0 */
/* concat(part 0 [..., n0], part 1 [..., n1], ... up to 8; parts) -> [..., n0 + n1 + ...] */
#include "kernels/concat/concat.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    int32_t parts = ((const hdi_concat_attr *)attr)->parts;
    int64_t n = 0;
    HD_REQUIRE(1 <= parts && parts <= HDI_CONCAT_PARTS && parts <= n_in, HD_INVALID_ARGUMENT, "concat: %d parts of %d", parts,
               n_in);
    for (int p = 0; p < n_in; p++)
        HD_REQUIRE((in[p] != NULL) == (p < parts), HD_INVALID_ARGUMENT, "concat: %d parts, and part %d is %s", parts, p,
                   in[p] ? "there" : "missing");
    HD_REQUIRE(hd_dtype_block_elements((hd_dtype)in[0]->dtype) == 1, HD_UNSUPPORTED, "concat: %s lies in blocks",
               hdi_type_text(in[0]));
    HD_TRY(hdi_expect_rows("concat", "part 0", in[0]));
    for (int p = 0; p < parts; p++) {
        hdi_type like = *in[0];
        like.dim[like.rank - 1] = in[p]->rank ? hdi_type_last(in[p]) : 0;
        HD_TRY(hdi_expect_same("concat", "a part", in[p], &like));
        HD_REQUIRE(parts == 1 || hdi_type_last(in[p]) >= 0, HD_UNSUPPORTED, "concat: the last dim of part %d is symbolic", p);
        HD_REQUIRE(!__builtin_add_overflow(n, hdi_type_last(in[p]), &n), HD_INVALID_ARGUMENT,
                   "concat: the last dims are more than 64 bits together");
    }
    *out = *in[0];
    out->dim[out->rank - 1] = n;
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)attr;
    return hdi_choose(kernel, "concat", "b%zu", hd_dtype_block_bytes((hd_dtype)out->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    const hdi_concat_attr *a = attr;
    snprintf(text, size, "parts=%d%s", a->parts, a->streamed ? " streamed" : "");
}

const hdi_op hdi_op_concat = {
    .name = "concat",
    .min_inputs = 1,
    .max_inputs = HDI_CONCAT_PARTS,
    .outputs = 1,
    .attr_size = sizeof(hdi_concat_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
