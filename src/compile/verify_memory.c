/* SPDX-License-Identifier: Apache-2.0 */
/* Every two accesses to the same bytes, of which one writes, come one after the other: by waits alone, since an executor may run
 * whatever has nothing to wait for. A rank's own memory is looked at with its local waits first, which hold in every case; what
 * they leave over, and what ranks read of each other, with the order over all ranks, case by case, one owner of memory at a time:
 * rows of bits say which of the owner's steps come before each node and which after it. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compile/verify.h"

enum { MOST_PAIRS = 1 << 24 };

/* Two accesses that local waits do not order; `b` writes memory of its own rank. */
typedef struct pair {
    uint32_t a, b; /* nodes */
    const hdi_access *of_a, *of_b;
} pair;

typedef struct check {
    hdi_verify *v;
    int32_t owner;
    size_t words;
    uint64_t *before, *after; /* [n_nodes x words]: the owner's steps before and after each node */
    pair *pairs;
    size_t n_pairs, cap_pairs;
} check;

static bool has(const uint64_t *row, uint32_t bit) { return row[bit / 64] >> bit % 64 & 1u; }

/* ---- what each step touches ---- */

static int by_place(const void *a, const void *b) {
    const hdi_access *x = a, *y = b;
    if (x->slot != y->slot) return x->slot < y->slot ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* The operands that are not empty. Weights and inputs are only read: they are left out. */
static hd_status list_accesses(hdi_verify_rank *rank) {
    const hd_plan *plan = rank->plan;
    size_t most = 0;
    for (uint32_t s = 0; s < plan->n_steps; s++) most += hdi_plan_steps(plan)[s].n_operands;
    HD_TRY(hdi_alloc(&rank->accesses, most, sizeof *rank->accesses, "the check of plans"));
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        uint32_t outputs = hdi_verify_op(step->kernel)->outputs;
        for (uint32_t i = 0; i < step->n_operands; i++) {
            const hdi_plan_operand *t = &hdi_plan_operands(plan)[step->first_operand + i];
            if (t->slot < 0) continue;
            uint32_t kind = hdi_plan_slots(plan)[t->slot].kind;
            hdi_access a = {.step = s, .slot = t->slot, .writes = i < outputs};
            if (kind == HDI_SLOT_WEIGHT || kind == HDI_SLOT_INPUT) continue;
            if (hdi_verify_span(plan, t, true, &a.begin, &a.end) && a.begin < a.end) rank->accesses[rank->n_accesses++] = a;
        }
    }
    if (rank->n_accesses) qsort(rank->accesses, rank->n_accesses, sizeof *rank->accesses, by_place);
    return HD_OK;
}

static hd_status close_locally(hdi_verify_rank *rank) {
    const hd_plan *plan = rank->plan;
    rank->words = ((size_t)plan->n_steps + 63) / 64;
    HD_TRY(hdi_calloc(&rank->local, rank->words * plan->n_steps, sizeof *rank->local, "the check of plans"));
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        uint64_t *row = rank->local + s * rank->words;
        for (uint32_t i = 0; i < step->n_waits; i++) {
            uint32_t w = hdi_plan_waits(plan)[step->first_wait + i];
            for (size_t k = 0; k < rank->words; k++) row[k] |= rank->local[w * rank->words + k];
            row[w / 64] |= 1ull << w % 64;
        }
    }
    return HD_OK;
}

/* ---- pairs ---- */

static hd_status add_pair(check *k, int32_t rank, const hdi_access *a, const hdi_access *b) {
    HD_REQUIRE(k->n_pairs < MOST_PAIRS, HD_UNSUPPORTED, "the plans' steps share memory of rank %d in more than %d ways", k->owner,
               MOST_PAIRS);
    HD_TRY(hdi_grow(&k->pairs, &k->cap_pairs, k->n_pairs + 1, sizeof *k->pairs, "the check of plans"));
    k->pairs[k->n_pairs++] = (pair){k->v->rank[rank].first_node + a->step, k->v->rank[k->owner].first_node + b->step, a, b};
    return HD_OK;
}

