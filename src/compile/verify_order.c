/* SPDX-License-Identifier: Apache-2.0 */
/* What the waits order. Waits inside a run never lead to an earlier run, and what waits for a run before leads forward only, so
 * standing still is a matter of one run: its graph has no cycle. Two graphs are of interest: the waits alone, and with the order
 * of each rank's steps, which the executors that walk them keep. The walk is done here; what ends it gives an order for both.
 *
 * Between runs only ends of runs count: a step knows that rank p has ended the run before when it waits for that end, or for
 * anything that p does in this run. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "compile/verify.h"

enum { MOST_NAMED = 8 }; /* steps of a cycle that a sentence names */

const char *hdi_verify_name(const hdi_verify *v, uint32_t node) {
    const hd_plan *plan = v->rank[v->rank_of[node]].plan;
    uint32_t s = hdi_verify_step_of(v, node);
    return s < plan->n_steps ? hdi_plan_name(plan, hdi_plan_steps(plan)[s].name) : "the end of the run";
}

/* ---- edges ---- */

static uint32_t source_of(const hdi_verify *v, const hdi_plan_remote *wait) {
    const hdi_verify_rank *other = &v->rank[wait->rank];
    return other->first_node + (wait->event ? (uint32_t)other->trigger_of[wait->event] : other->plan->n_steps);
}

/* Lists the edges of a rank from `at` on; edges NULL: counts. */
static uint32_t list_edges(hdi_verify *v, int32_t r, uint32_t at, hdi_edge *edges) {
    const hdi_verify_rank *rank = &v->rank[r];
    const hd_plan *plan = rank->plan;
    for (uint32_t s = 0; s <= plan->n_steps; s++) {
        const hdi_plan_step *step = s < plan->n_steps ? &hdi_plan_steps(plan)[s] : NULL;
        if (edges) v->edges_at[rank->first_node + s] = at;
        for (uint32_t i = 0; i < (step ? step->n_waits : plan->n_steps); i++, at++)
            if (edges) edges[at] = (hdi_edge){rank->first_node + (step ? hdi_plan_waits(plan)[step->first_wait + i] : i), false};
        for (uint32_t i = 0; step && i < step->n_remotes; i++) {
            const hdi_plan_remote *wait = &hdi_plan_remotes(plan)[step->first_remote + i];
            if (wait->lag == 1 && edges) v->told[rank->first_node + s] |= 1ull << wait->rank;
            if (wait->lag) continue; /* what is further back than a run orders nothing of the run before */
            if (edges) edges[at] = (hdi_edge){source_of(v, wait), true};
            at++;
        }
    }
    return at;
}

static hd_status make_edges(hdi_verify *v) {
    uint32_t n = 0, at = 0;
    for (int32_t r = 0; r < v->ranks; r++) n = list_edges(v, r, n, NULL); /* images are below 4 GB: see hdi_images_verify */
    HD_TRY(hdi_alloc(&v->edges, n, sizeof *v->edges, "the check of plans"));
    for (int32_t r = 0; r < v->ranks; r++) at = list_edges(v, r, at, v->edges);
    v->edges_at[v->n_nodes] = at;
    return HD_OK;
}

/* ---- the walk ---- */

typedef struct walk {
    const hdi_verify *v;
    int c;
    uint32_t next[HD_MAX_RANKS]; /* the node that each rank is at; past its end node: ended */
    bool *done;                  /* by node */
    uint32_t *order;
    uint32_t n;
} walk;

/* The remote wait that holds a node up, NULL: none. */
static const hdi_edge *held_up(const walk *w, uint32_t node) {
    const hdi_verify *v = w->v;
    for (uint32_t e = v->edges_at[node]; e < v->edges_at[node + 1]; e++)
        if (!w->done[v->edges[e].from] && hdi_edge_holds(v, &v->edges[e], node, w->c)) return &v->edges[e];
    return NULL;
}

static bool ended(const walk *w, int32_t r) { return w->next[r] > w->v->rank[r].first_node + w->v->rank[r].plan->n_steps; }

/* Walks each rank as far as it gets, round after round. */
static void walk_all(walk *w) {
    for (bool moved = true; moved;) {
        moved = false;
        for (int32_t r = 0; r < w->v->ranks; r++)
            for (; !ended(w, r) && !held_up(w, w->next[r]); w->next[r]++) {
                w->done[w->next[r]] = true;
                w->order[w->n++] = w->next[r];
                moved = true;
            }
    }
}

/* ---- a cycle, named ---- */

/* Ends what can end by waits alone, in any order. */
static void end_all(walk *w) {
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t node = 0; node < w->v->n_nodes; node++)
            if (!w->done[node] && !held_up(w, node)) w->done[node] = moved = true;
    }
}

/* From what holds a node up to what holds that up, until a node comes again: the cycle begins with it. `in_order`: a rank that
 * stands still holds up all its later steps. */
