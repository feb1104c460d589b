/* SPDX-License-Identifier: Apache-2.0 */
/* Giving an executor a trace: names for its steps, lanes for its workers or its stream, events for a device's launches. */
#include "task/tracer.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- labels ---- */

static const char *const group_names[HDI_GROUP_COUNT] = {
#define GROUP(name) #name,
#include "kernels/groups.def"
};

/* "2048 x 512": the sizes of a type from `from` on; "?" for one that varies. */
static void add_sizes(const hdi_type *type, int from, char *text, size_t size) {
    size_t n = strlen(text);
    for (int i = from; i < type->rank && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s", n ? i > from ? " x " : ", " : "");
        if (n < size && type->dim[i] >= 0) n += (size_t)snprintf(text + n, size - n, "%lld", (long long)type->dim[i]);
        if (n < size && type->dim[i] < 0) n += (size_t)snprintf(text + n, size - n, "?");
    }
}

/* The sizes of the first weight that a step reads; without one, of its result but for the first size. */
static void add_shape(const hd_plan *plan, const hdi_plan_step *step, bool weights_only, char *text, size_t size) {
    const hdi_plan_operand *o = hdi_plan_operands(plan) + step->first_operand;
    for (uint32_t i = 0; i < step->n_operands; i++)
        if (o[i].slot > 0 && hdi_plan_slots(plan)[o[i].slot].kind == HDI_SLOT_WEIGHT) {
            if (!weights_only || o[i].type.rank > 1) add_sizes(&o[i].type, 0, text, size);
            return;
        }
    if (!weights_only) add_sizes(&o->type, o->type.rank > 1, text, size);
}

static void label_steps(hdi_tracer *t, const hd_plan *plan) {
    hdi_trace_label *label = t->holder.trace->labels + t->step_label;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const hdi_plan_step *step = &hdi_plan_steps(plan)[s];
        snprintf(label[s].name, sizeof label[s].name, "%s", hdi_plan_name(plan, step->name));
        snprintf(label[s].kernel, sizeof label[s].kernel, "%s", hdi_kernel_name((hdi_kernel_id)step->kernel));
        add_shape(plan, step, false, label[s].shape, sizeof label[s].shape);
    }
}

/* A group is called by its first step; its shape is that of its matrices. */
static void label_groups(hdi_tracer *t, const hd_plan *plan) {
    hdi_trace_label *label = t->holder.trace->labels + t->group_label;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        const hdi_plan_group *group = &hdi_plan_groups(plan)[g];
        const hdi_plan_step *first = &hdi_plan_steps(plan)[group->first_step];
        snprintf(label[g].name, sizeof label[g].name, "%s ...", hdi_plan_name(plan, first->name));
        snprintf(label[g].kernel, sizeof label[g].kernel, "%s", group_names[group->kind]);
        for (uint32_t i = 0; i < group->n_steps; i++) add_shape(plan, first + i, true, label[g].shape, sizeof label[g].shape);
    }
}

static hd_status make_labels(hdi_tracer *t, const hd_plan *plan) {
    hd_trace *trace = t->holder.trace;
    HD_TRY(hdi_trace_add_labels(trace, (size_t)plan->n_steps + plan->n_groups + 1, &t->step_label));
    t->group_label = t->step_label + plan->n_steps;
    t->run_label = t->group_label + plan->n_groups;
    label_steps(t, plan);
    label_groups(t, plan);
    snprintf(trace->labels[t->run_label].name, sizeof trace->labels[0].name, "run of %u steps", plan->n_steps);
    snprintf(trace->labels[t->run_label].kernel, sizeof trace->labels[0].kernel, "run");
    return HD_OK;
}

/* ---- lanes and events ---- */

static hd_status take_lanes(hdi_tracer *t) {
    const hd_executor *e = t->executor;
    int lanes = e->pool ? hdi_pool_workers(e->pool) : 1;
    for (int w = 0; w < lanes; w++) {
        char name[32];
        uint16_t lane;
        snprintf(name, sizeof name, "worker %d", w);
        HD_TRY(hdi_trace_take_lane(t->holder.trace, e->device, e->stream ? "stream" : name, &lane));
        t->lane[t->lanes++] = lane;
    }
    return HD_OK;
}

