/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that wait for other ranks. A worker that looks at one has no claim on it: by the time it takes its place, another may
 * have started it, and the place may hold a later step that waits. So who takes looks again, and puts it back if it must. */
#include "task/tasks.h"

static bool signals_seen(const hdi_tasks *tasks, uint32_t step) {
    HDI_SHARED_POINT();
    return !HDI_EDGE(REMOTE_WAIT) || hdi_exchange_ready(tasks->executor, step);
}

void hdi_tasks_ready(hdi_tasks *tasks, int worker, uint32_t step) {
    const hdi_bound_step *bound = &tasks->executor->steps[step];
    if (!bound->n_pieces || !bound->listens || signals_seen(tasks, step)) {
        hdi_tasks_start(tasks, worker, step);
        return;
    }
    hdi_place *place = hdi_ring_place(&tasks->ring, step);
    hdi_quiet_store(&place->parked_at, hdi_exchange_park(tasks->executor, step), relaxed);
    if (HDI_EDGE(PARK)) hdi_slot_set_put(&tasks->parked, step & (tasks->ring.size - 1));
}

/* Takes what is parked at `slot`, if nobody else has; starts it or puts it back. */
static void take(hdi_tasks *tasks, int worker, uint32_t slot, bool closely) {
    hdi_place *place = &tasks->ring.places[slot];
    uint32_t looked_at = hdi_load(&place->step, relaxed);
    if (!closely && !signals_seen(tasks, looked_at)) return;
    if (!hdi_slot_set_take(&tasks->parked, slot) && HDI_EDGE(PARK_CLAIM)) return;
    uint32_t step = hdi_quiet_load(&place->step, relaxed);
    if (!HDI_EDGE(PARK_AGAIN) || signals_seen(tasks, step)) {
        hdi_exchange_goes_on(tasks->executor);
        hdi_tasks_start(tasks, worker, step);
        return;
    }
    if (closely) {
        int64_t since = hdi_quiet_load(&place->parked_at, relaxed);
        hd_status status = hdi_exchange_overdue(tasks->executor, step, since);
        if (status != HD_OK) hdi_tasks_fail(tasks, status);
    }
    hdi_slot_set_put(&tasks->parked, slot);
}

static void look_at_all(hdi_tasks *tasks, int worker, bool closely) {
    uint64_t left = hdi_load(&tasks->parked, relaxed); /* who takes one acquires */
    for (; left; left &= left - 1) take(tasks, worker, (uint32_t)__builtin_ctzll(left), closely);
}

/* What failed, and what this rank was waiting for. */
static void progress(hdi_tasks *tasks, bool closely) {
    hd_status status = hdi_exchange_progress(tasks->executor, closely);
    if (status == HD_OK) return;
    uint64_t parked = hdi_load(&tasks->parked, acquire);
    hdi_place *place = parked ? &tasks->ring.places[__builtin_ctzll(parked)] : NULL;
    hd_status why =
        place ? hdi_exchange_overdue(tasks->executor, hdi_load(&place->step, relaxed), hdi_quiet_load(&place->parked_at, relaxed))
              : HD_OK;
    hdi_tasks_fail(tasks, why != HD_OK ? why : status);
}

/* Tells what the first of the parked steps waits for, for reports; who starts one takes that back. */
static void say(const hdi_tasks *tasks) {
    uint64_t left = hdi_quiet_load(&tasks->parked, relaxed);
    uint32_t first = UINT32_MAX;
    for (; left; left &= left - 1) {
        uint32_t step = hdi_quiet_load(&tasks->ring.places[__builtin_ctzll(left)].step, relaxed);
        if (step < first) first = step;
    }
    if (first != UINT32_MAX) hdi_exchange_stands(tasks->executor, first);
}

void hdi_tasks_poll(hdi_tasks *tasks, int worker) {
    if (!hdi_quiet_load(&tasks->parked, relaxed) || !HDI_EDGE(POLL)) return;
    progress(tasks, false);
    look_at_all(tasks, worker, false);
}

void hdi_tasks_watch(hdi_tasks *tasks, int worker) {
    if (!HDI_EDGE(POLL)) return;
    progress(tasks, true);
    if (hdi_quiet_load(&tasks->failed, relaxed)) return;
    look_at_all(tasks, worker, true);
    say(tasks);
}
