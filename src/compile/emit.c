/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the plan's image: counts, one allocation, then each array in turn. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "compile/lowering.h"
#include "compile/plan.h"
#include "heddle/comm.h"

typedef struct emitter {
    const hdi_lowering *low;
    const hd_graph *graph;
    hd_plan *plan;
    int32_t *slot_of;                   /* by root value: its slot when it is bound memory or a segment, else 0 (the arena) */
    int32_t segment_slot[HD_MAX_RANKS]; /* 0: none */
    uint32_t n_slots;                   /* the arena included */
    uint32_t string_at, operand_at, wait_at, attr_at, remote_at, trigger_at;
} emitter;

/* ---- sizes ---- */

static void number_slots(emitter *e) {
    e->n_slots = 1;
    for (hd_value v = 1; v < e->graph->n_values; v++)
        if (e->graph->values[v].name && e->low->block_of[v] != HDI_NO_BLOCK) e->slot_of[v] = (int32_t)e->n_slots++;
    for (hd_value v = 1; v < e->graph->n_values; v++) {
        uint32_t b = e->low->block_of[v];
        if (b == HDI_NO_BLOCK || e->low->blocks[b].space != HDI_SPACE_SEGMENT) continue;
        int32_t *slot = &e->segment_slot[e->low->blocks[b].rank];
        if (*slot == 0) *slot = (int32_t)e->n_slots++;
        e->slot_of[v] = *slot;
    }
}

static const char *segment_name(int32_t rank, char text[32]) {
    snprintf(text, 32, "segment of rank %d", rank);
    return text;
}

/* ---- what a step waits for of other ranks: events of the remote values that it reads, each once, and its guards ---- */

static bool reads_before(const emitter *e, const hdi_node *node, int input) {
    const hdi_value *values = e->graph->values, *value = &values[values[node->input[input]].root];
    for (int i = 0; i < input; i++) {
        const hdi_value *other = node->input[i] ? &values[values[node->input[i]].root] : NULL;
        if (other && other->kind == HDI_VALUE_REMOTE && other->event == value->event && other->rank == value->rank) return true;
    }
    return false;
}

/* Lists them into `to` (NULL: counts). */
static uint32_t list_remotes(const emitter *e, uint32_t node_index, hdi_plan_remote *to) {
    const hdi_node *node = &e->graph->nodes[node_index];
    uint32_t n = 0;
    for (int i = 0; i < node->n_inputs; i++) {
        if (!node->input[i]) continue;
        const hdi_value *value = &e->graph->values[e->graph->values[node->input[i]].root];
        if (value->kind != HDI_VALUE_REMOTE || reads_before(e, node, i)) continue;
        if (to) to[n] = (hdi_plan_remote){value->event, value->rank, 0};
        n++;
    }
    for (size_t i = 0; i < e->graph->n_guards; i++) {
        const hdi_guard *guard = &e->graph->guards[i];
        if (guard->node != node_index) continue;
        if (to) to[n] = (hdi_plan_remote){guard->event, guard->rank, guard->lag};
        n++;
    }
    return n;
}

static uint32_t count_triggers(const emitter *e, const hdi_node *node) {
    uint32_t n = 0;
    for (int i = 0; i < node->op->outputs; i++) n += node->output[i] && e->graph->values[node->output[i]].published;
    return n;
}

static size_t count_strings(const emitter *e) {
    const hd_graph *graph = e->graph;
    size_t n = sizeof "arena";
    for (size_t i = 0; i < graph->dims.n_symbols; i++) n += strlen(graph->dims.symbols[i].name) + 1;
    for (hd_value v = 1; v < graph->n_values; v++)
        if (e->slot_of[v] && graph->values[v].name) n += strlen(graph->values[v].name) + 1;
    for (uint32_t s = 0; s < e->low->n_steps; s++) n += strlen(graph->nodes[e->low->node_of[s]].name) + 1;
    for (size_t i = 0; i < graph->n_outputs; i++) n += strlen(graph->outputs[i].name) + 1;
    for (size_t i = 0; i < graph->n_events; i++) n += strlen(graph->events[i].name) + 1;
    for (int32_t r = 0; r < HD_MAX_RANKS; r++) {
        char text[32];
        if (e->segment_slot[r]) n += strlen(segment_name(r, text)) + 1;
    }
    return n;
}

