/* SPDX-License-Identifier: Apache-2.0 */
/* Memory planning: lifetimes over the order of steps, in-place reuse, then the largest blocks first, each at the lowest offset
 * where it meets no block that lives at the same time (greedy by size: Pisarchyk and Lee 2020). */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compile/lowering.h"

/* The last step that touches each root value, or the end of its group, whose steps may run as one; UINT32_MAX for outputs, which
 * outlive all steps. */
static void find_last_uses(const hdi_lowering *low, uint32_t *last) {
    const hd_graph *graph = low->graph;
    for (uint32_t s = 0; s < low->n_steps; s++) {
        const hdi_node *node = &graph->nodes[low->node_of[s]];
        for (int i = 0; i < node->op->outputs; i++) last[hdi_root(graph, node->output[i])] = hdi_group_last(low, s);
        for (int i = 0; i < node->n_inputs; i++)
            if (node->input[i]) last[hdi_root(graph, node->input[i])] = hdi_group_last(low, s);
    }
    for (size_t i = 0; i < graph->n_outputs; i++) last[hdi_root(graph, graph->outputs[i].value)] = UINT32_MAX;
}

/* Whether step `s` may write its output over its first input: the operator allows it, both have one type and hold all of their
 * memory, the input is no caller's memory and nobody needs it any more, and no other operand reads it. */
static bool can_take_over(const hdi_lowering *low, const hdi_node *node, uint32_t s, const uint32_t *last) {
    const hd_graph *graph = low->graph;
    const hdi_value *in = &graph->values[node->input[0]], *out = &graph->values[node->output[0]];
    if (!(node->op->flags & HDI_OP_INPLACE) || out->root != node->output[0]) return false;
    const hdi_value *root = &graph->values[in->root];
    if (root->kind != HDI_VALUE_RESULT || root->published || out->published || last[in->root] != s || in->offset != 0)
        return false;
    if (in->type.dtype != out->type.dtype || in->type.rank != out->type.rank || in->type.layout != out->type.layout) return false;
    if (memcmp(in->type.dim, out->type.dim, sizeof in->type.dim[0] * in->type.rank) != 0) return false;
    if (memcmp(in->stride, out->stride, sizeof in->stride[0] * in->type.rank) != 0) return false;
    for (int i = 1; i < node->n_inputs; i++)
        if (node->input[i] && hdi_root(graph, node->input[i]) == in->root) return false;
    return true;
}

static hdi_space space_of(const hdi_value *root) {
    if (root->kind == HDI_VALUE_REMOTE || root->published) return HDI_SPACE_SEGMENT;
    return root->kind == HDI_VALUE_RESULT ? HDI_SPACE_ARENA : HDI_SPACE_BOUND;
}

static hd_status give_block(hdi_lowering *low, hd_value root, uint32_t step, uint32_t last) {
    const hdi_value *value = &low->graph->values[root];
    hdi_block *block = &low->blocks[low->n_blocks];
    if (low->block_of[root] != HDI_NO_BLOCK) return HD_OK;
    *block = (hdi_block){.first = step, .last = last, .space = space_of(value), .rank = value->rank, .offset = value->place};
    HD_TRY(hdi_graph_bytes(low->graph, value, &block->bytes));
    if (block->space == HDI_SPACE_ARENA) block->bytes = hdi_align_up(block->bytes, HDI_CACHE_LINE);
    low->block_of[root] = (uint32_t)low->n_blocks++;
    return HD_OK;
}

static hd_status make_blocks(hdi_lowering *low, const uint32_t *last) {
    const hd_graph *graph = low->graph;
    for (uint32_t s = 0; s < low->n_steps; s++) {
        const hdi_node *node = &graph->nodes[low->node_of[s]];
        for (int i = 0; i < node->n_inputs; i++)
            if (node->input[i])
                HD_TRY(give_block(low, hdi_root(graph, node->input[i]), s, last[hdi_root(graph, node->input[i])]));
        for (int i = 0; i < node->op->outputs; i++) {
            hd_value root = hdi_root(graph, node->output[i]);
            if (i == 0 && can_take_over(low, node, s, last)) {
                uint32_t block = low->block_of[hdi_root(graph, node->input[0])];
                low->block_of[root] = block;
                low->blocks[block].last = last[root];
            } else {
                HD_TRY(give_block(low, root, s, last[root]));
            }
        }
    }
    return HD_OK;
}

static int by_size(const void *a, const void *b) {
    const hdi_block *x = *(const hdi_block *const *)a, *y = *(const hdi_block *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int by_offset(const void *a, const void *b) {
    const hdi_block *x = *(const hdi_block *const *)a, *y = *(const hdi_block *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest offset at which `block` fits between the placed blocks that live at the same time. */
static uint64_t lowest_offset(const hdi_block *block, hdi_block *const *placed, size_t n, const hdi_block **meets) {
    size_t m = 0;
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++)
        if (placed[i]->first <= block->last && block->first <= placed[i]->last) meets[m++] = placed[i];
    qsort(meets, m, sizeof *meets, by_offset);
    for (size_t i = 0; i < m && at + block->bytes > meets[i]->offset; i++)
        if (meets[i]->offset + meets[i]->bytes > at) at = meets[i]->offset + meets[i]->bytes;
    return at;
}

static hd_status place_blocks(hdi_lowering *low) {
    hdi_block **order = NULL;
    const hdi_block **meets = NULL;
    size_t n = 0;
    hd_status status;
    HD_TRY_GOTO(hdi_alloc(&order, low->n_blocks, sizeof *order, "the memory plan"));
    HD_TRY_GOTO(hdi_alloc(&meets, low->n_blocks, sizeof *meets, "the memory plan"));
    for (size_t i = 0; i < low->n_blocks; i++)
        if (low->blocks[i].space == HDI_SPACE_ARENA) order[n++] = &low->blocks[i];
    qsort(order, n, sizeof *order, by_size);
    for (size_t i = 0; i < n; i++) {
        order[i]->offset = lowest_offset(order[i], order, i, meets);
        HD_REQUIRE_GOTO(order[i]->offset < INT64_MAX - order[i]->bytes, HD_INVALID_ARGUMENT, "the graph's values are too large");
        if (order[i]->offset + order[i]->bytes > low->arena_bytes) low->arena_bytes = order[i]->offset + order[i]->bytes;
    }
fail:
    hdi_free(order);
    hdi_free(meets);
    return status;
}

hd_status hdi_pass_place_memory(hdi_lowering *low) {
    const hd_graph *graph = low->graph;
    uint32_t *last = NULL;
    hd_status status;
    HD_TRY_GOTO(hdi_calloc(&last, graph->n_values, sizeof *last, "the memory plan"));
    HD_TRY_GOTO(hdi_alloc(&low->block_of, graph->n_values, sizeof *low->block_of, "the memory plan"));
    HD_TRY_GOTO(hdi_alloc(&low->blocks, graph->n_values, sizeof *low->blocks, "the memory plan"));
    for (size_t i = 0; i < graph->n_values; i++) low->block_of[i] = HDI_NO_BLOCK;
    find_last_uses(low, last);
    HD_TRY_GOTO(make_blocks(low, last));
    for (size_t i = 0; i < graph->n_outputs; i++) /* a source may be an output as it is */
        HD_TRY_GOTO(give_block(low, hdi_root(graph, graph->outputs[i].value), 0, UINT32_MAX));
    status = place_blocks(low);
fail:
    hdi_free(last);
    return status;
}
