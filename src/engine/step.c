/* SPDX-License-Identifier: Apache-2.0 */
/* One step: plan the chunks, launch the model, deliver tokens. Where the device works behind the host's back, the tokens
 * delivered are those of the step before: the device never waits for the host. A sequence's end is then seen one step late, and
 * the token that was drawn too much is forgotten. Over pipeline stages of CPUs, as many steps are under way as there are stages,
 * each of other sequences. */
#include <stdio.h>
#include <time.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "runtime/context.h"
#include "task/executor.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Enqueues what brings the step's ids to the host. */
static hd_status send_ids(hd_engine *e, hdi_flight *f, int32_t rows) {
    const hd_device *device = e->device;
    hd_stream *stream = e->runner.executor->stream;
    HD_TRY(device->vtable->copy_async(device, stream->handle, f->ids->data, e->runner.next_ids, (size_t)rows * sizeof(int32_t),
                                      HDI_COPY_D2H));
    return hd_event_record(f->arrived, stream);
}

static hd_status launch(hd_engine *e, hdi_flight *f) {
    int64_t begin = hdi_phase_begin(&e->trace);
    hdi_batch_fill(&e->runner.batch, e->scheduler.chunks, e->scheduler.n_chunks);
    hdi_flight_begin(f, e->scheduler.chunks, e->scheduler.n_chunks, e->keep_logits);
    hdi_phase_end(&e->trace, HDI_PHASE_FILL, begin);
    begin = hdi_phase_begin(&e->trace);
    if (e->crew.window) HD_TRY(hdi_crew_tell(&e->crew, &e->runner.batch));
    HD_TRY(hdi_batch_run(&e->runner.batch, e->runner.executor));
    if (e->late) HD_TRY(send_ids(e, f, e->runner.batch.n_rows));
    hdi_phase_end(&e->trace, HDI_PHASE_RUN, begin);
    return HD_OK;
}

/* The sentence is the thread's last error. */
static void fail(hdi_flight *f) {
    char sentence[512];
    snprintf(sentence, sizeof sentence, "%s", hd_last_error());
    for (int32_t i = 0; i < f->n_chunks; i++) {
        hd_sequence *s = f->chunks[i].sequence;
        if (!s) continue;
        snprintf(s->error, sizeof s->error, "%s", sentence);
        hdi_engine_finish(s, HD_FINISH_ERROR, false, false);
    }
    f->active = false;
}

typedef struct work {
    uint64_t prefill, decode, keys;
} work;

/* What the step computed for those who still wait for it. */
static work work_of(const hdi_flight *f) {
    work w = {0};
    for (int32_t i = 0; i < f->n_chunks; i++) {
        const hdi_chunk *c = &f->chunks[i];
        if (!c->sequence) continue;
        *(c->prefill ? &w.prefill : &w.decode) += (uint64_t)c->count;
        w.keys += (uint64_t)(c->begin + c->count);
    }
    return w;
}

/* A step takes from its launch, or from when the one before it was delivered, until it is delivered. */
static void count(hd_engine *e, const hdi_flight *f, work w) {
    double end = now(), seconds = end - (f->launched > e->delivered ? f->launched : e->delivered);
    e->delivered = end;
    e->stats.prefill_tokens += w.prefill;
    e->stats.decode_tokens += w.decode;
    *(f->prefill ? &e->stats.prefill_seconds : &e->stats.decode_seconds) += seconds;
    if (!f->prefill) e->stats.decode_bytes += e->info.matrix_bytes_per_token + w.keys * e->limits.kv_token_bytes;
}

static hd_status deliver_oldest(hd_engine *e) {
    hdi_flight *f = &e->flights[e->oldest];
    work w = work_of(f);
    hdi_trace_step_kind(&e->trace, f->prefill);
    hd_status status = hdi_engine_deliver(e, f);
    e->oldest = (e->oldest + 1) % (e->depth + 1);
    e->under_way--;
    if (status != HD_OK) {
        fail(f);
        return status;
    }
    f->active = false;
    count(e, f, w);
    return HD_OK;
}

/* Launches the planned chunks; the flights are not full. */
static hd_status launch_next(hd_engine *e, double planned) {
    hdi_flight *next = &e->flights[(e->oldest + e->under_way) % (e->depth + 1)];
    next->launched = planned;
    e->stats.steps++;
    hd_status status = launch(e, next);
    if (status == HD_OK)
        e->under_way++;
    else
        fail(next);
    return status;
}

/* How many steps stay under way behind a step that was launched, or where there was nothing to launch. */
static int32_t stay(const hd_engine *e, bool launched) {
    if (!launched) return e->under_way - 1;
    const hdi_flight *newest = &e->flights[(e->oldest + e->under_way - 1) % (e->depth + 1)];
    return e->late && newest->brings_logits ? 0 : e->depth;
}

hd_status hd_engine_step(hd_engine *e, bool *busy) {
    hd_status status = HD_OK;
    HD_REQUIRE(e && busy, HD_INVALID_ARGUMENT, "hd_engine_step needs an engine and a place for the result");
    double planned = now();
    int64_t begin = hdi_phase_begin(&e->trace);
    e->calls++; /* logits of the call before are no longer valid */
    hdi_scheduler_plan(&e->scheduler);
    hdi_trace_scheduled(&e->trace, &e->scheduler, begin);
    bool planned_some = e->scheduler.n_chunks > 0;
    if (planned_some) status = launch_next(e, planned);
    for (int32_t most = stay(e, planned_some && status == HD_OK); e->under_way > most && e->under_way > 0;) {
        hd_status delivered = deliver_oldest(e);
        if (status == HD_OK) status = delivered;
    }
    *busy = e->scheduler.n_running > 0 || e->scheduler.n_waiting > 0;
    return status;
}
