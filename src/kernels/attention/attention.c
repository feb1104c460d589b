/* SPDX-License-Identifier: Apache-2.0 */
/* How attention divides: an item is a token with one head of k and v; tasks of many tokens share what they read. */
#include "kernels/attention/attention.h"

#include "kernels/cost.h"
#include "kernels/attention/attention_scratch.h"

void hdi_attention_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *out = &call->operand[0], *k = &call->operand[2], *v = &call->operand[3];
    int64_t heads = k->shape[2], group = heads ? out->shape[1] / heads : 1;
    int64_t share = hdi_max_i64(1, HDI_ATTENTION_ROWS / hdi_max_i64(1, group));
    work->items = out->shape[0] * heads;
    work->grain = hdi_max_i64(1, hdi_min_i64(share, work->items / 64)); /* first enough tasks for many threads */
    work->scratch = hdi_attention_scratch_of(k->shape[3], v->shape[3]).bytes;
}

/* The values of an index operand, i32 or i64. */
static int64_t index_at(const hdi_operand *operand, const void *data, int64_t i) {
    i *= operand->stride[0];
    return operand->dtype == HD_DTYPE_I64 ? ((const int64_t *)data)[i] : ((const int32_t *)data)[i];
}

/* Keys that tokens see, in all and without those that a neighbour of the same sequence sees too. */
typedef struct seen {
    double all, distinct;
} seen;

static seen count_keys(const hdi_kernel_call *call, const void *seqs, const void *positions) {
    const hdi_operand *seq_of = &call->operand[5], *position_of = &call->operand[6];
    int64_t tokens = call->operand[0].shape[0], window = ((const hdi_attention_attr *)call->attr)->window;
    int64_t before = -1, read_to = 0; /* the sequence of the token before; its keys below read_to are counted */
    seen s = {0};
    for (int64_t t = 0; t < tokens; t++) {
        int64_t seq = index_at(seq_of, seqs, t), end = index_at(position_of, positions, t) + 1;
        if (seq < 0 || end <= 0) continue;
        int64_t first = window > 0 && end > window ? end - window : 0;
        if (seq != before) read_to = 0;
        s.all += (double)(end - first);
        s.distinct += (double)hdi_max_i64(0, end - hdi_max_i64(first, read_to));
        read_to = hdi_max_i64(read_to, end);
        before = seq;
    }
    return s;
}

/* Keys and values once for all tokens of a sequence that stand together. */
void hdi_attention_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    const hdi_operand *out = &call->operand[0], *q = &call->operand[1], *k = &call->operand[2], *v = &call->operand[3];
    const void *seqs = hdi_cost_data(view, &call->operand[5]), *positions = hdi_cost_data(view, &call->operand[6]);
    *cost = (hdi_kernel_cost){.bytes = hdi_operand_bytes(out) + hdi_operand_bytes(q), .partial = !seqs || !positions};
    if (cost->partial) return;
    seen s = count_keys(call, seqs, positions);
    cost->bytes +=
        s.distinct * (hdi_elements_bytes(k, k->shape[2] * k->shape[3]) + hdi_elements_bytes(v, v->shape[2] * v->shape[3]));
    cost->flops = 2 * s.all * (double)out->shape[1] * (double)(k->shape[3] + v->shape[3]);
}
