/* SPDX-License-Identifier: Apache-2.0 */
#include "task/exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/wait.h"
#include "comm/window_device.h"
#include "graph/exchange.h"
#include "task/exchange_device.h"
#include "task/sched_point.h"
#include "task/tracer.h"

static hd_status check_domain(const hd_plan *plan, const hd_domain *domain) {
    HD_REQUIRE(domain, HD_INVALID_ARGUMENT, "the plan is rank %d's of %d: its executor needs their domain", plan->rank,
               plan->ranks);
    HD_REQUIRE(domain->rank == plan->rank && domain->ranks == plan->ranks, HD_INVALID_ARGUMENT,
               "the plan is rank %d's of %d, and the domain's end is rank %d's of %d", plan->rank, plan->ranks, domain->rank,
               domain->ranks);
    return HD_OK;
}

hd_status hdi_exchange_create(hd_executor *executor, hd_domain *domain) {
    const hd_plan *plan = executor->plan;
    hdi_exchange *x;
    HD_TRY(check_domain(plan, domain));
    HD_TRY(hdi_exchange_verify(plan, domain));
    HD_TRY(hdi_calloc(&x, 1, sizeof *x, "an executor's window"));
    executor->exchange = x;
    x->domain = domain;
    HD_TRY(hdi_calloc(&x->complete, plan->n_triggers, sizeof *x->complete, "an executor's window"));
    HD_TRY(hd_window_create(domain, executor->device, plan->segment_bytes, plan->n_events, &x->window));
    for (uint32_t i = 1; i < plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(plan)[i];
        if (slot->kind == HDI_SLOT_SEGMENT) executor->slot[i] = hd_window_segment(x->window, slot->rank);
    }
    return hdi_window_on_device(x->window) ? hdi_exchange_device_create(executor) : HD_OK;
}

/* Others may still be in the last run, reading what lies in this rank's segment: waits for the ends of it that this rank's plan
 * listens to (who reads tells, so that the next run may write). A failed domain has nobody to wait for. */
static void await_readers(const hd_executor *executor) {
    const hdi_exchange *x = executor->exchange;
    const hdi_plan_remote *r = hdi_plan_remotes(executor->plan);
    if (!x->window || hdi_window_on_device(x->window)) return;
    for (uint32_t i = 0; i < executor->plan->n_remotes; i++)
        if (r[i].event == HDI_EVENT_END && !hdi_domain_failed(x->domain) &&
            hd_signal_wait(x->window, r[i].rank, HDI_EVENT_END, x->run, "the end of the last run") != HD_OK)
            return; /* it has ended the domain: the others know */
}

void hdi_exchange_destroy(hd_executor *executor) {
    hdi_exchange *x = executor->exchange;
    if (!x) return;
    await_readers(executor);
    hdi_exchange_device_destroy(executor);
    hd_window_destroy(x->window);
    hdi_free(x->complete);
    hdi_free(x);
}

static int64_t beat(const hdi_exchange *x, uint32_t step) {
    int64_t now = hdi_now_ns();
    hdi_domain_beat(x->domain, x->run, step, now);
    return now;
}

void hdi_exchange_abort(hd_executor *executor, hd_status status) {
    char message[1024];
    if (!executor->exchange) return;
    snprintf(message, sizeof message, "%s", hd_last_error());
    hd_domain_abort(executor->exchange->domain, status, message);
    (void)hdi_fail(status, "%s", message);
}

/* Whoever fails tells the others why, before they wait for it in vain. */
static hd_status give_up(hd_executor *executor, hd_status status) {
    if (status != HD_OK) hdi_exchange_abort(executor, status);
    return status;
}

hd_status hdi_exchange_check(hd_executor *executor) {
    return executor->exchange && executor->exchange->on_device ? hdi_exchange_device_check(executor) : HD_OK;
}

hd_status hdi_exchange_begin(hd_executor *executor) {
    hdi_exchange *x = executor->exchange;
    if (!x) return HD_OK;
    if (hdi_quiet_load(x->domain->failed, relaxed)) HD_TRY(hd_domain_check(x->domain));
    HDI_WRITES(x->run);
    x->run++;
    hdi_exchange_goes_on(executor);
    (void)beat(x, 0);
    return HD_OK;
}

