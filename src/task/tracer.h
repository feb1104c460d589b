/* SPDX-License-Identifier: Apache-2.0 */
/* What an executor records into a trace. Workers write their shares of a step into room that was set aside before the run;
 * launches on a device lie between two events of a pool and become spans when somebody waits for them. */
#ifndef HDI_TASK_TRACER_H
#define HDI_TASK_TRACER_H

#include "base/memory.h"
#include "task/executor.h"
#include "task/trace.h"

/* One launch that a device has not reported yet. */
typedef struct hdi_pending {
    uint32_t label;
    hdi_kernel_cost cost;
} hdi_pending;

enum { HDI_TRACER_RUNS = 2, HDI_TRACER_ANCHORS = HDI_TRACER_RUNS + 2 };

/* The launches of one run: launch i lies between events 2 i and 2 i + 1. */
typedef struct hdi_pending_run {
    hd_event **events;
    size_t n_events;
    hdi_pending *launches;
    uint32_t n;
    uint8_t phase;
} hdi_pending_run;

/* How many waits and transfers a worker has noted in the current run. Alone on its line: workers count at the same time. */
typedef struct hdi_tracer_notes {
    _Alignas(HDI_CACHE_LINE) uint32_t n;
    uint32_t lost;
} hdi_tracer_notes;

typedef struct hdi_tracer {
    hdi_trace_holder holder; /* first: a holder is its tracer */
    hd_executor *executor;
    uint32_t step_label, group_label, run_label; /* of step 0, of group 0, of a whole run */
    uint16_t *lane;                              /* of each worker, or of the stream */
    int lanes;
    const void **host; /* by slot: where the host has a copy of what is bound; NULL: nowhere */

    hdi_span *run;           /* CPU: of step s and worker w at [s * lanes + w]; NULL: the current run is not recorded */
    hdi_span *noted;         /* behind them: of worker w from [w * most_notes] on */
    hdi_tracer_notes *notes; /* by worker */
    uint32_t most_notes;     /* waits and transfers that a worker may have in a run */

    /* a device's: */
    hdi_pending_run runs[HDI_TRACER_RUNS];
    hd_event *anchor[HDI_TRACER_ANCHORS]; /* the beginnings of runs, the one of number i at i % ANCHORS */
    uint64_t begun, settled;              /* runs since the clocks were compared */
    int64_t anchor_time;                  /* of run settled - 1, in the trace's time */
    bool compared;                        /* the anchor before the first run has a time */
    hdi_pending_run *current;             /* NULL: the current run is not recorded */
} hdi_tracer;

/* ---- hooks of the executors: tracer NULL costs a branch ---- */

static inline int64_t hdi_tracer_begin(const hdi_tracer *tracer) { return tracer ? hdi_now_ns() : 0; }

/* Worker `worker` did `share` of a step since `begin`. */
static inline void hdi_tracer_end(const hdi_tracer *tracer, uint32_t step, int worker, int64_t begin, double share) {
    if (!tracer || !tracer->run) return;
    hdi_span *span = &tracer->run[(size_t)step * (size_t)tracer->lanes + (size_t)worker];
    span->begin = begin;
    span->end = hdi_now_ns();
    span->bytes = share;
}

/* The same for one of several parts of its share, done at different times: the span is as long as all of them together. */
static inline void hdi_tracer_add(const hdi_tracer *tracer, uint32_t step, int worker, int64_t begin, double share) {
    if (!tracer || !tracer->run) return;
    hdi_span *span = &tracer->run[(size_t)step * (size_t)tracer->lanes + (size_t)worker];
    int64_t end = hdi_now_ns();
    span->begin = begin - (span->end - span->begin);
    span->end = end;
    span->bytes += share;
}

void hdi_tracer_note(const hdi_tracer *tracer, hdi_span_kind kind, uint32_t step, int worker, int64_t begin, int32_t rank,
                     uint64_t what);

/* Worker `worker` stood still since `begin`, before `step`, until event `event` of rank `rank` came. */
static inline void hdi_tracer_wait(const hdi_tracer *tracer, uint32_t step, int worker, int64_t begin, int32_t rank,
                                   uint64_t event) {
    if (tracer) hdi_tracer_note(tracer, HDI_SPAN_WAIT, step, worker, begin, rank, event);
}

/* Worker `worker` sent `bytes` of what `step` made to rank `rank`, since `begin`. */
static inline void hdi_tracer_sent(const hdi_tracer *tracer, uint32_t step, int worker, int64_t begin, int32_t rank,
                                   uint64_t bytes) {
    if (tracer) hdi_tracer_note(tracer, HDI_SPAN_TRANSFER, step, worker, begin, rank, bytes);
}

/* hd_executor_set_trace with room for `notes` waits and transfers a worker and run; those beyond are counted as lost. */
hd_status hdi_tracer_set(hd_executor *executor, hd_trace *trace, uint32_t notes);
/* How many a worker may have in a run of the plan: its remote waits and triggers. */
uint32_t hdi_tracer_notes_of(const hd_plan *plan);

/* Around a launch of steps first .. first + n - 1; group: its number when they are one, else -1. */
hd_status hdi_tracer_before(hd_executor *executor);
hd_status hdi_tracer_after(hd_executor *executor, uint32_t first, uint32_t n, int64_t group);

/* Waits for what has been launched and makes spans of it. */
hd_status hdi_tracer_settle(hdi_tracer *tracer);
/* Runs what `run` would, recording. */
typedef hd_status (*hdi_run_fn)(hd_executor *executor, bool again);
hd_status hdi_run_traced(hd_executor *executor, bool again, hdi_run_fn run);
/* The executor goes away. */
void hdi_tracer_destroy(hd_executor *executor);

/* Costs depend on inputs that a device holds: says where the host has the same values during a run. Nothing without a tracer, or
 * for a name that the plan does not have. */
void hdi_tracer_mirror(hd_executor *executor, const char *input, const void *host);

#endif
