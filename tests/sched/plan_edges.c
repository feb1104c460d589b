/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/plan_edges.h"

#include <stdio.h>
#include <string.h>

#define ARRAY(plan, field, type) ((type *)(void *)((char *)(plan) + (plan)->field))

/* A walk through all edges that counts down to one of them, says what it is and takes it out if it should. */
typedef struct walk {
    int left;
    bool drops;
    char text[100];
} walk;

static bool here(walk *w) { return w->left-- == 0; }

static void drop_item(void *array, size_t size, uint32_t at, uint32_t *n) {
    uint8_t *item = (uint8_t *)array + at * size;
    memmove(item, item + size, (--*n - at) * size);
}

/* The waits of all steps stay one after the other, as the verifier has them. */
static void drop_remote(hd_plan *plan, hdi_plan_step *step, uint32_t i) {
    hdi_plan_step *end = ARRAY(plan, steps, hdi_plan_step) + plan->n_steps;
    drop_item(ARRAY(plan, remotes, hdi_plan_remote), sizeof(hdi_plan_remote), step->first_remote + i, &plan->n_remotes);
    step->n_remotes--;
    for (hdi_plan_step *later = step + 1; later < end; later++) later->first_remote--;
}

static void walk_ranks(walk *w, uint64_t *ranks, int me, const char *what) {
    for (int r = 0; r < 64; r++)
        if (*ranks >> r & 1u && here(w)) {
            snprintf(w->text, sizeof w->text, "rank %d: %s tells rank %d", me, what, r);
            if (w->drops) *ranks &= ~((uint64_t)1 << r);
            return;
        }
}

static void walk_step(walk *w, hd_plan *plan, uint32_t s) {
    hdi_plan_step *step = &ARRAY(plan, steps, hdi_plan_step)[s];
    uint32_t *waits = ARRAY(plan, waits, uint32_t) + step->first_wait;
    hdi_plan_remote *remotes = ARRAY(plan, remotes, hdi_plan_remote) + step->first_remote;
    hdi_plan_trigger *triggers = ARRAY(plan, triggers, hdi_plan_trigger) + step->first_trigger;
    char what[40];
    snprintf(what, sizeof what, "step %u", s);
    for (uint32_t i = 0; i < step->n_waits; i++)
        if (here(w)) {
            snprintf(w->text, sizeof w->text, "rank %d: %s waits for step %u", plan->rank, what, waits[i]);
            if (w->drops) drop_item(waits, sizeof *waits, i, &step->n_waits);
            return;
        }
    for (uint32_t i = 0; i < step->n_remotes; i++)
        if (here(w)) {
            snprintf(w->text, sizeof w->text, "rank %d: %s waits for event %u of rank %d, %u runs ago", plan->rank, what,
                     remotes[i].event, remotes[i].rank, remotes[i].lag);
            if (w->drops) drop_remote(plan, step, i);
            return;
        }
    for (uint32_t i = 0; i < step->n_triggers && w->left >= 0; i++) walk_ranks(w, &triggers[i].ranks, plan->rank, what);
}

static walk walk_to(hd_plan *const *plans, int ranks, int edge, bool drops) {
    walk w = {.left = edge < 0 ? INT32_MAX : edge, .drops = drops};
    for (int r = 0; r < ranks && w.left >= 0; r++) {
        for (uint32_t s = 0; s < plans[r]->n_steps && w.left >= 0; s++) walk_step(&w, plans[r], s);
        if (w.left >= 0) walk_ranks(&w, &plans[r]->end_ranks, plans[r]->rank, "the end of a run");
    }
    return w;
}

int plan_edges_count(hd_plan *const *plans, int ranks) { return INT32_MAX - walk_to(plans, ranks, INT32_MAX, false).left; }

void plan_edges_drop(hd_plan *const *plans, int ranks, int edge) { (void)walk_to(plans, ranks, edge, true); }

const char *plan_edges_text(hd_plan *const *plans, int ranks, int edge) {
    static walk w;
    w = walk_to(plans, ranks, edge, false);
    return w.text;
}
