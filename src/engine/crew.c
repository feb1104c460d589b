/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/crew.h"

#include <sched.h>
#include <string.h>

#include "base/memory.h"
#include "comm/domain.h"

enum { LEADER = 0, TOLD = 0, HEARD = 1, SIGNALS }; /* signals: of the leader to each follower, and back */

/* ---- beginning ---- */

typedef struct call {
    uint32_t magic, size;
    hdi_step_limits step;
    int32_t kind, uses_rope_lengths;
} call;

enum { MAGIC = 0x68645257 };

hd_status hdi_crew_call(hd_domain *domain, const hdi_runner_options *options) {
    call mine = {.magic = MAGIC,
                 .size = sizeof mine,
                 .step = options->step,
                 .kind = (int32_t)options->kind,
                 .uses_rope_lengths = options->uses_rope_lengths};
    call *all;
    HD_TRY(hdi_alloc(&all, (size_t)hd_domain_ranks(domain), sizeof *all, "an engine of several ranks"));
    hd_status status = hd_domain_allgather(domain, &mine, sizeof mine, all);
    hdi_free(all);
    return status;
}

hd_status hdi_crew_hear(hd_domain *domain, hdi_runner_options *options) {
    call mine = {0}, *all;
    HD_TRY(hdi_alloc(&all, (size_t)hd_domain_ranks(domain), sizeof *all, "an engine of several ranks"));
    hd_status status = hd_domain_allgather(domain, &mine, sizeof mine, all);
    mine = all[LEADER];
    hdi_free(all);
    HD_TRY(status);
    HD_REQUIRE(mine.magic == MAGIC && mine.size == sizeof mine, HD_COMM, "rank 0 leads with another version of Heddle");
    options->step = mine.step;
    options->kind = (hd_executor_kind)mine.kind;
    options->uses_rope_lengths = mine.uses_rope_lengths != 0;
    return HD_OK;
}

hd_status hdi_crew_open(hdi_crew *crew, hd_domain *domain, const hdi_batch *batch) {
    *crew = (hdi_crew){.domain = domain, .room = hdi_align_up(hdi_batch_message_room(batch), HDI_CACHE_LINE)};
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

hd_status hdi_crew_tell(hdi_crew *crew, const hdi_batch *batch) {
    size_t at;
    HD_TRY(next_place(crew, &at));
    return tell_all(crew, at, hdi_batch_write(batch, (uint8_t *)hd_window_segment(crew->window, LEADER) + at));
}

hd_status hdi_crew_dismiss(hdi_crew *crew) {
    size_t at;
    HD_TRY(next_place(crew, &at));
    return tell_all(crew, at, hdi_batch_write(NULL, (uint8_t *)hd_window_segment(crew->window, LEADER) + at));
}

/* ---- a follower ---- */

/* Nothing may be asked of the model for days, so there is no deadline; but a leader that is gone is noticed. */
static hd_status wait_for_step(hdi_crew *crew, uint64_t number) {
    enum { SPINS = 4000, YIELDS = 400 };
    const hdi_signal *signal = hdi_signal_of(crew->window, LEADER, TOLD);
    for (uint64_t turn = 0; !hd_signal_test(crew->window, LEADER, TOLD, number); turn++) {
        if (atomic_load_explicit(crew->domain->failed, memory_order_relaxed)) return hd_domain_check(crew->domain);
        if (turn < SPINS) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        } else if (turn < SPINS + YIELDS) {
            sched_yield();
        } else {
            crew->domain->transport->doze(crew->window, signal, number - 1, 20000000);
            HD_TRY(hd_domain_check(crew->domain));
        }
    }
    return HD_OK;
}

hd_status hdi_crew_next(hdi_crew *crew, hdi_batch *batch, bool *more) {
    size_t at = crew->messages % 2 * crew->room;
    crew->messages++;
    HD_TRY(wait_for_step(crew, crew->messages));
    *more = hdi_batch_read(batch, (const uint8_t *)hd_window_segment(crew->window, LEADER) + at);
    return hd_signal_raise(crew->window, LEADER, HEARD, crew->messages);
}
