/* SPDX-License-Identifier: Apache-2.0 */
/* Finds groups (kernels/groups.def): adjacent steps that a device may compute as one, recognised by what flows where, not by what
 * they are called. Executors that run steps one by one lose nothing but the reuse of memory inside a group. */
#include <string.h>

#include "base/memory.h"
#include "compile/lowering.h"

/* A group being matched: the steps from `first` on, of which `n` are taken. */
typedef struct match {
    const hdi_lowering *low;
    const uint32_t *uses; /* by value: how many operands and outputs of the graph read it, through views too */
    uint32_t first;
    int n;
} match;

static bool run_together(const hdi_condition *a, const hdi_condition *b) {
    return a->size == b->size && a->from == b->from && a->below == b->below;
}

/* Whether `node` may be in the group as far as other ranks and conditions go: a group runs as a whole or not at all, and other
 * ranks keep a step out, except that a group's first step may wait and its last may tell, which whoever launches it does around
 * it. */
static bool alone(const match *m, const hdi_node *node) {
    const hdi_value *values = m->low->graph->values;
    if (!run_together(&node->when, &m->low->graph->nodes[m->low->node_of[m->first]].when)) return false;
    if (m->n == 0) return true;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->input[i] && values[values[node->input[i]].root].kind == HDI_VALUE_REMOTE) return false;
    const hdi_node *before = &m->low->graph->nodes[m->low->node_of[m->first + (uint32_t)m->n - 1]];
    return !values[before->output[0]].published;
}

/* The next step if it runs `op`, and then it is taken; else NULL. */
static const hdi_node *take(match *m, const hdi_op *op) {
    uint32_t s = m->first + (uint32_t)m->n;
    if (s >= m->low->n_steps || m->n == HDI_GROUP_STEPS) return NULL;
    const hdi_node *node = &m->low->graph->nodes[m->low->node_of[s]];
    if (node->op != op || !alone(m, node)) return NULL;
    m->n++;
    return node;
}

/* Whether `node` reads, as input `i`, all of `value` and is one of `readers` that do: nobody else sees the value. */
static bool reads(const match *m, const hdi_node *node, int i, hd_value value, uint32_t readers) {
    const hdi_value *in = &m->low->graph->values[node->input[i]];
    return node->input[i] && in->root == value && in->offset == 0 && m->uses[value] == readers;
}

/* linear(x), whose result only the next step reads. */
static const hdi_node *take_linear(match *m, hd_value x, uint32_t readers) {
    const hdi_node *linear = take(m, &hdi_op_linear);
    return linear && reads(m, linear, 0, x, readers) ? linear : NULL;
}

/* linear(x), rms_norm?, rope: the rope, as one of three readers of x. */
static const hdi_node *take_rotated(match *m, hd_value x) {
    const hdi_node *made = take_linear(m, x, 3);
    if (!made) return NULL;
    const hdi_node *norm = take(m, &hdi_op_rms_norm);
    if (norm && !reads(m, norm, 0, made->output[0], 1)) return NULL;
    if (norm) made = norm;
    const hdi_node *rope = take(m, &hdi_op_rope);
    return rope && reads(m, rope, 0, made->output[0], 1) ? rope : NULL;
}

static bool match_norm_qkv(match *m) {
    const hdi_node *norm = take(m, &hdi_op_rms_norm);
    if (!norm) return false;
    const hdi_node *q = take_rotated(m, norm->output[0]), *k = q ? take_rotated(m, norm->output[0]) : NULL;
    if (!k || q->input[1] != k->input[1] || q->input[2] != k->input[2]) return false; /* one table of angles */
    if (memcmp(q->attr, k->attr, q->op->attr_size) != 0) return false;
    const hdi_node *write_k = take(m, &hdi_op_kv_write);
    if (!write_k || !reads(m, write_k, 1, k->output[0], 1)) return false;
    const hdi_node *v = take_linear(m, norm->output[0], 3), *write_v = v ? take(m, &hdi_op_kv_write) : NULL;
    return write_v && reads(m, write_v, 1, v->output[0], 1) && write_v->input[2] == write_k->input[2];
}

