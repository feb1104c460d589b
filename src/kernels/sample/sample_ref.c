/* SPDX-License-Identifier: Apache-2.0 */
/* The sampling rule by sorting in double precision, for checks. */
#include <math.h>
#include <stdlib.h>

#include "kernels/ref.h"
#include "kernels/sample/sample.h"

typedef struct token {
    int64_t id;
    double p, score;
} token;

static int by_probability(const void *a, const void *b) {
    const token *x = a, *y = b;
    return x->p != y->p ? (x->p < y->p) - (x->p > y->p) : (x->id > y->id) - (x->id < y->id);
}
static int by_score(const void *a, const void *b) {
    const token *x = a, *y = b;
    return x->score != y->score ? (x->score > y->score) - (x->score < y->score) : (x->id > y->id) - (x->id < y->id);
}

static void normalize(token *t, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += t[i].p;
    for (int64_t i = 0; i < n; i++) t[i].p /= sum;
}

/* How many tokens it takes until their mass reaches p. */
static int64_t reach(const token *t, int64_t n, double p) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        if ((sum += t[i].p) >= p) return i + 1;
    return n;
}

static int64_t typical(token *t, int64_t n, double p) {
    double entropy = 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) entropy -= t[i].p > 0 ? t[i].p * log(t[i].p) : 0;
    for (int64_t i = 0; i < n; i++) t[i].score = fabs(-log(t[i].p) - entropy);
    qsort(t, (size_t)n, sizeof *t, by_score);
    double last = t[reach(t, n, p) - 1].score;
    while (kept < n && t[kept].score <= last + 1e-9) kept++; /* equal logits have equal scores, up to rounding */
    qsort(t, (size_t)kept, sizeof *t, by_probability);
    return kept;
}

static int64_t draw(token *t, int64_t n, const double *params) {
    double u = params[HDI_SAMPLE_UNIFORM], sum = 0;
    int64_t m = n;
    qsort(t, (size_t)n, sizeof *t, by_probability);
    if (params[HDI_SAMPLE_TOP_K] >= 1 && params[HDI_SAMPLE_TOP_K] < (double)n) m = (int64_t)params[HDI_SAMPLE_TOP_K];
    normalize(t, m);
    if (params[HDI_SAMPLE_TYPICAL_P] > 0 && params[HDI_SAMPLE_TYPICAL_P] < 1) m = typical(t, m, params[HDI_SAMPLE_TYPICAL_P]);
    normalize(t, m);
    if (params[HDI_SAMPLE_TOP_P] < 1) m = reach(t, m, params[HDI_SAMPLE_TOP_P]);
    double most = t[0].p;
    if (params[HDI_SAMPLE_MIN_P] > 0)
        while (m > 1 && t[m - 1].p < params[HDI_SAMPLE_MIN_P] * most) m--;
    normalize(t, m);
    for (int64_t i = 0; i < m; i++)
        if ((sum += t[i].p) > u) return t[i].id;
    return t[m - 1].id;
}

int64_t hdi_sample_ref_pick(const float *logits, int64_t n, const double *params) {
    int64_t best = -1, picked;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY) return -1;
        if (isfinite(logits[i]) && (best < 0 || logits[i] > logits[best])) best = i;
    }
    if (best < 0 || !(params[HDI_SAMPLE_TEMPERATURE] > 0)) return best;
    token *t = malloc((size_t)n * sizeof *t);
    if (!t) abort();
    for (int64_t i = 0; i < n; i++) {
        double p = exp(((double)logits[i] - (double)logits[best]) / params[HDI_SAMPLE_TEMPERATURE]);
        t[i] = (token){i, p, 0};
    }
    picked = draw(t, n, params);
    free(t);
    return picked;
}

void hdi_sample_ref(const hdi_kernel_call *call) {
    const hdi_operand *ids = &call->operand[0], *logits = &call->operand[1], *params = &call->operand[2];
    for (int64_t r = 0; r < logits->shape[0] && logits->shape[1] > 0; r++) {
        double p[HDI_SAMPLE_PARAMS];
        for (int i = 0; i < HDI_SAMPLE_PARAMS; i++) p[i] = (double)((const float *)params->data)[r * params->stride[0] + i];
        hdi_ref_set(ids, r * ids->stride[0],
                    (double)hdi_sample_ref_pick((const float *)logits->data + r * logits->stride[0], logits->shape[1], p));
    }
}