static hd_status make_events(hdi_tracer *t) {
    size_t launches = t->holder.trace->whole_runs ? 1 : t->executor->plan->n_steps;
    for (int i = 0; i < HDI_TRACER_ANCHORS; i++) HD_TRY(hd_event_create(t->executor->device, &t->anchor[i]));
    for (int r = 0; r < HDI_TRACER_RUNS; r++) {
        hdi_pending_run *run = &t->runs[r];
        HD_TRY(hdi_calloc(&run->launches, launches, sizeof *run->launches, "a trace's launches"));
        HD_TRY(hdi_calloc(&run->events, 2 * launches, sizeof *run->events, "a trace's events"));
        for (size_t i = 0; i < 2 * launches; i++, run->n_events++) HD_TRY(hd_event_create(t->executor->device, &run->events[i]));
    }
    return HD_OK;
}

static void free_tracer(hdi_tracer *t) {
    for (int i = 0; i < HDI_TRACER_ANCHORS; i++) hd_event_destroy(t->anchor[i]);
    for (int r = 0; r < HDI_TRACER_RUNS; r++) {
        for (size_t i = 0; i < t->runs[r].n_events; i++) hd_event_destroy(t->runs[r].events[i]);
        hdi_free(t->runs[r].events);
        hdi_free(t->runs[r].launches);
    }
    hdi_free_aligned(t->notes);
    hdi_free(t->host);
    hdi_free(t->lane);
    hdi_free(t);
}

/* ---- joining and leaving ---- */

static hd_status settle(hdi_trace_holder *holder) { return hdi_tracer_settle((hdi_tracer *)(void *)holder); }

static void leave(hdi_trace_holder *holder) {
    hdi_tracer *t = (hdi_tracer *)(void *)holder;
    if (hdi_tracer_settle(t) != HD_OK) t->settled = t->begun; /* its events may still be pending: destroying them waits */
    for (int i = 0; i < t->lanes; i++) hdi_trace_give_lane(holder->trace, t->lane[i]);
    t->executor->tracer = NULL;
    free_tracer(t);
}

static hd_status make(hdi_tracer *t) {
    const hd_executor *e = t->executor;
    size_t workers = e->pool ? (size_t)hdi_pool_workers(e->pool) : 1;
    HD_TRY(hdi_calloc(&t->host, e->plan->n_slots, sizeof *t->host, "a trace"));
    HD_TRY(hdi_alloc(&t->lane, workers, sizeof *t->lane, "a trace's lanes"));
    HD_TRY(hdi_alloc_aligned(&t->notes, workers * sizeof *t->notes, "a trace's waits"));
    memset(t->notes, 0, workers * sizeof *t->notes);
    HD_TRY(make_labels(t, e->plan));
    if (e->stream) HD_TRY(make_events(t));
    return take_lanes(t);
}

/* Plans of one rank wait for no other and send nothing. */
uint32_t hdi_tracer_notes_of(const hd_plan *plan) {
    uint32_t notes = plan->n_remotes;
    for (uint32_t i = 0; i < plan->n_triggers; i++) {
        const hdi_plan_trigger *t = &hdi_plan_triggers(plan)[i];
        notes += (uint32_t)__builtin_popcountll(t->ranks) * hdi_plan_events(plan)[t->event].chunks;
    }
    return notes;
}

hd_status hd_executor_set_trace(hd_executor *executor, hd_trace *trace) {
    HD_REQUIRE(executor, HD_INVALID_ARGUMENT, "hd_executor_set_trace needs an executor");
    return hdi_tracer_set(executor, trace, hdi_tracer_notes_of(executor->plan));
}

hd_status hdi_tracer_set(hd_executor *executor, hd_trace *trace, uint32_t notes) {
    hdi_tracer *t;
    if (executor->tracer) hdi_trace_leave(&executor->tracer->holder);
    if (!trace) return HD_OK;
    HD_TRY(hdi_calloc(&t, 1, sizeof *t, "a trace"));
    t->holder = (hdi_trace_holder){.trace = trace, .settle = settle, .leave = leave};
    t->executor = executor;
    t->most_notes = notes;
    hd_status status = make(t);
    if (status != HD_OK) {
        for (int i = 0; i < t->lanes; i++) hdi_trace_give_lane(trace, t->lane[i]);
        free_tracer(t);
        return status;
    }
    hdi_trace_join(trace, &t->holder);
    executor->tracer = t;
    return HD_OK;
}

void hdi_tracer_destroy(hd_executor *executor) {
    if (executor->tracer) hdi_trace_leave(&executor->tracer->holder);
}

void hdi_tracer_mirror(hd_executor *executor, const char *input, const void *host) {
    const hd_plan *plan = executor->plan;
    if (!executor->tracer) return;
    for (uint32_t i = 1; i < plan->n_slots; i++)
        if (strcmp(hdi_plan_name(plan, hdi_plan_slots(plan)[i].name), input) == 0) executor->tracer->host[i] = host;
}
