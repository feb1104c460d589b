/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over all keys seen, in double precision, for checks. */
#include <math.h>
#include <stdlib.h>

#include "kernels/attention/attention.h"
#include "kernels/ref.h"

static void attend(const hdi_kernel_call *call, int64_t t, int64_t h, int64_t s, int64_t lo, int64_t hi, double *p) {
    const hdi_operand *out = &call->operand[0], *q = &call->operand[1], *k = &call->operand[2], *v = &call->operand[3];
    const hdi_operand *table = &call->operand[4];
    const hdi_attention_attr *attr = call->attr;
    int64_t head = h / (out->shape[1] / k->shape[2]), page = k->shape[1];
    double top = -INFINITY, total = 0;
    for (int64_t i = lo; i < hi; i++) {
        double id = hdi_ref_get(table, s * table->stride[0] + i / page * table->stride[1]), score = 0;
        for (int64_t e = 0; e < k->shape[3]; e++)
            score += hdi_ref_get(q, t * q->stride[0] + h * q->stride[1] + e) *
                     hdi_ref_get(k, (int64_t)id * k->stride[0] + i % page * k->stride[1] + head * k->stride[2] + e);
        score *= (double)attr->scale;
        if (attr->softcap > 0) score = (double)attr->softcap * tanh(score / (double)attr->softcap);
        p[i] = score;
        top = score > top ? score : top;
    }
    for (int64_t i = lo; i < hi; i++) total += p[i] = exp(p[i] - top);
    for (int64_t e = 0; e < out->shape[2]; e++) {
        double sum = 0;
        for (int64_t i = lo; i < hi; i++) {
            double id = hdi_ref_get(table, s * table->stride[0] + i / page * table->stride[1]);
            sum += p[i] * hdi_ref_get(v, (int64_t)id * v->stride[0] + i % page * v->stride[1] + head * v->stride[2] + e);
        }
        hdi_ref_set(out, t * out->stride[0] + h * out->stride[1] + e, hi > lo ? sum / total : 0);
    }
}

void hdi_attention_ref(const hdi_kernel_call *call) {
    const hdi_operand *out = &call->operand[0], *k = &call->operand[2], *table = &call->operand[4];
    const hdi_operand *seq = &call->operand[5], *pos = &call->operand[6];
    const hdi_attention_attr *attr = call->attr;
    double *p = malloc((size_t)(table->shape[1] * k->shape[1] + 1) * sizeof *p);
    if (!p) abort();
    for (int64_t t = 0; t < out->shape[0]; t++) {
        int64_t s = (int64_t)hdi_ref_get(seq, t * seq->stride[0]), hi = (int64_t)hdi_ref_get(pos, t * pos->stride[0]) + 1;
        int64_t lo = attr->window > 0 && hi > attr->window ? hi - attr->window : 0;
        if (s < 0) lo = hi = 0;
        for (int64_t h = 0; h < out->shape[1]; h++) attend(call, t, h, s, lo, hi, p);
    }
    free(p);
}
