/* SPDX-License-Identifier: Apache-2.0 */
/* take_ids(given i32 [T], source i32 [T], ids i32 [M]) -> i32 [T] */
#include "ops/op.h"

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    static const char *const names[] = {"given", "source", "ids"};
    (void)attr;
    for (int i = 0; i < n_in; i++) {
        HD_TRY(hdi_expect_dtype("take_ids", names[i], in[i], HD_DTYPE_I32));
        HD_TRY(hdi_expect_rank("take_ids", names[i], in[i], 1));
    }
    HD_TRY(hdi_expect_dim("take_ids", "source", in[1], 0, in[0]->dim[0]));
    *out = *in[0];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)in, (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "take_ids", "i32");
}

const hdi_op hdi_op_take_ids = {
    .name = "take_ids",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .infer = infer,
    .choose = choose,
};
