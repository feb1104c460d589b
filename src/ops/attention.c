/* SPDX-License-Identifier: Apache-2.0 */
/* attention(q [T, H, d], k [P, page, Hkv, d], v [P, page, Hkv, dv], page_table i32 [S, max_pages], token_seq i32 [T],
 *           positions i32|i64 [T]; scale, window, softcap) -> [T, H, dv] */
#include "kernels/attention/attention.h"

#include <stdio.h>

#include "ops/op.h"

/* The sizes that q, k and v must share. */
static hd_status check_heads(const hdi_type *q, const hdi_type *k, const hdi_type *v) {
    HD_TRY(hdi_expect_float("attention", "q", q));
    HD_TRY(hdi_expect_rank("attention", "q", q, 3));
    HD_TRY(hdi_expect_float("attention", "k", k));
    HD_TRY(hdi_expect_rank("attention", "k", k, 4));
    HD_TRY(hdi_expect_dim("attention", "k", k, 3, q->dim[2]));
    HD_TRY(hdi_expect_dtype("attention", "v", v, (hd_dtype)k->dtype));
    HD_TRY(hdi_expect_rank("attention", "v", v, 4));
    for (int i = 0; i < 3; i++) HD_TRY(hdi_expect_dim("attention", "v", v, i, k->dim[i]));
    bool grouped = q->dim[1] >= 0 && k->dim[2] > 0 && q->dim[1] % k->dim[2] == 0;
    HD_REQUIRE(grouped, HD_INVALID_ARGUMENT, "attention: the heads of q, %s, must be a multiple of those of k, %s",
               hdi_type_text(q), hdi_type_text(k));
    HD_REQUIRE(k->dim[1] != 0, HD_INVALID_ARGUMENT, "attention: k is %s; a page must hold at least one key", hdi_type_text(k));
    return HD_OK;
}

static hd_status infer(const hdi_type *const *in, int n_in, const void *attr, hdi_type *out) {
    const hdi_type *q = in[0], *page_table = in[3], *token_seq = in[4], *positions = in[5];
    const hdi_attention_attr *a = attr;
    (void)n_in;
    HD_TRY(check_heads(q, in[1], in[2]));
    HD_TRY(hdi_expect_dtype("attention", "page_table", page_table, HD_DTYPE_I32));
    HD_TRY(hdi_expect_rank("attention", "page_table", page_table, 2));
    HD_TRY(hdi_expect_dtype("attention", "token_seq", token_seq, HD_DTYPE_I32));
    HD_TRY(hdi_expect_rank("attention", "token_seq", token_seq, 1));
    HD_TRY(hdi_expect_dim("attention", "token_seq", token_seq, 0, q->dim[0]));
    HD_TRY(hdi_expect_index("attention", "positions", positions));
    HD_TRY(hdi_expect_rank("attention", "positions", positions, 1));
    HD_TRY(hdi_expect_dim("attention", "positions", positions, 0, q->dim[0]));
    HD_REQUIRE(a->window >= 0 && a->softcap >= 0, HD_INVALID_ARGUMENT,
               "attention: window is %d and softcap %g; neither may be negative", a->window, (double)a->softcap);
    *out = *q;
    out->dim[2] = in[2]->dim[3];
    return HD_OK;
}

static hd_status choose(const hdi_type *const *in, int n_in, const hdi_type *out, const void *attr, hdi_kernel_id *kernel) {
    (void)n_in, (void)out, (void)attr;
    return hdi_choose(kernel, "attention", "%s_%s", hd_dtype_name((hd_dtype)in[0]->dtype), hd_dtype_name((hd_dtype)in[1]->dtype));
}

static void print(const void *attr, char *text, size_t size) {
    const hdi_attention_attr *a = attr;
    int n = snprintf(text, size, "scale=%g", (double)a->scale);
    if (a->window && n >= 0 && (size_t)n < size) n += snprintf(text + n, size - (size_t)n, " window=%d", a->window);
    if (a->softcap != 0 && n >= 0 && (size_t)n < size) snprintf(text + n, size - (size_t)n, " softcap=%g", (double)a->softcap);
}

const hdi_op hdi_op_attention = {
    .name = "attention",
    .min_inputs = 6,
    .max_inputs = 6,
    .outputs = 1,
    .attr_size = sizeof(hdi_attention_attr),
    .infer = infer,
    .choose = choose,
    .print = print,
};
