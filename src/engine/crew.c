/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/crew.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/wait.h"
#include "comm/domain.h"
#include "task/trace.h"

enum { LEADER = 0, TOLD = 0, HEARD = 1, SIGNALS }; /* signals: of the leader to each follower, and back */

enum { NAP_NS = 20000000 };

typedef struct frost {
    int64_t seen_ns, last_ns; /* how long the leader was seen stopped; the last look */
} frost;

/* Has the leader been stopped for as long as a wait may take? Only what this rank has watched counts: when all were stopped
 * together nobody is to blame. */
static hd_status look_at_leader(hd_domain *domain, frost *f) {
    int64_t now = hdi_now_ns(), watched = hdi_min_i64(now - f->last_ns, 2 * NAP_NS);
    f->last_ns = now;
    bool frozen = domain->transport->frozen && domain->transport->frozen(domain, LEADER);
    f->seen_ns = frozen ? f->seen_ns + watched : 0;
    if (f->seen_ns < domain->timeout_ns) return HD_OK;
    char what[96];
    snprintf(what, sizeof what, "waited for the next step of rank 0, which has stood still for %.2f s", (double)f->seen_ns * 1e-9);
    return hdi_domain_give_up(domain, LEADER, what);
}

/* Nothing may be asked of a model for days, so a follower waits without a deadline; but a leader that is gone or stopped is
 * noticed. */
static hd_status wait_long(hd_window *window, uint64_t value) {
    hd_domain *domain = window->domain;
    frost leader = {0, hdi_now_ns()};
    const hdi_signal *signal = hdi_signal_of(window, LEADER, TOLD);
    for (uint32_t turn = 0; !hd_signal_test(window, LEADER, TOLD, value); turn++) {
        if (hdi_domain_failed(domain)) return hd_domain_check(domain);
        if (turn < domain->spins + HDI_YIELDS) {
            hdi_wait_turn(turn, domain->spins);
            continue;
        }
        HD_TRY(hd_domain_check(domain));
        HD_TRY(look_at_leader(domain, &leader));
        hdi_domain_awaits(domain, LEADER);
        domain->transport->doze(window, signal, value - 1, NAP_NS);
        hdi_domain_awaits(domain, -1);
    }
    return HD_OK;
}

/* ---- beginning ---- */

typedef struct call {
    uint32_t magic, size;
    hdi_step_limits step;
    int32_t kind, threads, uses_rope_lengths;
} call;

enum { MAGIC = 0x68645257 };

/* The leader's call, on all ranks. */
static hd_status share_call(hd_domain *domain, call *it) {
    call *all;
    HD_TRY(hdi_alloc(&all, (size_t)hd_domain_ranks(domain), sizeof *all, "an engine of several ranks"));
    hd_status status = hd_domain_allgather(domain, it, sizeof *it, all);
    *it = all[LEADER];
    hdi_free(all);
    HD_TRY(status);
    HD_REQUIRE(it->magic == MAGIC && it->size == sizeof *it, HD_COMM, "rank 0 leads with another version of Heddle");
    return HD_OK;
}

hd_status hdi_crew_call(const hd_model *model, const hdi_runner_options *options) {
    hd_domain *domain = hdi_model_domain(model);
    hd_window *calls = hdi_model_calls(model);
    call it;
    memset(&it, 0, sizeof it); /* no padding of ours goes to other machines */
    it.magic = MAGIC;
    it.size = sizeof it;
    it.step = options->step;
    it.kind = (int32_t)options->kind;
    it.threads = options->threads;
    it.uses_rope_lengths = options->uses_rope_lengths;
    uint64_t number = *(uint64_t *)hd_window_segment(calls, LEADER) += 1; /* the leader's own segment: how often it has called */
    for (int32_t r = 1; r < domain->ranks; r++) HD_TRY(hd_signal_raise(calls, r, TOLD, number));
    return share_call(domain, &it);
}

