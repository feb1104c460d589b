/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and the draw without sorting. All but typical_p keep a prefix of the descending order, so each is the question "at
 * which candidate does the count or the mass cross a target": a radix selection over the bits of the keys answers it in three
 * passes. Most vocabularies have few candidates that matter: those within e^-16 of the best are gathered first, and the rest only
 * when their mass is needed. */
#include "kernels/sample/sample.h"

#include "kernels/cost.h"

#include <math.h>
#include <string.h>

#include "base/float16.h"

enum { RADIX_BITS = 11, BUCKETS = 1 << RADIX_BITS };
static const float near_key = 16.0f;

void hdi_sample_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *logits = &call->operand[1];
    work->items = logits->shape[0];
    work->grain = 1;
    work->scratch = (size_t)logits->shape[1] * (3 * sizeof(float) + sizeof(int32_t));
    if (logits->shape[1] == 0) work->items = 0; /* nothing to choose from; operators refuse it */
}

typedef struct candidates {
    const hdi_sample_row *row;
    int64_t n;     /* ids in row->ids, ascending */
    double total;  /* mass of all candidates, listed or not */
    double listed; /* mass of those in ids */
    bool complete; /* ids holds all of them */
} candidates;

static void gather(candidates *c, bool all) {
    const hdi_sample_row *row = c->row;
    c->n = 0;
    c->listed = 0;
    for (int64_t i = 0; i < row->n; i++) {
        if (!all && !(row->key[i] < near_key)) continue;
        row->ids[c->n++] = (int32_t)i;
        c->listed += (double)row->weight[i];
    }
    if (all) c->total = c->listed;
    c->complete = all;
}

/* Where a selection ends: the candidates before it in the order (key, id), and itself. */
typedef struct place {
    uint32_t key; /* bits of a float >= 0: they order as it does */
    int32_t id;
} place;

static uint32_t key_bits(const float *key, int32_t id) { return hdi_f32_bits(key[id]); }
static bool within(const float *key, int32_t id, place end) {
    uint32_t k = key_bits(key, id);
    return k < end.key || (k == end.key && id <= end.id);
}

/* What is counted: mass, or candidates when `weight` is NULL; crossing is >= target, or > when strict. */
typedef struct target {
    const float *weight;
    double amount;
    bool strict;
} target;

static double amount_of(const target *t, int32_t id) { return t->weight ? (double)t->weight[id] : 1.0; }
static bool crosses(const target *t, double sum) { return t->strict ? sum > t->amount : sum >= t->amount; }

/* The candidate at which the running sum crosses the target; the last of any amount when rounding lets none do so. */
static place find_crossing(const candidates *c, const float *key, target t) {
    static const int shifts[] = {21, 10, 0}, widths[] = {11, 11, 10};
    double sums[BUCKETS], before = 0;
    uint32_t prefix = 0;
    place end = {0, 0};
    for (int level = 0; level < 3; level++) {
        int shift = shifts[level], above = shift + widths[level];
        uint32_t mask = (1u << widths[level]) - 1u;
        int64_t last = -1;
        memset(sums, 0, sizeof sums);
        uint8_t present[BUCKETS] = {0};
        for (int64_t i = 0; i < c->n; i++) {
            uint32_t k = key_bits(key, c->row->ids[i]);
            if (above < 32 && k >> above != prefix) continue;
            sums[k >> shift & mask] += amount_of(&t, c->row->ids[i]);
            present[k >> shift & mask] = 1;
        }
        for (uint32_t b = 0; b <= mask; b++) {
            if (!present[b] || (sums[b] == 0.0 && last >= 0)) continue;
            last = b;
            if (crosses(&t, before + sums[b])) break;
            before += sums[b];
        }
        /* When none crossed, `before` holds the last bucket too: no candidate in it crosses, and its last one is taken. */
        prefix = (above < 32 ? prefix << widths[level] : 0u) | (uint32_t)(last < 0 ? 0 : last);
    }
    end.key = prefix;
    for (int64_t i = 0; i < c->n; i++) { /* ties lie in the order of their ids */
        int32_t id = c->row->ids[i];
        if (key_bits(key, id) != prefix) continue;
        end.id = id;
        before += amount_of(&t, id);
        if (crosses(&t, before)) break;
    }
    return end;
}

