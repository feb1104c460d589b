/* SPDX-License-Identifier: Apache-2.0 */
/* kv_write(cache [P, page, H, d], x [T, H, d], slots i32 [T]) -> cache, with the rows of x at their slots */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *cache = in[0], *x = in[1], *slots = in[2];
    (void)n_in, (void)attr;
    HD_TRY(hdi_expect_float("kv_write", "cache", cache));
    HD_TRY(hdi_expect_rank("kv_write", "cache", cache, 4));
    HD_TRY(hdi_expect_float("kv_write", "x", x));
    HD_TRY(hdi_expect_rank("kv_write", "x", x, 3));
    HD_TRY(hdi_expect_dim("kv_write", "x", x, 1, cache->dim[2]));
    HD_TRY(hdi_expect_dim("kv_write", "x", x, 2, cache->dim[3]));
    HD_TRY(hdi_expect_dtype("kv_write", "slots", slots, HD_DTYPE_I32));
    HD_TRY(hdi_expect_rank("kv_write", "slots", slots, 1));
    HD_TRY(hdi_expect_dim("kv_write", "slots", slots, 0, x->dim[0]));
    *out = *cache;
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "kv_write", "%s_%s", hd_dtype_name((hd_dtype)in[1]->dtype), hd_dtype_name((hd_dtype)in[0]->dtype));
}

const hdi_op hdi_op_kv_write = {
    .name = "kv_write",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .flags = HDI_OP_MUTATES,
    .infer = infer,
    .choose = choose,
};
