/* SPDX-License-Identifier: Apache-2.0 */
#include "support/plan_order.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 3, MOST_NODES = 640, WORDS = MOST_NODES / 64 };

typedef struct closure {
    int n;
    uint64_t after[MOST_NODES][WORDS]; /* [a], bit b: a begins after b has ended */
} closure;

static void put_after(closure *c, int a, int b) { c->after[a][b / 64] |= 1ull << b % 64; }
static bool is_after(const closure *c, int a, int b) { return c->after[a][b / 64] >> b % 64 & 1u; }

static bool runs_at(const hd_plan *plan, const hdi_plan_step *step, int64_t rows) {
    int64_t sizes[64];
    if (plan->n_exprs > HDI_COUNTOF(sizes)) abort(); /* sets by hand have few */
    hdi_plan_sizes(plan, &rows, sizes);
    return hdi_plan_holds(&step->when, sizes);
}

static int node_of(const plan_set *s, int run, int rank, uint32_t step) {
    int node = (int)step;
    for (int k = 0; k < run; k++)
        for (int r = 0; r < s->n; r++) node += (int)s->plan[r]->n_steps + 1;
    for (int r = 0; r < rank; r++) node += (int)s->plan[r]->n_steps + 1;
    return node;
}

static int trigger_step(const hd_plan *plan, uint32_t event) {
    for (uint32_t i = 0; i < plan->n_steps; i++)
        for (uint32_t t = 0; t < hdi_plan_steps(plan)[i].n_triggers; t++)
            if (hdi_plan_triggers(plan)[hdi_plan_steps(plan)[i].first_trigger + t].event == event) return (int)i;
    abort(); /* no event without a trigger */
}

static void link_step(const plan_set *s, closure *c, int run, int r, uint32_t i, int64_t rows) {
    const hd_plan *plan = s->plan[r];
    const hdi_plan_step *step = &hdi_plan_steps(plan)[i];
    int node = node_of(s, run, r, i);
    put_after(c, node_of(s, run, r, plan->n_steps), node);
    if (run) put_after(c, node, node_of(s, run - 1, r, plan->n_steps));
    for (uint32_t w = 0; w < step->n_waits; w++)
        put_after(c, node, node_of(s, run, r, hdi_plan_waits(plan)[step->first_wait + w]));
    for (uint32_t w = 0; runs_at(plan, step, rows) && w < step->n_remotes; w++) {
        const hdi_plan_remote *wait = &hdi_plan_remotes(plan)[step->first_remote + w];
        const hd_plan *other = s->plan[wait->rank];
        if ((int)wait->lag > run) continue;
        uint32_t from = wait->event ? (uint32_t)trigger_step(other, wait->event) : other->n_steps;
        put_after(c, node, node_of(s, run - (int)wait->lag, wait->rank, from));
    }
}

static void close_over(const plan_set *s, const int64_t *rows, closure *c) {
    memset(c, 0, sizeof *c);
    c->n = node_of(s, RUNS, 0, 0);
    if (c->n > MOST_NODES) abort();
    for (int run = 0; run < RUNS; run++)
        for (int r = 0; r < s->n; r++)
            for (uint32_t i = 0; i < s->plan[r]->n_steps; i++) link_step(s, c, run, r, i, rows[run]);
    for (int k = 0; k < c->n; k++)
        for (int a = 0; a < c->n; a++)
            for (int w = 0; is_after(c, a, k) && w < WORDS; w++) c->after[a][w] |= c->after[k][w];
}

static bool writes(const hdi_plan_step *x, uint32_t i) { return i < hdi_verify_op(x->kernel)->outputs; }

/* Whether operand `i` of step `x` and `j` of `y` may meet in memory, one of them writing. */
static bool meet(const hd_plan *p, const hdi_plan_step *x, uint32_t i, const hd_plan *q, const hdi_plan_step *y, uint32_t j) {
    const hdi_plan_operand *a = &hdi_plan_operands(p)[x->first_operand + i], *b = &hdi_plan_operands(q)[y->first_operand + j];
    if ((!writes(x, i) && !writes(y, j)) || a->slot < 0 || b->slot < 0) return false;
    const hdi_plan_slot *s = &hdi_plan_slots(p)[a->slot], *t = &hdi_plan_slots(q)[b->slot];
    bool one_place =
        s->kind == HDI_SLOT_SEGMENT ? t->kind == HDI_SLOT_SEGMENT && s->rank == t->rank : p == q && a->slot == b->slot;
    uint64_t from[2], to[2];
    if (!one_place) return false;
    if (!hdi_verify_span(p, a, true, &from[0], &to[0]) || !hdi_verify_span(q, b, true, &from[1], &to[1])) abort();
    return from[0] < to[1] && from[1] < to[0];
}

static bool steps_meet(const hd_plan *p, const hdi_plan_step *x, const hd_plan *q, const hdi_plan_step *y) {
    for (uint32_t i = 0; i < x->n_operands; i++)
        for (uint32_t j = 0; j < y->n_operands; j++)
            if (meet(p, x, i, q, y, j)) return true;
    return false;
}

/* Whether two steps that meet come in the same order by both closures, and in one order. */
static bool same_order(const closure *x, const closure *y, int a, int b) {
    bool before = is_after(x, b, a), behind = is_after(x, a, b);
    return a == b || (before == is_after(y, b, a) && behind == is_after(y, a, b) && before != behind);
}

static bool all_in_order(const plan_set *s, const int64_t *rows, const closure *x, const closure *y) {
    for (int32_t r = 0; r < s->n; r++)
        for (int32_t q = 0; q < s->n; q++)
            for (uint32_t i = 0; i < s->plan[r]->n_steps; i++)
                for (uint32_t j = 0; j < s->plan[q]->n_steps; j++) {
                    const hdi_plan_step *a = &hdi_plan_steps(s->plan[r])[i], *b = &hdi_plan_steps(s->plan[q])[j];
                    if (!steps_meet(s->plan[r], a, s->plan[q], b)) continue;
                    for (int k = 0; k < RUNS * RUNS; k++) {
                        int first = k / RUNS, second = k % RUNS;
                        if (!runs_at(s->plan[r], a, rows[first]) || !runs_at(s->plan[q], b, rows[second])) continue;
                        if (!same_order(x, y, node_of(s, first, r, i), node_of(s, second, q, j))) return false;
                    }
                }
    return true;
}

bool plans_order_alike(const plan_set *good, const plan_set *mutant, int64_t cut) {
    static closure x, y;
    const int64_t sizes[] = {cut - 1, cut};
    for (int i = 0; i < 8; i++) {
        const int64_t rows[RUNS] = {sizes[i % 2], sizes[i / 2 % 2], sizes[i / 4]};
        close_over(good, rows, &x);
        close_over(mutant, rows, &y);
        if (!all_in_order(good, rows, &x, &y)) return false;
    }
    return true;
}