hd_status hdi_crew_hear(const hd_model *model, uint64_t number, hdi_runner_options *options, bool *more) {
    hd_window *calls = hdi_model_calls(model);
    call it = {0};
    HD_TRY(wait_long(calls, number));
    *more = hd_signal_value(calls, LEADER, TOLD) != HDI_NO_MORE_CALLS;
    if (!*more) return HD_OK;
    HD_TRY(share_call(hdi_model_domain(model), &it));
    options->step = it.step;
    options->kind = (hd_executor_kind)it.kind;
    if (options->threads == 0) options->threads = it.threads;
    options->uses_rope_lengths = it.uses_rope_lengths != 0;
    return HD_OK;
}

hd_status hdi_crew_open(hdi_crew *crew, hd_domain *domain, const hdi_batch *batch) {
    *crew = (hdi_crew){.domain = domain,
                       .room = hdi_align_up(sizeof(hdi_crew_order) + hdi_batch_message_room(batch), HDI_CACHE_LINE)};
    return hd_window_create(domain, NULL, 2 * crew->room, SIGNALS, &crew->window);
}

void hdi_crew_close(hdi_crew *crew) {
    hd_window_destroy(crew->window);
    *crew = (hdi_crew){0};
}

/* ---- the leader ---- */

static hd_status tell_all(hdi_crew *crew, size_t at, size_t bytes) {
    for (int32_t r = 1; r < crew->domain->ranks; r++) HD_TRY(hd_put_signal(crew->window, r, at, bytes, TOLD, crew->messages));
    return HD_OK;
}

/* Where the next message goes, once everybody has read what is there. */
static hd_status next_place(hdi_crew *crew, size_t *at) {
    *at = crew->messages % 2 * crew->room;
    for (int32_t r = 1; r < crew->domain->ranks && crew->messages >= 2; r++)
        HD_TRY(hd_signal_wait(crew->window, r, HEARD, crew->messages - 1, "the engine's steps"));
    crew->messages++;
    return HD_OK;
}

static hdi_crew_order order_of(const hdi_crew *crew, hdi_crew_what what) {
    hdi_crew_order order = {.what = (uint32_t)what};
    if (crew->trace) {
        order.trace = crew->traces;
        order.spans = crew->trace->room;
        order.phase = (uint32_t)crew->trace->phase;
        order.whole_runs = crew->trace->whole_runs;
    }
    return order;
}

hd_status hdi_crew_tell(hdi_crew *crew, const hdi_batch *batch) {
    const hdi_crew_order order = order_of(crew, HDI_CREW_STEP);
    size_t at;
    crew->owed |= crew->trace != NULL;
    HD_TRY(next_place(crew, &at));
    uint8_t *message = (uint8_t *)hd_window_segment(crew->window, LEADER) + at;
    memcpy(message, &order, sizeof order);
    return tell_all(crew, at, sizeof order + hdi_batch_write(batch, message + sizeof order));
}

hd_status hdi_crew_ask(hdi_crew *crew, hdi_crew_what what) {
    const hdi_crew_order order = order_of(crew, what);
    size_t at;
    HD_TRY(next_place(crew, &at));
    memcpy((uint8_t *)hd_window_segment(crew->window, LEADER) + at, &order, sizeof order);
    return tell_all(crew, at, sizeof order);
}

hd_status hdi_crew_dismiss(hdi_crew *crew) { return hdi_crew_ask(crew, HDI_CREW_END); }

/* ---- a follower ---- */

hd_status hdi_crew_next(hdi_crew *crew, hdi_batch *batch, hdi_crew_order *order) {
    size_t at = crew->messages % 2 * crew->room;
    crew->messages++;
    HD_TRY(wait_long(crew->window, crew->messages));
    const uint8_t *message = (const uint8_t *)hd_window_segment(crew->window, LEADER) + at;
    memcpy(order, message, sizeof *order);
    if (order->what == HDI_CREW_STEP) hdi_batch_read(batch, message + sizeof *order);
    return hd_signal_raise(crew->window, LEADER, HEARD, crew->messages);
}