/* Lays the arrays out behind the header; gives the size of the image. */
static void lay_out(const emitter *e, hd_plan *head) {
    const hdi_lowering *low = e->low;
    uint64_t at = hdi_align_up(sizeof *head, 64);
    *head = (hd_plan){.arena_bytes = low->arena_bytes,
                      .n_symbols = (uint32_t)e->graph->dims.n_symbols,
                      .n_exprs = (uint32_t)e->graph->dims.n_exprs,
                      .n_slots = e->n_slots,
                      .n_steps = low->n_steps,
                      .n_groups = low->n_groups,
                      .n_outputs = (uint32_t)e->graph->n_outputs,
                      .n_events = (uint32_t)e->graph->n_events,
                      .rank = e->graph->rank,
                      .ranks = e->graph->ranks,
                      .segment_bytes = e->graph->segment_bytes,
                      .end_ranks = e->graph->end_ranks};
    for (uint32_t s = 0; s < low->n_steps; s++) {
        const hdi_node *node = &e->graph->nodes[low->node_of[s]];
        head->n_operands += (uint32_t)(node->op->outputs + node->n_inputs);
        head->n_waits += (uint32_t)low->waits[s].n;
        head->n_remotes += list_remotes(e, low->node_of[s], NULL);
        head->n_triggers += count_triggers(e, node);
        head->n_attr_bytes += (uint32_t)hdi_align_up(node->op->attr_size, 8);
    }
    head->n_string_bytes = (uint32_t)count_strings(e);
#define PLACE(field, count, type) \
    head->field = at;             \
    at = hdi_align_up(at + (uint64_t)(count) * sizeof(type), 64);
    PLACE(symbols, head->n_symbols, hdi_plan_symbol)
    PLACE(exprs, head->n_exprs, hdi_expr)
    PLACE(slots, head->n_slots, hdi_plan_slot)
    PLACE(operands, head->n_operands, hdi_plan_operand)
    PLACE(steps, head->n_steps, hdi_plan_step)
    PLACE(waits, head->n_waits, uint32_t)
    PLACE(groups, head->n_groups, hdi_plan_group)
    PLACE(outputs, head->n_outputs, hdi_plan_output)
    PLACE(attrs, head->n_attr_bytes, uint8_t)
    PLACE(strings, head->n_string_bytes, char)
    PLACE(remotes, head->n_remotes, hdi_plan_remote)
    PLACE(triggers, head->n_triggers, hdi_plan_trigger)
    PLACE(events, head->n_events, hdi_plan_event)
#undef PLACE
    head->bytes = at;
}

/* ---- contents ---- */

/* The image is written through the same offsets that readers use. */
#define WRITE(e, field, type) ((type *)(void *)((char *)(e)->plan + (e)->plan->field))

static uint32_t emit_string(emitter *e, const char *text) {
    uint32_t at = e->string_at;
    strcpy(WRITE(e, strings, char) + at, text);
    e->string_at += (uint32_t)strlen(text) + 1;
    return at;
}

static void emit_slots(emitter *e) {
    static const uint32_t kinds[] = {
        [HDI_VALUE_INPUT] = HDI_SLOT_INPUT, [HDI_VALUE_WEIGHT] = HDI_SLOT_WEIGHT, [HDI_VALUE_STATE] = HDI_SLOT_STATE};
    hdi_plan_slot *slots = WRITE(e, slots, hdi_plan_slot);
    slots[0] = (hdi_plan_slot){.name = emit_string(e, "arena"), .kind = HDI_SLOT_ARENA, .bytes = e->low->arena_bytes};
    for (hd_value v = 1; v < e->graph->n_values; v++) {
        const hdi_value *value = &e->graph->values[v];
        if (e->slot_of[v] && value->name)
            slots[e->slot_of[v]] = (hdi_plan_slot){.name = emit_string(e, value->name),
                                                   .kind = kinds[value->kind],
                                                   .bytes = e->low->blocks[e->low->block_of[v]].bytes,
                                                   .type = value->type};
    }
    for (int32_t r = 0; r < HD_MAX_RANKS; r++) {
        char text[32];
        if (!e->segment_slot[r]) continue;
        slots[e->segment_slot[r]] = (hdi_plan_slot){
            .name = emit_string(e, segment_name(r, text)), .kind = HDI_SLOT_SEGMENT, .rank = r, .bytes = e->graph->segment_bytes};
    }
}

static hdi_plan_operand operand_of(const emitter *e, hd_value id) {
    hdi_plan_operand operand = {.slot = -1};
    if (!id) return operand;
    const hdi_value *value = &e->graph->values[id];
    uint32_t block = e->low->block_of[value->root];
    operand.type = value->type;
    memcpy(operand.stride, value->stride, sizeof operand.stride);
    operand.element_offset = value->offset;
    operand.slot = e->slot_of[value->root];
    if (block != HDI_NO_BLOCK && e->low->blocks[block].space != HDI_SPACE_BOUND)
        operand.offset = (int64_t)e->low->blocks[block].offset;
    return operand;
}