static hd_status pair_own(check *k) {
    const hdi_verify_rank *rank = &k->v->rank[k->owner];
    for (size_t i = 0; i < rank->n_accesses; i++) {
        const hdi_access *a = &rank->accesses[i];
        for (size_t j = i + 1; j < rank->n_accesses; j++) {
            const hdi_access *b = &rank->accesses[j];
            if (b->slot != a->slot || b->begin >= a->end) break; /* sorted by place */
            if (a->step == b->step || !(a->writes || b->writes)) continue;
            uint32_t early = a->step < b->step ? a->step : b->step, late = a->step < b->step ? b->step : a->step;
            if (has(rank->local + late * rank->words, early)) continue;
            HD_TRY(b->writes ? add_pair(k, k->owner, a, b) : add_pair(k, k->owner, b, a));
        }
    }
    return HD_OK;
}

/* The accesses of a rank to the segment of `owner`: sorted, *n of them; NULL when there are none. */
static const hdi_access *to_segment(const hdi_verify_rank *rank, int32_t owner, size_t *n) {
    const hdi_plan_slot *slots = hdi_plan_slots(rank->plan);
    size_t i = 0;
    *n = 0;
    while (i < rank->n_accesses &&
           (slots[rank->accesses[i].slot].kind != HDI_SLOT_SEGMENT || slots[rank->accesses[i].slot].rank != owner))
        i++;
    while (i + *n < rank->n_accesses && rank->accesses[i + *n].slot == rank->accesses[i].slot) (*n)++;
    return *n ? rank->accesses + i : NULL;
}

static hd_status pair_others(check *k) {
    size_t n, m;
    const hdi_access *own = to_segment(&k->v->rank[k->owner], k->owner, &n);
    for (int32_t r = 0; own && r < k->v->ranks; r++) {
        const hdi_access *reads = r == k->owner ? NULL : to_segment(&k->v->rank[r], k->owner, &m);
        for (size_t i = 0; reads && i < m; i++)
            for (size_t j = 0; j < n && own[j].begin < reads[i].end; j++)
                if (own[j].writes && reads[i].begin < own[j].end) HD_TRY(add_pair(k, r, &reads[i], &own[j]));
    }
    return HD_OK;
}

/* ---- the order over all ranks, of one owner's steps ---- */

static void mix(uint64_t *to, const uint64_t *from, size_t words) {
    for (size_t i = 0; i < words; i++) to[i] |= from[i];
}

static void set_own(const check *k, uint64_t *row, uint32_t node) {
    uint32_t s = hdi_verify_step_of(k->v, node);
    if (k->v->rank_of[node] == k->owner && s < k->v->rank[k->owner].plan->n_steps) row[s / 64] |= 1ull << s % 64;
}

static void close_over_ranks(const check *k, int c) {
    const hdi_verify *v = k->v;
    const uint32_t *order = v->order + (size_t)c * v->n_nodes;
    memset(k->before, 0, sizeof *k->before * k->words * v->n_nodes);
    memset(k->after, 0, sizeof *k->after * k->words * v->n_nodes);
    for (uint32_t i = 0; i < v->n_nodes; i++)
        for (uint32_t node = order[i], e = v->edges_at[node]; e < v->edges_at[node + 1]; e++) {
            if (!hdi_edge_holds(v, &v->edges[e], node, c)) continue;
            mix(k->before + node * k->words, k->before + v->edges[e].from * k->words, k->words);
            set_own(k, k->before + node * k->words, v->edges[e].from);
        }
    for (uint32_t i = v->n_nodes; i-- > 0;)
        for (uint32_t node = order[i], e = v->edges_at[node]; e < v->edges_at[node + 1]; e++) {
            if (!hdi_edge_holds(v, &v->edges[e], node, c)) continue;
            mix(k->after + v->edges[e].from * k->words, k->after + node * k->words, k->words);
            set_own(k, k->after + v->edges[e].from * k->words, node);
        }
}

