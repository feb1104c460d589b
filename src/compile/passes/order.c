/* SPDX-License-Identifier: Apache-2.0 */
/* Which steps a step must wait for. Every hazard is one of memory: reading what another wrote, writing what another read or
 * wrote, in one block or in two blocks that share addresses at different times. Waits that others imply are left out. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compile/lowering.h"

/* Who touched a block so far. */
typedef struct access {
    int64_t writer;        /* the last step that wrote it, -1: none */
    hdi_wait_list readers; /* since then */
} access;

typedef struct ordering {
    hdi_lowering *low;
    access *accesses; /* by block */
    uint64_t *before; /* by step, a bit row: the steps that have ended when it begins */
    size_t words;     /* of a row */
    int64_t *step_of; /* by node of the graph; -1: it does not matter */
} ordering;

static hd_status push(hdi_wait_list *list, uint32_t step) {
    HD_TRY(hdi_grow(&list->step, &list->cap, list->n + 1, sizeof *list->step, "the order of steps"));
    list->step[list->n++] = step;
    return HD_OK;
}

static hd_status wait_for_access(hdi_wait_list *list, const access *a, bool readers_too) {
    if (a->writer >= 0) HD_TRY(push(list, (uint32_t)a->writer));
    for (size_t i = 0; readers_too && i < a->readers.n; i++) HD_TRY(push(list, a->readers.step[i]));
    return HD_OK;
}

static bool share_addresses(const hdi_block *a, const hdi_block *b) {
    return a->space == b->space && a->space != HDI_SPACE_BOUND && a->rank == b->rank && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

/* Step `s` writes block `b`: it waits for all that touched this block, or, when the block begins here, the addresses before. */
static hd_status wait_to_write(ordering *o, hdi_wait_list *list, uint32_t b, uint32_t s) {
    const hdi_lowering *low = o->low;
    HD_TRY(wait_for_access(list, &o->accesses[b], true));
    if (low->blocks[b].first != s) return HD_OK;
    for (uint32_t c = 0; c < low->n_blocks; c++)
        if (c != b && low->blocks[c].first < s && share_addresses(&low->blocks[b], &low->blocks[c]))
            HD_TRY(wait_for_access(list, &o->accesses[c], true));
    return HD_OK;
}

static int descending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Keeps of the collected steps those that no other implies: later ones first, since an earlier one may be among what they waited
 * for. */
static void reduce(ordering *o, hdi_wait_list *list, uint32_t s) {
    uint64_t *row = o->before + s * o->words;
    size_t kept = 0;
    if (list->n == 0) return; /* qsort takes no NULL */
    qsort(list->step, list->n, sizeof *list->step, descending);
    for (size_t i = 0; i < list->n; i++) {
        uint32_t w = list->step[i];
        if (w == s || (row[w / 64] >> w % 64 & 1u)) continue;
        for (size_t k = 0; k < o->words; k++) row[k] |= o->before[w * o->words + k];
        row[w / 64] |= 1ull << w % 64;
        list->step[kept++] = w;
    }
    list->n = kept;
    for (size_t i = 0; i < kept / 2; i++) {
        uint32_t swap = list->step[i];
        list->step[i] = list->step[kept - 1 - i];
        list->step[kept - 1 - i] = swap;
    }
}

static hd_status order_step(ordering *o, uint32_t s) {
    const hdi_lowering *low = o->low;
    const hd_graph *graph = low->graph;
    const hdi_node *node = &graph->nodes[low->node_of[s]];
    hdi_wait_list *list = &low->waits[s];
    for (int i = 0; i < node->n_inputs; i++)
        if (node->input[i]) HD_TRY(wait_for_access(list, &o->accesses[low->block_of[hdi_root(graph, node->input[i])]], false));
    for (int i = 0; i < node->op->outputs; i++)
        HD_TRY(wait_to_write(o, list, low->block_of[hdi_root(graph, node->output[i])], s));
    for (size_t i = 0; i < graph->n_afters; i++)
        if (graph->afters[i].node == low->node_of[s] && o->step_of[graph->afters[i].earlier] >= 0)
            HD_TRY(push(list, (uint32_t)o->step_of[graph->afters[i].earlier]));
    reduce(o, list, s);
    for (int i = 0; i < node->n_inputs; i++)
        if (node->input[i]) HD_TRY(push(&o->accesses[low->block_of[hdi_root(graph, node->input[i])]].readers, s));
    for (int i = 0; i < node->op->outputs; i++) {
        access *a = &o->accesses[low->block_of[hdi_root(graph, node->output[i])]];
        a->writer = s;
        a->readers.n = 0;
    }
    return HD_OK;
}

hd_status hdi_pass_order(hdi_lowering *low) {
    ordering o = {.low = low, .words = (low->n_steps + 63) / 64};
    hd_status status;
    size_t cells = 0;
    HD_REQUIRE_GOTO(hdi_mul_size(o.words, low->n_steps, &cells), HD_INVALID_ARGUMENT, "the graph has too many nodes");
    HD_TRY_GOTO(hdi_calloc(&low->waits, low->n_steps, sizeof *low->waits, "the order of steps"));
    HD_TRY_GOTO(hdi_calloc(&o.accesses, low->n_blocks, sizeof *o.accesses, "the order of steps"));
    HD_TRY_GOTO(hdi_calloc(&o.before, cells, sizeof *o.before, "the order of steps"));
    HD_TRY_GOTO(hdi_alloc(&o.step_of, low->graph->n_nodes, sizeof *o.step_of, "the order of steps"));
    for (size_t n = 0; n < low->graph->n_nodes; n++) o.step_of[n] = -1;
    for (uint32_t s = 0; s < low->n_steps; s++) o.step_of[low->node_of[s]] = s;
    for (size_t b = 0; b < low->n_blocks; b++) o.accesses[b].writer = -1;
    for (uint32_t s = 0; s < low->n_steps; s++) HD_TRY_GOTO(order_step(&o, s));
fail:
    for (size_t b = 0; o.accesses && b < low->n_blocks; b++) hdi_free(o.accesses[b].readers.step);
    hdi_free(o.accesses);
    hdi_free(o.before);
    hdi_free(o.step_of);
    return status;
}