static uint32_t find_in_cycle(const walk *w, uint32_t node, bool in_order) {
    for (uint32_t i = 0; i < w->v->n_nodes; i++) { /* after as many steps as there are nodes it is in the cycle */
        node = held_up(w, node)->from;
        if (in_order) node = w->next[w->v->rank_of[node]];
    }
    uint32_t least = node;
    for (uint32_t i = 0; i < w->v->n_nodes; i++) { /* every rank says the same sentence, that of its first node */
        node = held_up(w, node)->from;
        if (in_order) node = w->next[w->v->rank_of[node]];
        if (node < least) least = node;
    }
    return least;
}

static hd_status name_cycle(const walk *w, uint32_t first, bool in_order) {
    const hdi_verify *v = w->v;
    hdi_text text = {0};
    char *cycle;
    uint32_t node = first;
    hdi_text_add(&text, "rank %d %s", v->rank_of[node], hdi_verify_name(v, node));
    for (int n = 0; n == 0 || node != first; n++) {
        uint32_t from = held_up(w, node)->from;
        if (n < MOST_NAMED)
            hdi_text_add(&text, "%s waits for %s of rank %d", n ? ", which" : "", hdi_verify_name(v, from), v->rank_of[from]);
        if (n == MOST_NAMED) hdi_text_add(&text, ", and so on");
        node = in_order ? w->next[v->rank_of[from]] : from;
        if (node != from && n < MOST_NAMED)
            hdi_text_add(&text, ", which comes after %s of rank %d", hdi_verify_name(v, node), v->rank_of[node]);
    }
    HD_TRY(hdi_text_finish(&text, &cycle));
    hd_status status = hdi_fail(HD_CORRUPT, "the plans stand still%s%s: %.700s", in_order ? " when their steps run in order" : "",
                                v->case_text[w->c], cycle);
    hdi_free(cycle);
    return status;
}

/* Some rank stands still. */
static hd_status refuse(walk *w) {
    const hdi_verify *v = w->v;
    uint32_t stuck[HD_MAX_RANKS], node = 0;
    memcpy(stuck, w->next, sizeof stuck);
    end_all(w);
    while (node < v->n_nodes && w->done[node]) node++;
    if (node < v->n_nodes) return name_cycle(w, find_in_cycle(w, node, false), false);
    memset(w->done, 0, v->n_nodes); /* by waits alone everything ends: it is the order of steps */
    for (int32_t r = 0; r < v->ranks; r++) w->next[r] = v->rank[r].first_node;
    w->n = 0;
    walk_all(w);
    for (int32_t r = v->ranks - 1; r >= 0; r--)
        if (!ended(w, r)) node = w->next[r];
    return name_cycle(w, find_in_cycle(w, node, true), true);
}

/* ---- what is known between runs ---- */

static void spread(hdi_verify *v, int c) {
    const uint32_t *order = v->order + (size_t)c * v->n_nodes;
    uint64_t *knows = v->knows + (size_t)c * v->n_nodes, *ends = v->ends + (size_t)c * v->n_nodes;
    for (uint32_t i = 0; i < v->n_nodes; i++) {
        uint32_t node = order[i];
        knows[node] = 1ull << v->rank_of[node] | (v->in[node] >> c & 1u ? v->told[node] : 0);
        ends[node] = 1ull << v->rank_of[node];
        for (uint32_t e = v->edges_at[node]; e < v->edges_at[node + 1]; e++)
            if (hdi_edge_holds(v, &v->edges[e], node, c)) knows[node] |= knows[v->edges[e].from];
    }
    for (uint32_t i = v->n_nodes; i-- > 0;)
        for (uint32_t node = order[i], e = v->edges_at[node]; e < v->edges_at[node + 1]; e++)
            if (hdi_edge_holds(v, &v->edges[e], node, c)) ends[v->edges[e].from] |= ends[node];
}

hd_status hdi_verify_order(hdi_verify *v) {
    size_t cells = (size_t)v->n_cases * v->n_nodes;
    walk w = {.v = v};
    hd_status status;
    HD_TRY_GOTO(hdi_alloc(&w.done, v->n_nodes, sizeof *w.done, "the check of plans"));
    HD_TRY_GOTO(hdi_alloc(&v->order, cells, sizeof *v->order, "the check of plans"));
    HD_TRY_GOTO(hdi_alloc(&v->knows, cells, sizeof *v->knows, "the check of plans"));
    HD_TRY_GOTO(hdi_alloc(&v->ends, cells, sizeof *v->ends, "the check of plans"));
    HD_TRY_GOTO(make_edges(v));
    for (w.c = 0; w.c < v->n_cases; w.c++) {
        memset(w.done, 0, v->n_nodes);
        for (int32_t r = 0; r < v->ranks; r++) w.next[r] = v->rank[r].first_node;
        w.order = v->order + (size_t)w.c * v->n_nodes;
        w.n = 0;
        walk_all(&w);
        if (w.n < v->n_nodes) HD_TRY_GOTO(refuse(&w));
        spread(v, w.c);
    }
fail:
    hdi_free(w.done);
    return status;
}
