/* SPDX-License-Identifier: Apache-2.0 */
/* What a traced run records. On the CPU: each worker's share of each step, by the host's clock. On a device: each launch between
 * two events; their times are asked for two runs later or when somebody waits, and put on the host's clock through one event at
 * the beginning of each run, whose distance to that of the run before is measured, the first one's to the host's clock. */
#include <string.h>

#include "kernels/cost.h"
#include "task/tracer.h"

enum { ROUND_TRIPS = 4 };

/* ---- costs ---- */

static const void *host_copy(const void *user, const hdi_operand *operand) {
    const hdi_tracer *t = user;
    const hd_executor *e = t->executor;
    if (e->device->vtable->host_visible) return operand->data;
    for (uint32_t i = 1; i < e->plan->n_slots; i++)
        if (t->host[i] && operand->data == e->slot[i]) return t->host[i];
    return NULL;
}

static hdi_kernel_cost cost_of_step(const hdi_tracer *t, uint32_t step) {
    const hdi_cost_view view = {host_copy, t};
    hdi_kernel_cost cost;
    hdi_kernel_cost_get((hdi_kernel_id)hdi_plan_steps(t->executor->plan)[step].kernel, &t->executor->calls[step], &view, &cost);
    return cost;
}

/* The step of first .. reader - 1 that wrote the memory last, each step writing its operand 0; -1: none. */
static int64_t writer_of(const hd_executor *e, uint32_t first, uint32_t reader, const void *data) {
    for (int64_t s = (int64_t)reader - 1; s >= first; s--)
        if (e->calls[s].operand[0].data == data) return s;
    return -1;
}

/* What steps first .. first + n - 1 cost as one: a result that one of them hands to another need not move through memory. */
static hdi_kernel_cost cost_of_steps(const hdi_tracer *t, uint32_t first, uint32_t n) {
    const hd_executor *e = t->executor;
    bool handed_on[HDI_GROUP_STEPS] = {0};
    hdi_kernel_cost sum = {0};
    for (uint32_t s = first; s < first + n; s++) {
        const hdi_kernel_call *call = &e->calls[s];
        hdi_kernel_cost cost = cost_of_step(t, s);
        sum.bytes += cost.bytes;
        sum.flops += cost.flops;
        sum.partial |= cost.partial;
        for (int i = 1; i < call->n_operands; i++) {
            int64_t writer = call->operand[i].data ? writer_of(e, first, s, call->operand[i].data) : -1;
            if (writer < 0) continue;
            sum.bytes -= hdi_operand_bytes(&call->operand[i]);
            if (!handed_on[writer - first]) sum.bytes -= hdi_operand_bytes(&e->calls[writer].operand[0]);
            handed_on[writer - first] = true;
        }
    }
    return sum;
}

static hdi_kernel_cost cost_of_run(const hdi_tracer *t) {
    hdi_kernel_cost sum = {0};
    for (uint32_t s = 0; s < t->executor->plan->n_steps; s++) {
        hdi_kernel_cost cost = cost_of_step(t, s);
        sum.bytes += cost.bytes;
        sum.flops += cost.flops;
        sum.partial |= cost.partial;
    }
    return sum;
}

static void add_span(hdi_tracer *t, int64_t begin, int64_t end, const hdi_pending *what, hd_trace_phase phase, bool begins) {
    hdi_span *span = hdi_trace_add(t->holder.trace);
    if (!span) return;
    *span = (hdi_span){.begin = begin,
                       .end = end,
                       .bytes = what->cost.bytes,
                       .flops = what->cost.flops,
                       .label = what->label,
                       .lane = t->lane[0],
                       .workers = 1,
                       .phase = (uint8_t)phase,
                       .partial = what->cost.partial,
                       .first = true,
                       .begins = begins};
}

/* ---- the CPU: shares of steps ---- */

static void begin_shares(hdi_tracer *t) {
    hd_trace *trace = t->holder.trace;
    size_t shares = (size_t)t->executor->plan->n_steps * (size_t)t->lanes, n = shares + (size_t)t->lanes * t->most_notes;
    t->run = NULL;
    if (trace->room - trace->n < n) {
        trace->lost += n;
        return;
    }
    t->run = trace->spans + trace->n;
    t->noted = t->run + shares;
    memset(t->run, 0, shares * sizeof *t->run);
    for (int w = 0; w < t->lanes; w++) t->notes[w] = (hdi_tracer_notes){0};
}

