/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/logits.h"

#include <float.h>
#include <math.h>

static bool counts_generated(const hd_sampling *s) { return s->presence_penalty != 0 || s->frequency_penalty != 0; }

bool hdi_sampling_edits(const hd_sampling *s) { return s->n_bias > 0 || s->repetition_penalty != 1 || counts_generated(s); }

bool hdi_logits_edited(const hd_sampling *s, const hdi_history *h) {
    return s->n_bias > 0 || s->repetition_penalty != 1 || (counts_generated(s) && h->n > h->n_prompt);
}

/* A token is punished once, however often it was seen; `count` marks those that were. */
static void penalise_repetition(float *logits, uint32_t *count, const hd_sampling *s, const hdi_history *h) {
    int64_t begin = s->penalty_last > 0 && s->penalty_last < h->n ? h->n - s->penalty_last : 0;
    for (int64_t i = begin; i < h->n; i++) {
        int32_t t = h->tokens[i];
        if (count[t]++) continue;
        logits[t] = logits[t] > 0 ? logits[t] / s->repetition_penalty : logits[t] * s->repetition_penalty;
    }
    for (int64_t i = begin; i < h->n; i++) count[h->tokens[i]] = 0;
}

static void penalise_generated(float *logits, uint32_t *count, const hd_sampling *s, const hdi_history *h) {
    for (int64_t i = h->n_prompt; i < h->n; i++) count[h->tokens[i]]++;
    for (int64_t i = h->n_prompt; i < h->n; i++) {
        int32_t t = h->tokens[i];
        if (count[t] == 0) continue;
        logits[t] -= s->presence_penalty + s->frequency_penalty * (float)count[t];
        count[t] = 0;
    }
}

void hdi_logits_edit(float *logits, uint32_t *count, const hd_sampling *s, const hdi_history *h) {
    for (size_t i = 0; i < s->n_bias; i++) logits[s->bias[i].token] += s->bias[i].bias;
    if (s->repetition_penalty != 1) penalise_repetition(logits, count, s, h);
    if (counts_generated(s)) penalise_generated(logits, count, s, h);
}

bool hdi_logits_valid(const float *logits, int32_t vocab) {
    int bad = 0, finite = 0; /* no early exit: the loop becomes vector code */
    for (int32_t i = 0; i < vocab; i++) {
        bad |= !(logits[i] <= FLT_MAX);
        finite |= logits[i] >= -FLT_MAX;
    }
    return finite && !bad;
}

void hdi_logits_normaliser(const float *logits, int32_t vocab, float *greatest, double *log_sum) {
    float max = -INFINITY;
    double sum = 0;
    for (int32_t i = 0; i < vocab; i++)
        if (logits[i] > max) max = logits[i];
    for (int32_t i = 0; i < vocab; i++) sum += exp((double)logits[i] - (double)max);
    *greatest = max;
    *log_sum = log(sum);
}

int32_t hdi_logits_top(const float *logits, int32_t vocab, float greatest, double log_sum, int32_t n, hd_token_logprob *top) {
    int32_t have = 0;
    if (n <= 0) return 0;
    for (int32_t i = 0; i < vocab; i++) { /* `logprob` holds the logit until all are chosen */
        if (have == n && !(logits[i] > top[n - 1].logprob)) continue;
        int32_t at = have < n ? have++ : n - 1;
        for (; at > 0 && logits[i] > top[at - 1].logprob; at--) top[at] = top[at - 1];
        top[at] = (hd_token_logprob){.token = i, .logprob = logits[i]};
    }
    for (int32_t i = 0; i < have; i++) top[i].logprob = (float)((double)top[i].logprob - (double)greatest - log_sum);
    return have;
}
