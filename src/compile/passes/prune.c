/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "compile/lowering.h"

/* Marks the node that made `value`, looking through views, and pushes it to be followed. */
static void mark(const hd_graph *graph, hd_value value, bool *live, uint32_t *stack, size_t *depth) {
    while (value && graph->values[value].kind == HDI_VALUE_VIEW) value = graph->values[value].source;
    if (!value || graph->values[value].kind != HDI_VALUE_RESULT || live[graph->values[value].node]) return;
    live[graph->values[value].node] = true;
    stack[(*depth)++] = graph->values[value].node;
    hd_value root = graph->values[value].root; /* of a value that is made in two ways: the other one */
    if (root != value) mark(graph, root, live, stack, depth);
}

hd_status hdi_pass_prune(hdi_lowering *low) {
    const hd_graph *graph = low->graph;
    bool *live = NULL;
    uint32_t *stack = NULL;
    size_t depth = 0;
    hd_status status;
    HD_TRY_GOTO(hdi_calloc(&live, graph->n_nodes, sizeof *live, "the compiler"));
    HD_TRY_GOTO(hdi_alloc(&stack, graph->n_nodes, sizeof *stack, "the compiler"));
    HD_TRY_GOTO(hdi_alloc(&low->node_of, graph->n_nodes, sizeof *low->node_of, "the compiler"));
    for (size_t i = 0; i < graph->n_outputs; i++) mark(graph, graph->outputs[i].value, live, stack, &depth);
    for (size_t i = 0; i < graph->n_nodes; i++) /* a state outlives the run: what changes it always matters */
        if (graph->nodes[i].op->flags & HDI_OP_MUTATES) mark(graph, graph->nodes[i].output[0], live, stack, &depth);
    for (hd_value v = 1; v < graph->n_values; v++) /* other ranks wait for what is published */
        if (graph->values[v].published) mark(graph, v, live, stack, &depth);
    while (depth) {
        const hdi_node *node = &graph->nodes[stack[--depth]];
        for (int i = 0; i < node->n_inputs; i++) mark(graph, node->input[i], live, stack, &depth);
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        if (live[i]) low->node_of[low->n_steps++] = i;
fail:
    hdi_free(live);
    hdi_free(stack);
    return status;
}
