/* SPDX-License-Identifier: Apache-2.0 */
/* One step: plan the chunks, run the model, draw a token for each sequence whose newest token was computed. */
#include <stdio.h>
#include <time.h>

#include "base/memory.h"
#include "engine/engine.h"

void hdi_engine_finish(hd_sequence *s, hd_finish reason, bool with_last, bool flush) {
    hdi_scheduler_remove(&s->engine->scheduler, s);
    s->finish = reason;
    if (hdi_output_finish(&s->output, reason, with_last, flush) != HD_OK && reason != HD_FINISH_ERROR) {
        snprintf(s->error, sizeof s->error, "%s", hd_last_error());
        s->finish = s->output.tokens[s->output.n - 1].finish = HD_FINISH_ERROR;
    }
}

/* The sentence is the thread's last error. */
static void finish_with_error(hd_sequence *s) {
    snprintf(s->error, sizeof s->error, "%s", hd_last_error());
    hdi_engine_finish(s, HD_FINISH_ERROR, false, false);
}

static bool ends(const hd_engine *e, const hd_sequence *s, int32_t token) {
    for (size_t i = 0; i < s->n_stop_tokens; i++)
        if (s->stop_tokens[i] == token) return true;
    for (int32_t i = 0; i < e->defaults.n_eos && !s->ignore_eos; i++)
        if (e->defaults.eos[i] == token) return true;
    return false;
}

static hd_status draw(hd_engine *e, hd_sequence *s, const float *logits) {
    hdi_history history = {s->tokens, s->n_prompt, s->n};
    hdi_draw drawn = {.top = hdi_output_next_top(&s->output)};
    bool stopped;
    HD_TRY(hdi_sampler_draw(&e->sampler, logits, &s->sampling, &history, s->top_logprobs, &drawn));
    s->logits = logits;
    s->logits_step = e->stats.steps;
    s->tokens[s->n++] = drawn.token;
    bool end = ends(e, s, drawn.token); /* such a token is no part of the text */
    HD_TRY(hdi_output_push(&s->output, drawn.token, !end, drawn.logprob, drawn.n_top, &stopped));
    if (end || stopped)
        hdi_engine_finish(s, HD_FINISH_STOP, true, !stopped);
    else if (s->n == s->limit)
        hdi_engine_finish(s, HD_FINISH_LENGTH, true, true);
    return HD_OK;
}

static hd_status draw_all(hd_engine *e) {
    void *logits = NULL;
    if (e->batch.n_rows) HD_TRY(hd_executor_output(e->executor, "logits", &logits));
    const float *row = logits;
    for (int32_t i = 0; i < e->scheduler.n_chunks; i++) {
        const hdi_chunk *chunk = &e->scheduler.chunks[i];
        chunk->sequence->computed += chunk->count;
        if (!chunk->draws) continue;
        if (draw(e, chunk->sequence, row) != HD_OK) finish_with_error(chunk->sequence);
        row += e->info.vocab;
    }
    return HD_OK;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void count_step(hd_engine *e, double seconds) {
    const hdi_scheduler *s = &e->scheduler;
    uint64_t prefill = 0, decode = 0, keys = 0;
    for (int32_t i = 0; i < s->n_chunks; i++) {
        *(s->chunks[i].prefill ? &prefill : &decode) += (uint64_t)s->chunks[i].count;
        keys += (uint64_t)(s->chunks[i].begin + s->chunks[i].count);
    }
    e->stats.prefill_tokens += prefill;
    e->stats.decode_tokens += decode;
    *(prefill ? &e->stats.prefill_seconds : &e->stats.decode_seconds) += seconds;
    if (!prefill) e->stats.decode_bytes += e->info.matrix_bytes_per_token + keys * e->limits.kv_token_bytes;
}

hd_status hd_engine_step(hd_engine *e, bool *busy) {
    double start = now();
    HD_REQUIRE(e && busy, HD_INVALID_ARGUMENT, "hd_engine_step needs an engine and a place for the result");
    *busy = false;
    hdi_scheduler_plan(&e->scheduler);
    if (e->scheduler.n_chunks == 0) return HD_OK;
    e->stats.steps++; /* logits of the step before are no longer valid */
    hdi_batch_fill(&e->batch, e->scheduler.chunks, e->scheduler.n_chunks);
    hd_status status = hdi_batch_run(&e->batch, e->executor);
    if (status == HD_OK) status = draw_all(e);
    if (status == HD_OK) count_step(e, now() - start);
    for (int32_t i = 0; status != HD_OK && i < e->scheduler.n_chunks; i++) finish_with_error(e->scheduler.chunks[i].sequence);
    *busy = e->scheduler.n_running > 0 || e->scheduler.n_waiting > 0;
    return status;
}