/* Only the worker itself comes here for its number. */
void hdi_tracer_note(const hdi_tracer *t, hdi_span_kind kind, uint32_t step, int worker, int64_t begin, int32_t rank,
                     uint64_t what) {
    if (!t->run) return;
    hdi_tracer_notes *notes = &t->notes[worker];
    if (notes->n == t->most_notes) {
        notes->lost++;
        return;
    }
    hdi_span *span = &t->noted[(size_t)worker * t->most_notes + notes->n++];
    *span = (hdi_span){.begin = begin, .end = hdi_now_ns(), .label = step, .kind = (uint8_t)kind, .other = rank};
    if (kind == HDI_SPAN_WAIT)
        span->event = what;
    else
        span->bytes = (double)what;
}

/* Completes the waits and transfers, behind the shares; gives the end of the spans. */
static hdi_span *end_notes(hdi_tracer *t, hdi_span *to) {
    hd_trace *trace = t->holder.trace;
    for (int w = 0; w < t->lanes; w++) {
        for (uint32_t i = 0; i < t->notes[w].n; i++) {
            hdi_span span = t->noted[(size_t)w * t->most_notes + i];
            span.begin -= trace->start;
            span.end -= trace->start;
            span.label += t->step_label;
            span.lane = t->lane[w];
            span.workers = (uint16_t)t->lanes;
            span.phase = (uint8_t)trace->phase;
            span.first = true;
            *to++ = span; /* never ahead of what is read */
        }
        trace->lost += t->notes[w].lost;
    }
    return to;
}

/* Completes the spans that workers wrote, and closes the gaps of those that had nothing to do. */
static void end_shares(hdi_tracer *t) {
    hd_trace *trace = t->holder.trace;
    hdi_span *to = t->run;
    if (!to) return;
    for (uint32_t s = 0; s < t->executor->plan->n_steps; s++) {
        hdi_kernel_cost cost = cost_of_step(t, s);
        bool first = true;
        for (int w = 0; w < t->lanes; w++) {
            hdi_span span = t->run[(size_t)s * (size_t)t->lanes + (size_t)w];
            if (span.end == 0) continue;
            span.begin -= trace->start;
            span.end -= trace->start;
            span.flops = span.bytes * cost.flops; /* `bytes` is the worker's share of the step */
            span.bytes *= cost.bytes;
            span.label = t->step_label + s;
            span.lane = t->lane[w];
            span.workers = (uint16_t)t->lanes;
            span.phase = (uint8_t)trace->phase;
            span.partial = cost.partial;
            span.first = first;
            span.begins = to == t->run;
            first = false;
            *to++ = span; /* never ahead of what is read */
        }
    }
    to = end_notes(t, to);
    trace->n = (size_t)(to - trace->spans);
    t->run = NULL;
}

static hd_status run_on_cpu(hdi_tracer *t, bool again, hdi_run_fn run) {
    hd_trace *trace = t->holder.trace;
    hd_status status;
    if (!trace->whole_runs) {
        begin_shares(t);
        status = run(t->executor, again);
        end_shares(t);
        return status;
    }
    int64_t begin = hdi_now_ns() - trace->start;
    HD_TRY(run(t->executor, again));
    int64_t end = hdi_now_ns() - trace->start;
    add_span(t, begin, end, &(hdi_pending){t->run_label, cost_of_run(t)}, trace->phase, true);
    return HD_OK;
}

/* ---- a device: launches between events ---- */

/* Finds out when anchor 0 was on the host's clock: in the middle of a round trip, the first ones being slower. */
static hd_status compare_clocks(hdi_tracer *t) {
    hd_stream *stream = t->executor->stream;
    HD_TRY(hd_stream_synchronize(stream));
    for (int i = 0; i < ROUND_TRIPS; i++) {
        int64_t before = hdi_now_ns();
        HD_TRY(hd_event_record(t->anchor[0], stream));
        HD_TRY(hd_event_synchronize(t->anchor[0]));
        t->anchor_time = before + (hdi_now_ns() - before) / 2 - t->holder.trace->start;
    }
    t->begun = t->settled = 0;
    t->compared = true;
    return HD_OK;
}

static int64_t nanoseconds(double milliseconds) { return (int64_t)(milliseconds * 1e6 + 0.5); }

static hd_status settle_launch(hdi_tracer *t, const hdi_pending_run *run, uint32_t i, hd_event *anchor) {
    double from, to;
    HD_TRY(hd_event_elapsed(anchor, run->events[2 * i], &from));
    HD_TRY(hd_event_elapsed(anchor, run->events[2 * i + 1], &to));
    add_span(t, t->anchor_time + nanoseconds(from), t->anchor_time + nanoseconds(to), &run->launches[i], run->phase, i == 0);
    return HD_OK;
}