/* An input of a broadcasting operator takes the output's shape. */
static void broadcast(hdi_plan_operand *operand, const hdi_type *like) {
    hdi_type *type = &operand->type;
    hdi_broadcast_strides(type->rank, type->dim, operand->stride, like->rank, like->dim, operand->stride);
    type->rank = like->rank;
    memcpy(type->dim, like->dim, sizeof like->dim);
}

static void emit_step(emitter *e, uint32_t s) {
    const hdi_node *node = &e->graph->nodes[e->low->node_of[s]];
    const hdi_wait_list *waits = &e->low->waits[s];
    hdi_plan_step *step = &WRITE(e, steps, hdi_plan_step)[s];
    hdi_plan_operand *operands = WRITE(e, operands, hdi_plan_operand);
    *step = (hdi_plan_step){.name = emit_string(e, node->name),
                            .kernel = node->kernel,
                            .first_operand = e->operand_at,
                            .n_operands = (uint32_t)(node->op->outputs + node->n_inputs),
                            .attr = e->attr_at,
                            .first_wait = e->wait_at,
                            .n_waits = (uint32_t)waits->n,
                            .first_remote = e->remote_at,
                            .first_trigger = e->trigger_at,
                            .when = {node->when.size, node->when.from, node->when.below}};
    e->remote_at += step->n_remotes = list_remotes(e, e->low->node_of[s], WRITE(e, remotes, hdi_plan_remote) + e->remote_at);
    for (int i = 0; i < node->op->outputs; i++) {
        const hdi_value *value = &e->graph->values[node->output[i]];
        if (value->published) WRITE(e, triggers, hdi_plan_trigger)
        [e->trigger_at++] = (hdi_plan_trigger){value->event, e->operand_at, value->readers};
        operands[e->operand_at++] = operand_of(e, node->output[i]);
    }
    step->n_triggers = e->trigger_at - step->first_trigger;
    for (int i = 0; i < node->n_inputs; i++) {
        hdi_plan_operand *operand = &operands[e->operand_at++];
        *operand = operand_of(e, node->input[i]);
        if (node->input[i] && (node->op->flags & HDI_OP_BROADCAST)) broadcast(operand, &e->graph->values[node->output[0]].type);
    }
    if (waits->n) memcpy(WRITE(e, waits, uint32_t) + e->wait_at, waits->step, waits->n * sizeof *waits->step);
    e->wait_at += (uint32_t)waits->n;
    if (node->op->attr_size) memcpy(WRITE(e, attrs, uint8_t) + e->attr_at, node->attr, node->op->attr_size);
    e->attr_at += (uint32_t)hdi_align_up(node->op->attr_size, 8);
}

static void emit_all(emitter *e) {
    const hdi_dims *dims = &e->graph->dims;
    hdi_plan_symbol *symbols = WRITE(e, symbols, hdi_plan_symbol);
    hdi_plan_output *outputs = WRITE(e, outputs, hdi_plan_output);
    for (size_t i = 0; i < dims->n_symbols; i++)
        symbols[i] = (hdi_plan_symbol){emit_string(e, dims->symbols[i].name), dims->symbols[i].min, dims->symbols[i].max};
    if (dims->n_exprs) memcpy(WRITE(e, exprs, hdi_expr), dims->exprs, dims->n_exprs * sizeof *dims->exprs);
    emit_slots(e);
    for (uint32_t s = 0; s < e->low->n_steps; s++) emit_step(e, s);
    for (uint32_t g = 0; g < e->low->n_groups; g++) {
        const hdi_step_group *group = &e->low->groups[g];
        WRITE(e, groups, hdi_plan_group)[g] = (hdi_plan_group){(uint32_t)group->kind, group->first, group->n};
    }
    for (size_t i = 0; i < e->graph->n_events; i++) WRITE(e, events, hdi_plan_event)
    [i] = (hdi_plan_event){emit_string(e, e->graph->events[i].name), (uint32_t)e->graph->events[i].chunks};
    for (size_t i = 0; i < e->graph->n_outputs; i++)
        outputs[i] = (hdi_plan_output){emit_string(e, e->graph->outputs[i].name), operand_of(e, e->graph->outputs[i].value)};
}

hd_status hdi_emit_plan(const hdi_lowering *low, hd_plan **out) {
    emitter e = {.low = low, .graph = low->graph};
    hd_plan head;
    hd_status status;
    HD_TRY_GOTO(hdi_calloc(&e.slot_of, low->graph->n_values, sizeof *e.slot_of, "a plan"));
    number_slots(&e);
    lay_out(&e, &head);
    HD_TRY_GOTO(hdi_calloc(&e.plan, 1, head.bytes, "a plan"));
    *e.plan = head;
    emit_all(&e);
    *out = e.plan;
fail:
    hdi_free(e.slot_of);
    return status;
}
