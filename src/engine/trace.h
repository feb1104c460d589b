/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine records into a trace: its own phases, on a lane beside those of its executor. Without a trace each costs a
 * branch. */
#ifndef HDI_ENGINE_TRACE_H
#define HDI_ENGINE_TRACE_H

#include "engine/crew.h"
#include "engine/scheduler.h"
#include "task/trace.h"

typedef enum hdi_engine_phase {
    HDI_PHASE_SCHEDULE,
    HDI_PHASE_FILL, /* inputs written */
    HDI_PHASE_RUN,  /* the plan run, or on a device enqueued */
    HDI_PHASE_WAIT, /* for a device's ids or logits */
    HDI_PHASE_SAMPLE,
    HDI_PHASE_TEXT, /* a token to text */
    HDI_PHASE_COUNT
} hdi_engine_phase;

typedef struct hdi_engine_trace {
    hdi_trace_holder holder; /* first: a holder is its engine's trace */
    hdi_crew *crew;          /* whose followers record, too */
    uint32_t label;          /* of phase 0 */
    uint16_t lane;
} hdi_engine_trace;

static inline int64_t hdi_phase_begin(const hdi_engine_trace *t) { return t->holder.trace ? hdi_now_ns() : 0; }

void hdi_phase_record(hdi_engine_trace *t, hdi_engine_phase phase, int64_t begin);
static inline void hdi_phase_end(hdi_engine_trace *t, hdi_engine_phase phase, int64_t begin) {
    if (t->holder.trace) hdi_phase_record(t, phase, begin);
}

/* Whether what follows belongs to a step with chunks of prompts. */
static inline void hdi_trace_step_kind(const hdi_engine_trace *t, bool prefill) {
    if (t->holder.trace) t->holder.trace->phase = prefill ? HD_TRACE_PREFILL : HD_TRACE_DECODE;
}

/* The chunks are known: the kind of the step that begins, and the span of finding them. */
void hdi_trace_record_schedule(hdi_engine_trace *t, const hdi_scheduler *scheduler, int64_t begin);
static inline void hdi_trace_scheduled(hdi_engine_trace *t, const hdi_scheduler *scheduler, int64_t begin) {
    if (t->holder.trace) hdi_trace_record_schedule(t, scheduler, begin);
}

/* Takes in what followers have recorded, and stops recording in any case. Legal without a trace. */
hd_status hdi_engine_trace_leave(hdi_engine_trace *t);

#endif