/* ---- verdicts ---- */

static hd_status refuse(const check *k, const pair *p, const char *run, int c) {
    const hdi_verify *v = k->v;
    const hdi_plan_slot *slot = &hdi_plan_slots(v->rank[k->owner].plan)[p->of_b->slot];
    uint64_t begin = p->of_a->begin > p->of_b->begin ? p->of_a->begin : p->of_b->begin;
    uint64_t end = p->of_a->end < p->of_b->end ? p->of_a->end : p->of_b->end;
    return hdi_fail(HD_CORRUPT,
                    "rank %d %s %s bytes %llu..%llu of rank %d's %s while %s (step %u) of %s writes them; nothing orders them%s",
                    v->rank_of[p->a], hdi_verify_name(v, p->a), p->of_a->writes ? "writes" : "reads", (unsigned long long)begin,
                    (unsigned long long)end, k->owner,
                    slot->kind == HDI_SLOT_SEGMENT ? "segment" : hdi_plan_name(v->rank[k->owner].plan, slot->name),
                    hdi_verify_name(v, p->b), hdi_verify_step_of(v, p->b), run, v->case_text[c]);
}

static hd_status check_same_run(const check *k) {
    const hdi_verify *v = k->v;
    for (int c = 0; c < v->n_cases && k->n_pairs; c++) {
        close_over_ranks(k, c);
        for (size_t i = 0; i < k->n_pairs; i++) {
            const pair *p = &k->pairs[i];
            uint32_t step = hdi_verify_step_of(v, p->b);
            if (!((v->in[p->a] & v->in[p->b]) >> c & 1u)) continue;
            if (!has(k->before + p->a * k->words, step) && !has(k->after + p->a * k->words, step))
                return refuse(k, p, "the same run", c);
        }
    }
    return HD_OK;
}

/* A read of the run before at any sizes, a write of this one at any: the writer knows a rank whose run before ended after the
 * read. Then it also knows that of all runs before, as each rank's runs come one after the other. */
static hd_status check_next_run(const check *k) {
    const hdi_verify *v = k->v;
    for (size_t i = 0; i < k->n_pairs; i++) {
        const pair *p = &k->pairs[i];
        if (v->rank_of[p->a] == k->owner) continue;
        for (int b = 0; b < v->n_cases; b++) {
            uint64_t knows = v->knows[(size_t)b * v->n_nodes + p->b];
            if (!(v->in[p->b] >> b & 1u) || knows >> v->rank_of[p->a] & 1u) continue;
            for (int a = 0; a < v->n_cases; a++)
                if ((v->in[p->a] >> a & 1u) && !(v->ends[(size_t)a * v->n_nodes + p->a] & knows))
                    return refuse(k, p, "the next run", b);
        }
    }
    return HD_OK;
}

static hd_status check_owner(check *k) {
    k->n_pairs = 0;
    HD_TRY(pair_own(k));
    HD_TRY(pair_others(k));
    HD_TRY(check_same_run(k));
    return check_next_run(k);
}

hd_status hdi_verify_memory(hdi_verify *v) {
    check k = {.v = v};
    size_t cells, most = 0;
    hd_status status;
    for (int32_t r = 0; r < v->ranks; r++) {
        HD_TRY(list_accesses(&v->rank[r]));
        HD_TRY(close_locally(&v->rank[r]));
        if (v->rank[r].words > most) most = v->rank[r].words;
    }
    cells = most * v->n_nodes; /* at most 256 x 2^20 */
    HD_TRY_GOTO(hdi_alloc(&k.before, cells, sizeof *k.before, "the check of plans"));
    HD_TRY_GOTO(hdi_alloc(&k.after, cells, sizeof *k.after, "the check of plans"));
    for (k.owner = 0; k.owner < v->ranks; k.owner++) {
        k.words = v->rank[k.owner].words;
        HD_TRY_GOTO(check_owner(&k));
    }
fail:
    hdi_free(k.before);
    hdi_free(k.after);
    hdi_free(k.pairs);
    return status;
}