/* Keeps the candidates that lie within `end`. */
static void keep(candidates *c, const float *key, place end) {
    int64_t n = 0;
    double mass = 0;
    for (int64_t i = 0; i < c->n; i++) {
        int32_t id = c->row->ids[i];
        if (!within(key, id, end)) continue;
        c->row->ids[n++] = id;
        mass += (double)c->row->weight[id];
    }
    c->n = n;
    c->total = c->listed = mass;
    c->complete = true;
}

static void keep_top_k(candidates *c, float k) {
    if (!(k >= 1.0f) || (double)k >= (double)c->row->n) return;
    if ((double)c->n < (double)k) gather(c, true);
    keep(c, c->row->key, find_crossing(c, c->row->key, (target){NULL, floor((double)k), false}));
}

/* -ln p = key + ln total, so the distance from the entropy is that of the key from the mean key. */
static void keep_typical(candidates *c, float p) {
    const hdi_sample_row *row = c->row;
    double mean = 0;
    if (!(p > 0.0f && p < 1.0f)) return;
    if (!c->complete) gather(c, true);
    for (int64_t i = 0; i < c->n; i++) {
        double weight = (double)row->weight[row->ids[i]];
        if (weight > 0) mean += weight * (double)row->key[row->ids[i]];
    }
    mean /= c->total;
    for (int64_t i = 0; i < c->n; i++) row->scores[row->ids[i]] = (float)fabs((double)row->key[row->ids[i]] - mean);
    place end = find_crossing(c, row->scores, (target){row->weight, (double)p * c->total, false});
    end.id = INT32_MAX;
    keep(c, row->scores, end);
}

static void keep_top_p(candidates *c, float p) {
    if (!(p < 1.0f)) return;
    target t = {c->row->weight, p > 0.0f ? (double)p * c->total : 0.0, false};
    if (!c->complete && c->listed < t.amount) gather(c, true);
    keep(c, c->row->key, find_crossing(c, c->row->key, t));
}

static void keep_min_p(candidates *c, float p) {
    const hdi_sample_row *row = c->row;
    float most = 0.0f;
    if (!(p > 0.0f)) return;
    if (!c->complete && p < 2e-7f) gather(c, true); /* e^-16 = 1.1e-7 */
    for (int64_t i = 0; i < c->n; i++) most = row->weight[row->ids[i]] > most ? row->weight[row->ids[i]] : most;
    float least = p < 1.0f ? p * most : most;
    int64_t n = 0;
    double mass = 0;
    for (int64_t i = 0; i < c->n; i++) {
        int32_t id = row->ids[i];
        if (row->weight[id] < least) continue;
        row->ids[n++] = id;
        mass += (double)row->weight[id];
    }
    c->n = n;
    c->total = c->listed = mass;
    c->complete = true;
}

int32_t hdi_sample_pick(const hdi_sample_row *row, const float *params) {
    candidates c = {.row = row, .total = row->total};
    float uniform = params[HDI_SAMPLE_UNIFORM] > 0.0f ? params[HDI_SAMPLE_UNIFORM] : 0.0f;
    gather(&c, false);
    keep_top_k(&c, params[HDI_SAMPLE_TOP_K]);
    keep_typical(&c, params[HDI_SAMPLE_TYPICAL_P]);
    keep_top_p(&c, params[HDI_SAMPLE_TOP_P]);
    keep_min_p(&c, params[HDI_SAMPLE_MIN_P]);
    target t = {row->weight, (double)uniform * c.total, true};
    if (!c.complete && !(c.listed > t.amount)) {
        gather(&c, true);
        t.amount = (double)uniform * c.total;
    }
    return find_crossing(&c, row->key, t).id;
}

void hdi_sample_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 1, 4, cost);
}