static bool match_norm_swiglu(match *m) {
    const hdi_node *norm = take(m, &hdi_op_rms_norm);
    if (!norm) return false;
    const hdi_node *gate = take_linear(m, norm->output[0], 2), *up = gate ? take_linear(m, norm->output[0], 2) : NULL;
    const hdi_node *swiglu = up ? take(m, &hdi_op_swiglu) : NULL;
    return swiglu && reads(m, swiglu, 0, gate->output[0], 1) && reads(m, swiglu, 1, up->output[0], 1);
}

static bool match_norm_linear(match *m) {
    const hdi_node *norm = take(m, &hdi_op_rms_norm);
    return norm && take_linear(m, norm->output[0], 1);
}

/* The residual is not the product's own input: the sum may be written over it while other rows of the product still read. */
static bool match_linear_add(match *m) {
    const hdi_node *linear = take(m, &hdi_op_linear), *add = linear ? take(m, &hdi_op_add) : NULL;
    if (!add) return false;
    const hdi_value *values = m->low->graph->values;
    int product = values[add->input[0]].root == linear->output[0] ? 0 : 1;
    const hdi_value *residual = &values[add->input[1 - product]], *sum = &values[add->output[0]];
    return reads(m, add, product, linear->output[0], 1) && residual->root != linear->output[0] &&
           residual->root != values[linear->input[0]].root && residual->type.rank == sum->type.rank &&
           memcmp(residual->type.dim, sum->type.dim, sizeof sum->type.dim[0] * sum->type.rank) == 0;
}

/* Longer ones first: a norm_linear is also how the others begin. */
static const struct {
    hdi_group_kind kind;
    bool (*match)(match *m);
} patterns[] = {
    {HDI_GROUP_norm_qkv, match_norm_qkv},
    {HDI_GROUP_norm_swiglu, match_norm_swiglu},
    {HDI_GROUP_norm_linear, match_norm_linear},
    {HDI_GROUP_linear_add, match_linear_add},
};

static void count_uses(const hdi_lowering *low, uint32_t *uses) {
    const hd_graph *graph = low->graph;
    for (uint32_t s = 0; s < low->n_steps; s++) {
        const hdi_node *node = &graph->nodes[low->node_of[s]];
        for (int i = 0; i < node->n_inputs; i++)
            if (node->input[i]) uses[hdi_root(graph, node->input[i])]++;
    }
    for (size_t i = 0; i < graph->n_outputs; i++) uses[hdi_root(graph, graph->outputs[i].value)]++;
}

hd_status hdi_pass_group(hdi_lowering *low) {
    uint32_t *uses = NULL;
    hd_status status;
    HD_TRY_GOTO(hdi_calloc(&uses, low->graph->n_values, sizeof *uses, "the groups of a plan"));
    HD_TRY_GOTO(hdi_alloc(&low->groups, low->n_steps, sizeof *low->groups, "the groups of a plan"));
    HD_TRY_GOTO(hdi_alloc(&low->group_of, low->n_steps, sizeof *low->group_of, "the groups of a plan"));
    count_uses(low, uses);
    for (uint32_t s = 0; s < low->n_steps;) {
        uint32_t n = 1;
        low->group_of[s] = HDI_NO_GROUP;
        for (size_t p = 0; p < HDI_COUNTOF(patterns); p++) {
            match m = {.low = low, .uses = uses, .first = s};
            if (!patterns[p].match(&m)) continue;
            n = (uint32_t)m.n;
            for (uint32_t i = 0; i < n; i++) low->group_of[s + i] = low->n_groups;
            low->groups[low->n_groups++] = (hdi_step_group){.kind = patterns[p].kind, .first = s, .n = n};
            break;
        }
        s += n;
    }
fail:
    hdi_free(uses);
    return status;
}
