/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of a step: its tokens become the sequences'. Rows that the host draws itself have their logits in the plan's
 * own output on the CPU; from a device they are fetched, as many at a time as there is room for. */
#include <stdio.h>

#include "engine/engine.h"
#include "runtime/context.h"
#include "task/exchange.h"
#include "task/executor.h"

void hdi_engine_finish(hd_sequence *s, hd_finish reason, bool with_last, bool flush) {
    hd_engine *e = s->engine;
    for (int32_t i = 0; i <= e->depth; i++) hdi_flight_forget(&e->flights[i], s);
    hdi_scheduler_remove(&e->scheduler, s);
    s->pending = 0;
    s->finish = reason;
    if (hdi_output_finish(&s->output, reason, with_last, flush) != HD_OK && reason != HD_FINISH_ERROR) {
        snprintf(s->error, sizeof s->error, "%s", hd_last_error());
        s->finish = s->output.tokens[s->output.n - 1].finish = HD_FINISH_ERROR;
    }
}

static bool ends(const hd_engine *e, const hd_sequence *s, int32_t token) {
    for (size_t i = 0; i < s->n_stop_tokens; i++)
        if (s->stop_tokens[i] == token) return true;
    for (int32_t i = 0; i < e->defaults.n_eos && !s->ignore_eos; i++)
        if (e->defaults.eos[i] == token) return true;
    return false;
}

/* `logits`: those of the token, NULL when they were not brought here. */
static hd_status give(hd_engine *e, hd_sequence *s, const hdi_draw *drawn, const float *logits) {
    bool stopped;
    s->logits = logits;
    s->logits_call = e->calls;
    s->pending--;
    s->tokens[s->n++] = drawn->token;
    bool end = ends(e, s, drawn->token); /* such a token is no part of the text */
    int64_t begin = hdi_phase_begin(&e->trace);
    HD_TRY(hdi_output_push(&s->output, drawn->token, !end, drawn->logprob, drawn->n_top, &stopped));
    hdi_phase_end(&e->trace, HDI_PHASE_TEXT, begin);
    if (end || stopped)
        hdi_engine_finish(s, HD_FINISH_STOP, true, !stopped);
    else if (s->n == s->limit)
        hdi_engine_finish(s, HD_FINISH_LENGTH, true, true);
    return HD_OK;
}

static hd_status draw_here(hd_engine *e, hd_sequence *s, const float *logits, bool kept) {
    hdi_history history = {s->tokens, s->n_prompt, s->n};
    hdi_draw drawn = {.top = hdi_output_next_top(&s->output)};
    int64_t begin = hdi_phase_begin(&e->trace);
    HD_TRY(hdi_sampler_draw(&e->sampler, logits, &s->sampling, &history, s->top_logprobs, &drawn));
    hdi_phase_end(&e->trace, HDI_PHASE_SAMPLE, begin);
    return give(e, s, &drawn, kept ? logits : NULL);
}

static hd_status take_drawn(hd_engine *e, hd_sequence *s, int32_t id, const float *logits) {
    HD_REQUIRE(id >= 0 && id < e->info.vocab, HD_CORRUPT, HDI_BAD_LOGITS, (long long)s->n);
    return give(e, s, &(hdi_draw){.token = id}, logits);
}

/* Tells the sequence what became of its draw. */
static void settle(hd_sequence *s, hd_status status) {
    if (status == HD_OK) return;
    snprintf(s->error, sizeof s->error, "%s", hd_last_error());
    hdi_engine_finish(s, HD_FINISH_ERROR, false, false);
}

static bool wants_row(const hd_engine *e, const hdi_chunk *c) {
    return c->draws && c->sequence && (e->keep_logits || c->sequence->needs_logits);
}

/* ---- drawn on the device ---- */

/* Fetches the rows that chunks from `first` on want, until the memory for them is full: *end is the first chunk left over. */
static hd_status fetch_rows(hd_engine *e, const hdi_flight *f, int32_t first, int32_t *end) {
    const hd_device *device = e->device;
    size_t bytes = (size_t)e->info.vocab * sizeof(float);
    void *logits;
    int32_t used = 0;
    HD_TRY(hd_executor_output(e->runner.executor, "logits", &logits));
    for (*end = first; *end < f->n_chunks; ++*end) {
        const hdi_chunk *c = &f->chunks[*end];
        if (!wants_row(e, c)) continue;
        if (used == e->row_capacity) break;
        HD_TRY(device->vtable->copy_async(device, e->runner.executor->stream->handle,
                                          (uint8_t *)e->rows->data + (size_t)used++ * bytes,
                                          (uint8_t *)logits + (size_t)c->sequence->row * bytes, bytes, HDI_COPY_D2H));
    }
    int64_t begin = hdi_phase_begin(&e->trace);
    HD_TRY(hd_executor_synchronize(e->runner.executor));
    hdi_phase_end(&e->trace, HDI_PHASE_WAIT, begin);
    return HD_OK;
}

static hd_status deliver_late(hd_engine *e, const hdi_flight *f) {
    const int32_t *ids = f->ids->data;
    int32_t row = 0, end = f->brings_logits ? 0 : f->n_chunks;
    const float *next = NULL;
    int64_t begin = hdi_phase_begin(&e->trace);
    HD_TRY(hd_event_synchronize(f->arrived));
    HD_TRY(hdi_exchange_check(e->runner.executor)); /* a rank that did not come: the ids are worth nothing */
    hdi_phase_end(&e->trace, HDI_PHASE_WAIT, begin);
    for (int32_t i = 0; i < f->n_chunks; i++) {
        const hdi_chunk c = f->chunks[i];
        if (i == end) {
            HD_TRY(fetch_rows(e, f, i, &end));
            next = e->rows->data;
        }
        int32_t id = c.draws ? ids[row++] : -1;
        if (!c.draws || !c.sequence) continue;
        const float *logits = wants_row(e, &c) ? next : NULL;
        if (logits) next += e->info.vocab;
        settle(c.sequence, c.sequence->needs_logits ? draw_here(e, c.sequence, logits, e->keep_logits)
                                                    : take_drawn(e, c.sequence, id, logits));
    }
    return HD_OK;
}

/* ---- drawn here ---- */

/* Brings the logits of a step here, which the last stage may not have computed yet. */
static hd_status await_logits(hd_engine *e, const hdi_flight *f, void **logits) {
    if (!e->runner.back.plan) return hd_executor_output(e->runner.executor, "logits", logits);
    int64_t begin = hdi_phase_begin(&e->trace);
    HD_TRY(hdi_return_run(&e->runner.back, f->n_rows));
    hdi_phase_end(&e->trace, HDI_PHASE_WAIT, begin);
    return hdi_return_logits(&e->runner.back, logits);
}

static hd_status deliver_here(hd_engine *e, const hdi_flight *f) {
    void *logits = NULL;
    if (f->n_rows == 0) return HD_OK;
    HD_TRY(await_logits(e, f, &logits));
    const float *row = logits;
    for (int32_t i = 0; i < f->n_chunks; i++) {
        const hdi_chunk c = f->chunks[i];
        if (!c.draws) continue;
        if (c.sequence) settle(c.sequence, draw_here(e, c.sequence, row, true));
        row += e->info.vocab;
    }
    return HD_OK;
}

hd_status hdi_engine_deliver(hd_engine *e, hdi_flight *f) { return e->late ? deliver_late(e, f) : deliver_here(e, f); }