/* The oldest run that is pending. */
static hd_status settle_run(hdi_tracer *t) {
    hdi_pending_run *run = &t->runs[t->settled % HDI_TRACER_RUNS];
    hd_event *before = t->anchor[t->settled % HDI_TRACER_ANCHORS], *anchor = t->anchor[(t->settled + 1) % HDI_TRACER_ANCHORS];
    double since;
    HD_TRY(hd_event_synchronize(run->n ? run->events[2 * run->n - 1] : anchor));
    HD_TRY(hd_event_elapsed(before, anchor, &since));
    t->anchor_time += nanoseconds(since);
    t->settled++;
    for (uint32_t i = 0; i < run->n; i++) HD_TRY(settle_launch(t, run, i, anchor));
    return HD_OK;
}

static hd_status settle_to(hdi_tracer *t, uint64_t left) {
    hd_status status = HD_OK;
    while (status == HD_OK && t->begun - t->settled > left) status = settle_run(t);
    if (status != HD_OK) t->compared = false; /* begin anew */
    if (status != HD_OK) t->settled = t->begun;
    return status;
}

hd_status hdi_tracer_settle(hdi_tracer *t) { return settle_to(t, 0); }

static hd_status begin_launches(hdi_tracer *t) {
    hd_trace *trace = t->holder.trace;
    size_t launches = trace->whole_runs ? 1 : t->executor->plan->n_steps;
    t->current = NULL;
    HD_TRY(settle_to(t, HDI_TRACER_RUNS - 1));
    if (trace->room - trace->n < launches * HDI_TRACER_RUNS) { /* those of pending runs too */
        trace->lost += launches;
        return HD_OK;
    }
    if (!t->compared) HD_TRY(compare_clocks(t));
    HD_TRY(hd_event_record(t->anchor[(t->begun + 1) % HDI_TRACER_ANCHORS], t->executor->stream));
    t->current = &t->runs[t->begun % HDI_TRACER_RUNS];
    t->current->n = 0;
    t->current->phase = (uint8_t)trace->phase;
    t->begun++;
    return HD_OK;
}

static hd_status before_launch(hdi_tracer *t) {
    return hd_event_record(t->current->events[2 * t->current->n], t->executor->stream);
}

static hd_status after_launch(hdi_tracer *t, uint32_t label, hdi_kernel_cost cost) {
    hdi_pending_run *run = t->current;
    HD_TRY(hd_event_record(run->events[2 * run->n + 1], t->executor->stream));
    run->launches[run->n++] = (hdi_pending){label, cost};
    return HD_OK;
}

hd_status hdi_tracer_before(hd_executor *executor) {
    hdi_tracer *t = executor->tracer;
    return t && t->current ? before_launch(t) : HD_OK;
}

hd_status hdi_tracer_after(hd_executor *executor, uint32_t first, uint32_t n, int64_t group) {
    hdi_tracer *t = executor->tracer;
    if (!t || !t->current) return HD_OK;
    return after_launch(t, group < 0 ? t->step_label + first : t->group_label + (uint32_t)group, cost_of_steps(t, first, n));
}

/* Graphs and persistent kernels as they are, between two events; a step by step run is one of the stream executor. */
static hd_status run_on_device(hdi_tracer *t, bool again, hdi_run_fn run) {
    hd_executor *e = t->executor;
    HD_TRY(begin_launches(t));
    hdi_pending_run *pending = t->current;
    if (!t->holder.trace->whole_runs) {
        t->holder.trace->stepped |= e->kind != HD_EXECUTOR_STREAM;
        hd_status status = hdi_run_stream(e, NULL);
        t->current = NULL;
        return status;
    }
    if (pending) HD_TRY(before_launch(t));
    t->current = NULL; /* nothing inside is recorded */
    HD_TRY(run(e, again));
    t->current = pending;
    if (pending) HD_TRY(after_launch(t, t->run_label, cost_of_run(t)));
    t->current = NULL;
    return HD_OK;
}

hd_status hdi_run_traced(hd_executor *executor, bool again, hdi_run_fn run) {
    hdi_tracer *t = executor->tracer;
    HD_TRY(hdi_executor_prepare(executor));
    return executor->stream ? run_on_device(t, again, run) : run_on_cpu(t, again, run);
}
