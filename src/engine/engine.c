/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in, tokens out, and the figures: the calls around hd_engine_step. */
#include "engine/engine.h"

#include "base/memory.h"
#include "task/executor.h"

hd_status hd_engine_submit(hd_engine *e, const hd_request *request, hd_sequence **out) {
    hd_sequence *s;
    HD_REQUIRE(e && request && out, HD_INVALID_ARGUMENT,
               "hd_engine_submit needs an engine, a request and a place for the result");
    *out = NULL;
    HD_TRY(hdi_sequence_create(request, &e->request_limits, &s));
    hd_status status = s->needs_logits ? hdi_engine_make_rows(e) : HD_OK;
    if (status != HD_OK) {
        hdi_sequence_free(s);
        return status;
    }
    s->engine = e;
    s->number = e->submitted++;
    s->next = e->sequences;
    if (s->next) s->next->previous = s;
    e->sequences = s;
    hdi_scheduler_add(&e->scheduler, s);
    *out = s;
    return HD_OK;
}

void hd_sequence_cancel(hd_sequence *s) {
    if (s && s->finish == HD_FINISH_NONE) hdi_engine_finish(s, HD_FINISH_CANCELLED, false, true);
}

void hd_sequence_release(hd_sequence *s) {
    if (!s) return;
    hd_sequence_cancel(s);
    if (s->engine && s->engine->sequences == s) s->engine->sequences = s->next;
    if (s->previous) s->previous->next = s->next;
    if (s->next) s->next->previous = s->previous;
    hdi_sequence_free(s);
}

hd_status hd_sequence_next(hd_sequence *s, hd_token *token, bool *have) {
    HD_REQUIRE(s && token && have, HD_INVALID_ARGUMENT, "hd_sequence_next needs a sequence and places for the results");
    *have = hdi_output_next(&s->output, token);
    return HD_OK;
}

hd_finish hd_sequence_finish_reason(const hd_sequence *s) { return s->finish; }

const char *hd_sequence_error(const hd_sequence *s) { return s->error; }

const float *hd_sequence_logits(const hd_sequence *s) {
    bool fresh = s->engine && s->logits && s->logits_call == s->engine->calls;
    return fresh ? s->logits : NULL;
}

void hd_engine_get_stats(const hd_engine *e, hd_engine_stats *out) {
    *out = e->stats;
    out->kv_pages = e->pages.total;
    out->kv_pages_used = hdi_kv_pages_used(&e->pages);
    out->kv_pages_peak = e->pages.peak;
    out->kv_bytes = e->limits.kv_bytes;
    out->arena_bytes = hd_plan_arena_bytes(e->runner.plan);
    out->threads = hdi_executor_kind_has_threads(e->kind) ? e->limits.threads : 1;
    out->running = e->scheduler.n_running;
    out->waiting = e->scheduler.n_waiting;
    out->device = e->device;
    out->executor = e->kind;
}
