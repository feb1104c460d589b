/* SPDX-License-Identifier: Apache-2.0 */
/* The threaded executor. Each worker walks through all steps in order and does its own share of the items of each: the same share
 * in every run, so that a worker meets the same weights again. No barrier: before a step a worker waits only until the others
 * have passed the steps that it depends on, which each of them publishes in one counter of its own. */
#include <string.h>

#include "base/memory.h"
#include "task/tracer.h"

/* How far a worker has come: run x steps + steps ended. Monotonic over all runs, so nothing is ever reset. */
struct hdi_progress {
    _Alignas(HDI_CACHE_LINE) _Atomic uint64_t ended;
};

hd_status hdi_threads_create(hd_executor *executor, int32_t threads) {
    size_t bytes = sizeof *executor->progress * (size_t)threads;
    HD_TRY(hdi_alloc_aligned(&executor->progress, bytes, "an executor"));
    memset(executor->progress, 0, bytes);
    return hdi_pool_create(threads, &executor->pool);
}

void hdi_threads_destroy(hd_executor *executor) {
    hdi_pool_destroy(executor->pool);
    hdi_free_aligned(executor->progress);
}

/* Waits until every worker has ended `target` steps, counted as progress is. `seen` is a lower bound of all of them. */
static void wait_for_all(hd_executor *executor, int workers, uint64_t target, uint64_t *seen) {
    if (*seen >= target) return;
    uint64_t least = UINT64_MAX;
    for (int w = 0; w < workers; w++) {
        hdi_backoff backoff = hdi_pool_backoff(executor->pool);
        uint64_t ended;
        while ((ended = atomic_load_explicit(&executor->progress[w].ended, memory_order_acquire)) < target)
            hdi_backoff_turn(&backoff);
        if (ended < least) least = ended;
    }
    *seen = least;
}

/* Worker `w`'s share of the items: whole grains, evenly. */
static void run_share(const hd_executor *executor, uint32_t s, int w, int workers, void *scratch) {
    const hdi_bound_step *step = &executor->steps[s];
    int64_t items = step->work.items, grains = hdi_ceil_div(items, step->work.grain);
    int64_t begin = grains * w / workers * step->work.grain;
    int64_t end = hdi_min_i64(grains * (w + 1) / workers * step->work.grain, items);
    if (begin >= end) return;
    int64_t began = hdi_tracer_begin(executor->tracer);
    step->fn(&executor->calls[s], begin, end, scratch);
    hdi_tracer_end(executor->tracer, s, w, began, (double)(end - begin) / (double)items);
}

static void walk(void *user, int w) {
    hd_executor *executor = user;
    int workers = hdi_pool_workers(executor->pool);
    uint64_t base = executor->run * executor->plan->n_steps, seen = base;
    void *scratch = executor->scratch + (size_t)w * executor->scratch_bytes;
    for (uint32_t s = 0; s < executor->plan->n_steps; s++) {
        const hdi_bound_step *step = &executor->steps[s];
        if (step->wait >= 0) wait_for_all(executor, workers, base + (uint64_t)step->wait + 1, &seen);
        run_share(executor, s, w, workers, scratch);
        atomic_store_explicit(&executor->progress[w].ended, base + s + 1, memory_order_release);
    }
}

void hdi_run_threads(hd_executor *executor) {
    hdi_pool_run(executor->pool, walk, executor);
    executor->run++;
}