hd_status hdi_exchange_end(hd_executor *executor) {
    hdi_exchange *x = executor->exchange;
    if (!x) return HD_OK;
    for (int32_t r = 0; r < executor->plan->ranks; r++)
        if ((executor->plan->end_ranks >> r & 1u) && HDI_EDGE(RUN_END))
            HD_TRY(give_up(executor, hd_signal_raise(x->window, r, 0, x->run)));
    return HD_OK;
}

/* Where the counter stands when all of it is there. */
static uint64_t value_of(const hd_executor *executor, const hdi_plan_remote *remote) {
    HDI_READS(executor->exchange->run);
    uint64_t run = executor->exchange->run;
    return run > remote->lag ? (run - remote->lag) * hdi_plan_events(executor->plan)[remote->event].chunks : 0;
}

bool hdi_exchange_ready(const hd_executor *executor, uint32_t s) {
    const hdi_plan_step *step = &hdi_plan_steps(executor->plan)[s];
    const hdi_plan_remote *remotes = hdi_plan_remotes(executor->plan) + step->first_remote;
    for (uint32_t i = 0; i < step->n_remotes; i++)
        if (!hdi_signal_seen(executor->exchange->window, remotes[i].rank, remotes[i].event, value_of(executor, &remotes[i])))
            return false;
    return true;
}

hd_status hdi_exchange_wait(hd_executor *executor, uint32_t s, int worker) {
    const hdi_exchange *x = executor->exchange;
    const hdi_plan_step *step = &hdi_plan_steps(executor->plan)[s];
    const hdi_plan_remote *remotes = hdi_plan_remotes(executor->plan) + step->first_remote;
    if (hdi_exchange_ready(executor, s)) return HD_OK;
    (void)beat(x, s);
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        const hdi_plan_remote *r = &remotes[i];
        uint64_t value = value_of(executor, r);
        if (hdi_signal_seen(x->window, r->rank, r->event, value)) continue;
        int64_t began = hdi_tracer_begin(executor->tracer);
        HD_TRY(give_up(executor, hd_signal_wait(x->window, r->rank, r->event, value, hdi_plan_name(executor->plan, step->name))));
        hdi_tracer_wait(executor->tracer, s, worker, began, r->rank, r->event);
    }
    return HD_OK;
}

int64_t hdi_exchange_park(hd_executor *executor, uint32_t s) { return beat(executor->exchange, s); }

void hdi_exchange_stands(hd_executor *executor, uint32_t s) {
    const hdi_exchange *x = executor->exchange;
    const hdi_plan_step *step = &hdi_plan_steps(executor->plan)[s];
    const hdi_plan_remote *r = hdi_plan_remotes(executor->plan) + step->first_remote;
    (void)beat(x, s);
    for (uint32_t i = 0; i < step->n_remotes; i++)
        if (!hdi_signal_seen(x->window, r[i].rank, r[i].event, value_of(executor, &r[i]))) {
            hdi_domain_awaits_signal(x->domain, r[i].rank, r[i].event);
            /* It came meanwhile: who saw it may have started the step, and looked at what is said, before it was said. */
            if (hdi_signal_seen(x->window, r[i].rank, r[i].event, value_of(executor, &r[i]))) hdi_domain_goes_on(x->domain);
            return;
        }
}

hd_status hdi_exchange_progress(hd_executor *executor, bool closely) {
    hd_domain *domain = executor->exchange->domain;
    if (domain->transport->poll) HD_TRY(give_up(executor, domain->transport->poll(domain)));
    return closely || hdi_quiet_load(domain->failed, relaxed) ? hd_domain_check(domain) : HD_OK;
}

