/* SPDX-License-Identifier: Apache-2.0 */
/* How attention divides: an item is a token with one head of k and v; tasks of many tokens share what they read. */
#include "kernels/attention/attention.h"

#include "kernels/attention/attention_scratch.h"

void hdi_attention_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *out = &call->operand[0], *k = &call->operand[2], *v = &call->operand[3];
    int64_t heads = k->shape[2], group = heads ? out->shape[1] / heads : 1;
    int64_t share = hdi_max_i64(1, HDI_ATTENTION_ROWS / hdi_max_i64(1, group));
    work->items = out->shape[0] * heads;
    work->grain = hdi_max_i64(1, hdi_min_i64(share, work->items / 64)); /* first enough tasks for many threads */
    work->scratch = hdi_attention_scratch_of(k->shape[3], v->shape[3]).bytes;
}
