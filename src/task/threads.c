/* SPDX-License-Identifier: Apache-2.0 */
/* The threaded executor. Each worker walks through all steps in order and does its own share of the items of each: the same share
 * in every run, so that a worker meets the same weights again. No barrier: before a step a worker waits only until the others
 * have passed the steps that it depends on, which each of them publishes in one counter of its own. What other ranks tell, each
 * worker looks at itself; what they are told, the worker tells that ends a step last. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/shared.h"
#include "task/exchange.h"
#include "task/tracer.h"

/* How far a worker has come: run x steps + steps ended. Monotonic over all runs, so nothing is ever reset. */
struct hdi_progress {
    _Alignas(HDI_CACHE_LINE) _Atomic uint64_t ended;
};

/* What workers share of the ranks' side. */
struct hdi_team {
    _Atomic uint64_t *arrived; /* by piece: workers that have done their share, over all runs */
    atomic_bool failed;        /* somebody waited in vain: everybody leaves the walk */
    hd_status status;          /* his; with his sentence */
    char message[512];
};

hd_status hdi_threads_create(hd_executor *executor, int32_t threads) {
    size_t bytes = sizeof *executor->progress * (size_t)threads;
    HD_TRY(hdi_alloc_aligned(&executor->progress, bytes, "an executor"));
    memset(executor->progress, 0, bytes);
    HD_TRY(hdi_calloc(&executor->team, 1, sizeof *executor->team, "an executor"));
    if (executor->exchange) HD_TRY(hdi_calloc(&executor->team->arrived, executor->n_pieces, sizeof(uint64_t), "an executor"));
    return hdi_pool_create(threads, &executor->pool);
}

void hdi_threads_destroy(hd_executor *executor) {
    hdi_pool_destroy(executor->pool);
    hdi_free_aligned(executor->progress);
    if (executor->team) hdi_free(executor->team->arrived);
    hdi_free(executor->team);
}

/* Keeps the first failure, for the thread that called. */
static void give_up(struct hdi_team *team, hd_status status) {
    bool before = false;
    if (!hdi_swap_if(&team->failed, &before, true, relaxed)) return; /* the pool orders what follows */
    HDI_WRITES(team->status);
    team->status = status;
    snprintf(team->message, sizeof team->message, "%s", hd_last_error());
}

/* Waits until every worker has ended `target` steps, counted as progress is. `seen` is a lower bound of all of them. */
static bool wait_for_all(hd_executor *executor, int workers, uint64_t target, uint64_t *seen) {
    if (*seen >= target) return true;
    uint64_t least = UINT64_MAX;
    for (int w = 0; w < workers; w++) {
        hdi_backoff backoff = hdi_pool_backoff(executor->pool);
        uint64_t ended;
        while ((ended = hdi_load(&executor->progress[w].ended, acquire)) < target) {
            if (hdi_quiet_load(&executor->team->failed, relaxed)) return false;
            hdi_backoff_turn(&backoff);
        }
        if (ended < least) least = ended;
    }
    *seen = least;
    return true;
}

/* Worker `w`'s share of a piece's items: whole grains, evenly; which part of them it is. */
static double run_share(const hdi_bound_step *step, const hdi_piece *piece, int w, int workers, void *scratch) {
    int64_t items = piece->work.items, grains = hdi_ceil_div(items, piece->work.grain);
    int64_t begin = grains * w / workers * piece->work.grain;
    int64_t end = hdi_min_i64(grains * (w + 1) / workers * piece->work.grain, items);
    if (begin >= end) return 0;
    step->fn(piece->call, begin, end, scratch);
    return (double)(end - begin) / (double)items;
}

/* Tells other ranks of a piece, when this worker is the last to have done its share. */
static hd_status arrive(hd_executor *executor, uint32_t s, int32_t p, int w, int workers) {
    const hdi_bound_step *step = &executor->steps[s];
    _Atomic uint64_t *arrived = &executor->team->arrived[&step->pieces[p] - executor->pieces];
    uint64_t n = hdi_fetch_add(arrived, 1, acq_rel) + 1;
    return n % (uint64_t)workers ? HD_OK : hdi_exchange_trigger(executor, s, p, step->n_pieces, w);
}

static hd_status run_step(hd_executor *executor, uint32_t s, int w, int workers) {
    const hdi_bound_step *step = &executor->steps[s];
    void *scratch = executor->scratch + (size_t)w * executor->scratch_bytes;
    if (step->listens) HD_TRY(hdi_exchange_wait(executor, s, w));
    int64_t began = hdi_tracer_begin(executor->tracer);
    double share = 0;
    for (int32_t p = 0; p < step->n_pieces; p++) {
        share += run_share(step, &step->pieces[p], w, workers, scratch) / step->n_pieces;
        if (step->tells) HD_TRY(arrive(executor, s, p, w, workers));
    }
    if (share > 0) hdi_tracer_end(executor->tracer, s, w, began, share);
    return HD_OK;
}

static void walk(void *user, int w) {
    hd_executor *executor = user;
    int workers = hdi_pool_workers(executor->pool);
    HDI_READS(executor->run);
    uint64_t base = executor->run * executor->plan->n_steps, seen = base;
    for (uint32_t s = 0; s < executor->plan->n_steps; s++) {
        const hdi_bound_step *step = &executor->steps[s];
        if (step->n_pieces == 0) continue; /* nobody waits for it: see pieces.c */
        if (step->wait >= 0 && !wait_for_all(executor, workers, base + (uint64_t)step->wait + 1, &seen)) return;
        hd_status status = run_step(executor, s, w, workers);
        if (status != HD_OK) {
            give_up(executor->team, status);
            return;
        }
        hdi_store(&executor->progress[w].ended, base + s + 1, release);
    }
}

hd_status hdi_run_threads(hd_executor *executor) {
    struct hdi_team *team = executor->team;
    hdi_pool_run(executor->pool, walk, executor);
    HDI_WRITES(executor->run);
    executor->run++;
    if (!hdi_quiet_load(&team->failed, relaxed)) return HD_OK; /* the pool has ordered it */
    HDI_READS(team->status);
    return hdi_fail(team->status, "%s", team->message);
}