hd_status hdi_exchange_overdue(hd_executor *executor, uint32_t s, int64_t since) {
    const hdi_exchange *x = executor->exchange;
    const hdi_plan_step *step = &hdi_plan_steps(executor->plan)[s];
    const hdi_plan_remote *r = hdi_plan_remotes(executor->plan) + step->first_remote;
    int64_t waited = beat(x, s) - since;
    bool over = waited > x->domain->timeout_ns || hdi_domain_failed(x->domain);
    for (uint32_t i = 0; i < step->n_remotes; i++) {
        /* Looked at before the signal: what a rank that left has raised, it raised before. */
        bool left = hdi_load(&x->domain->states[r[i].rank].left, acquire);
        if ((over || left) && !hdi_signal_seen(x->window, r[i].rank, r[i].event, value_of(executor, &r[i])))
            return give_up(executor, hdi_wait_failed(x->window, r[i].rank, r[i].event, value_of(executor, &r[i]),
                                                     hdi_plan_name(executor->plan, step->name), waited));
    }
    return HD_OK;
}

/* The bytes of piece `piece` of a result cut along its rows, from the beginning of the segment. */
static void piece_bytes(const hdi_operand *t, const uint8_t *segment, int32_t piece, int32_t pieces, size_t *at, size_t *bytes) {
    int64_t rows = t->rank ? t->shape[0] : 1, row = 1, first = rows * piece / pieces, end = rows * (piece + 1) / pieces;
    for (int i = 1; i < t->rank; i++) row *= t->shape[i];
    size_t row_bytes = (size_t)row * hd_dtype_block_bytes((hd_dtype)t->dtype);
    *at = (size_t)((const uint8_t *)t->data - segment) + (size_t)first * row_bytes;
    *bytes = (size_t)(end - first) * row_bytes;
}

/* Sends piece `piece` to the trigger's ranks; a piece that is all of it comes with the signal. */
static hd_status send(hd_executor *executor, const hdi_plan_trigger *t, uint32_t s, int32_t piece, int32_t pieces, int worker) {
    const hdi_exchange *x = executor->exchange;
    HDI_READS(x->run);
    const uint8_t *segment = hd_window_segment(x->window, executor->plan->rank);
    uint64_t value = x->run * hdi_plan_events(executor->plan)[t->event].chunks;
    size_t at, bytes;
    piece_bytes(&executor->operands[t->operand], segment, piece, pieces, &at, &bytes);
    for (int32_t r = 0; r < executor->plan->ranks; r++) {
        if (!(t->ranks >> r & 1u)) continue;
        int64_t began = hdi_tracer_begin(executor->tracer);
        HD_TRY(pieces == 1 ? hd_put_signal(x->window, r, at, bytes, t->event, value) : hd_put(x->window, r, at, bytes));
        hdi_tracer_sent(executor->tracer, s, worker, began, r, bytes);
    }
    return HD_OK;
}

static hd_status trigger(hd_executor *executor, uint32_t s, uint32_t index, int32_t piece, int32_t pieces, int worker) {
    const hdi_exchange *x = executor->exchange;
    const hdi_plan_trigger *t = &hdi_plan_triggers(executor->plan)[index];
    uint32_t chunks = hdi_plan_events(executor->plan)[t->event].chunks;
    HD_TRY(send(executor, t, s, piece, pieces, worker));
    if (pieces == 1) return HD_OK;
    uint32_t ended = (hdi_fetch_add(&x->complete[index], 1, acq_rel) + 1) % (uint32_t)pieces;
    uint64_t value = (x->run - 1) * chunks + (ended ? (uint64_t)ended : chunks);
    for (int32_t r = 0; r < executor->plan->ranks; r++)
        if (t->ranks >> r & 1u) HD_TRY(hd_signal_raise(x->window, r, t->event, value));
    return HD_OK;
}

hd_status hdi_exchange_trigger(hd_executor *executor, uint32_t s, int32_t piece, int32_t pieces, int worker) {
    const hdi_plan_step *step = &hdi_plan_steps(executor->plan)[s];
    for (uint32_t i = 0; i < step->n_triggers; i++)
        HD_TRY(give_up(executor, trigger(executor, s, step->first_trigger + i, piece, pieces, worker)));
    return HD_OK;
}
