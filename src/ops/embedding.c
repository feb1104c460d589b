/* SPDX-License-Identifier: Apache-2.0 */
/* embedding(ids i32|i64 [...], table [V, d]; out, first, total) -> [..., d] */
#include "kernels/embedding/embedding.h"

#include <stdio.h>

#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *ids = in[0], *table = in[1];
    const hdi_embedding_attr *a = attr;
    (void)n_in;
    HD_TRY(hdi_expect_index("embedding", "ids", ids));
    HD_TRY(hdi_expect_rank("embedding", "table", table, 2));
    HD_REQUIRE(ids->rank < HD_MAX_DIMS, HD_INVALID_ARGUMENT, "embedding: ids is %s; its rows would make more than %d dims",
               hdi_type_text(ids), HD_MAX_DIMS);
    HD_REQUIRE(a->out < HD_DTYPE_COUNT, HD_INVALID_ARGUMENT, "embedding: %d is no type of elements", a->out);
    HD_REQUIRE(a->total == 0 || a->out == HD_DTYPE_F32, HD_UNSUPPORTED, "embedding: rows of a part of a table are f32, not %s",
               hd_dtype_name((hd_dtype)a->out));
    HD_REQUIRE(a->total == 0 ? a->first == 0 : 0 <= a->first && a->first <= a->total && table->dim[0] <= a->total - a->first,
               HD_INVALID_ARGUMENT, "embedding: table is %s; its rows from %lld on do not lie in one of %lld rows",
               hdi_type_text(table), (long long)a->first, (long long)a->total);
    *out = *ids;
    out->dtype = a->out;
    out->rank = (uint8_t)(ids->rank + 1);
    out->dim[ids->rank] = table->dim[1];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)attr;
    /* One kernel reads rows and panels. */
    return hdi_choose(kernel, "embedding", "%s_%s", hd_dtype_name((hd_dtype)in[1]->dtype), hd_dtype_name((hd_dtype)out->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    const hdi_embedding_attr *a = attr;
    int n = snprintf(text, size, "%s", hd_dtype_name((hd_dtype)a->out));
    if (a->total && n > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, ", rows from %lld of %lld", (long long)a->first, (long long)a->total);
}

const hdi_op hdi_op_embedding = {
    .name = "embedding",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = HDI_OP_ROWWISE,
    .attr_size = sizeof(hdi_embedding_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
