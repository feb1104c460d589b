/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/trace.h"

#include <stdio.h>

#include "engine/crew_trace.h"
#include "engine/engine.h"
#include "task/tracer.h"

static const char *const phase_names[HDI_PHASE_COUNT] = {"schedule", "fill", "run", "wait", "sample", "text"};

void hdi_phase_record(hdi_engine_trace *t, hdi_engine_phase phase, int64_t begin) {
    hd_trace *trace = t->holder.trace;
    hdi_span *span = hdi_trace_add(trace);
    if (!span) return;
    *span = (hdi_span){.begin = begin - trace->start,
                       .end = hdi_now_ns() - trace->start,
                       .label = t->label + phase,
                       .lane = t->lane,
                       .workers = 1,
                       .phase = (uint8_t)trace->phase,
                       .first = true};
}

void hdi_trace_record_schedule(hdi_engine_trace *t, const hdi_scheduler *s, int64_t begin) {
    bool prefill = false;
    if (s->n_chunks == 0) return; /* nothing begins */
    for (int32_t i = 0; i < s->n_chunks; i++) prefill |= s->chunks[i].prefill;
    hdi_trace_step_kind(t, prefill);
    hdi_phase_record(t, HDI_PHASE_SCHEDULE, begin);
}

/* Whoever looks at the trace sees all ranks. */
static hd_status settle(hdi_trace_holder *holder) { return hdi_crew_collect(((hdi_engine_trace *)(void *)holder)->crew); }

static void leave(hdi_trace_holder *holder) {
    hdi_engine_trace *t = (hdi_engine_trace *)(void *)holder;
    (void)(hdi_crew_trace(t->crew, NULL) == HD_OK); /* which cannot fail */
    hdi_trace_give_lane(holder->trace, t->lane);
    holder->trace->phase = HD_TRACE_OTHER;
    holder->trace = NULL;
}

hd_status hdi_engine_trace_leave(hdi_engine_trace *t) {
    hd_status status = t->holder.trace ? hdi_crew_collect(t->crew) : HD_OK;
    hdi_trace_leave(&t->holder);
    return status;
}

static hd_status join(hdi_engine_trace *t, hd_trace *trace, hdi_crew *crew) {
    HD_TRY(hdi_trace_add_labels(trace, HDI_PHASE_COUNT, &t->label));
    for (int i = 0; i < HDI_PHASE_COUNT; i++)
        snprintf(trace->labels[t->label + (uint32_t)i].name, sizeof trace->labels[0].name, "%s", phase_names[i]);
    HD_TRY(hdi_trace_take_lane(trace, hdi_device_cpu(), "engine", &t->lane));
    t->crew = crew;
    t->holder.settle = settle;
    t->holder.leave = leave;
    hd_status status = hdi_crew_trace(crew, trace);
    if (status != HD_OK) hdi_trace_give_lane(trace, t->lane);
    if (status == HD_OK) hdi_trace_join(trace, &t->holder);
    return status;
}

hd_status hd_engine_set_trace(hd_engine *e, hd_trace *trace) {
    HD_REQUIRE(e, HD_INVALID_ARGUMENT, "hd_engine_set_trace needs an engine");
    hd_status left = hdi_engine_trace_leave(&e->trace);
    hd_status status = hd_executor_set_trace(e->runner.executor, left == HD_OK ? trace : NULL);
    if (left != HD_OK || status != HD_OK || !trace) return left != HD_OK ? left : status;
    status = join(&e->trace, trace, &e->crew);
    if (status != HD_OK) (void)(hd_executor_set_trace(e->runner.executor, NULL) == HD_OK);
    return status;
}
