/* SPDX-License-Identifier: Apache-2.0 */
/* An all-reduce over many ranks as plans: one plan for all of them. A rank calls itself 0, and the others of stage i by how far
 * on their digit i is: the plan is the same for each, only the numbers behind its names differ. */
#include <stdio.h>

#include "base/memory.h"
#include "graph/exchange.h"
#include "kernels/reduce/reduce.h"
#include "task/simulate.h"

enum { MOST_STAGES = 12, RADIX = HDI_REDUCE_PARTS };

typedef struct stages {
    int32_t n, radix[MOST_STAGES], ranks; /* ranks: that the plan knows */
} stages;

static hd_status cut(int32_t ranks, stages *out) {
    int32_t left = ranks;
    *out = (stages){.ranks = 1};
    HD_REQUIRE(2 <= ranks && ranks <= HDI_SIM_RANKS, HD_INVALID_ARGUMENT, "an all-reduce over %d ranks; there can be 2 to %d",
               ranks, HDI_SIM_RANKS);
    while (left > 1) {
        int32_t radix = RADIX;
        while (radix > 1 && left % radix) radix--;
        HD_REQUIRE(radix > 1, HD_UNSUPPORTED, "an all-reduce over %d ranks: it must be a product of factors up to %d", ranks,
                   RADIX);
        out->radix[out->n++] = radix;
        out->ranks += radix - 1;
        left /= radix;
    }
    return HD_OK;
}

/* The stages' sums follow each other: each is told to the next stage's group, at a place of its own. */
static void build(hd_graph *g, const stages *st, int64_t elements) {
    hd_dim n = elements;
    uint64_t bytes = hdi_align_up((uint64_t)elements * sizeof(float), HDI_CACHE_LINE);
    int32_t first = 1;
    hd_value a = hd_graph_input(g, "a", HD_DTYPE_F32, 1, &n), b = hd_graph_input(g, "b", HD_DTYPE_F32, 1, &n);
    hdi_graph_set_ranks(g, 0, st->ranks);
    hdi_graph_segment(g, bytes * (uint64_t)st->n);
    hd_graph_scope(g, "part");
    hd_value x = hd_graph_add(g, a, b);
    for (int32_t i = 0; i < st->n; i++) {
        char name[32];
        hd_value in[HDI_REDUCE_WEIGHT] = {0}, made[HDI_NODE_OUTPUTS] = {0};
        hdi_reduce_attr attr = {.parts = st->radix[i]};
        snprintf(name, sizeof name, "stage.%d", i);
        uint32_t event = hdi_graph_event(g, name, 1);
        uint64_t readers = ((1ull << (st->radix[i] - 1)) - 1) << first, place = bytes * (uint64_t)i;
        hdi_graph_publish(g, x, event, place, readers);
        hdi_graph_end(g, readers);
        in[0] = x;
        for (int32_t p = 1; p < st->radix[i]; p++) {
            hdi_graph_guard(g, x, HDI_EVENT_END, first + p - 1, 1);
            in[p] = hdi_graph_remote(g, first + p - 1, event, place, HD_DTYPE_F32, 1, &n);
        }
        hd_graph_scope(g, name);
        hdi_graph_node(g, &hdi_op_reduce, in, HDI_REDUCE_WEIGHT, &attr, made);
        x = made[0];
        first += st->radix[i] - 1;
    }
    hd_graph_output(g, "sum", x);
}

/* Who is `on` further in a digit that counts `stride`. */
static int32_t further(int32_t rank, int32_t stride, int32_t radix, int32_t on) {
    int32_t digit = rank / stride % radix;
    return rank + ((digit + on) % radix - digit) * stride;
}

static hd_status place(const stages *st, hd_sim_plans *set) {
    int32_t *peer;
    HD_TRY(hdi_alloc(&peer, (size_t)set->ranks * (size_t)st->ranks, sizeof *peer, "a set of plans"));
    set->tables[0] = peer;
    for (int32_t r = 0; r < set->ranks; r++) {
        int32_t stride = 1;
        set->places[r].peer = peer;
        *peer++ = r;
        for (int32_t i = 0; i < st->n; stride *= st->radix[i++])
            for (int32_t p = 1; p < st->radix[i]; p++) *peer++ = further(r, stride, st->radix[i], p);
    }
    return HD_OK;
}

hd_status hd_sim_plans_all_reduce(int32_t ranks, int64_t elements, hd_sim_plans **out) {
    stages st;
    hd_graph *graph;
    hd_plan *plan = NULL;
    const hd_plan **plans;
    *out = NULL;
    HD_REQUIRE(1 <= elements && elements <= 1ll << 32, HD_INVALID_ARGUMENT, "an all-reduce of %lld elements",
               (long long)elements);
    HD_TRY(cut(ranks, &st));
    HD_TRY(hd_graph_create(&graph));
    build(graph, &st, elements);
    hd_status status = hd_compile(graph, &plan);
    hd_graph_destroy(graph);
    if (status != HD_OK) return status;
    status = hdi_alloc(&plans, 1, sizeof *plans, "a set of plans");
    if (status != HD_OK) {
        hd_plan_destroy(plan);
        return status;
    }
    plans[0] = plan;
    HD_TRY(hdi_sim_plans_make(plans, 1, true, ranks, out));
    status = place(&st, *out);
    if (status == HD_OK) return HD_OK;
    hd_sim_plans_destroy(*out);
    *out = NULL;
    return status;
}
