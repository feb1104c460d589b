/* SPDX-License-Identifier: Apache-2.0 */
/* The executor "tasks": what it is made of, and its runs. All memory is made here, none while running. */
#include "task/tasks.h"

#include <stdio.h>
#include <string.h>

hd_status hdi_tasks_make(hd_executor *executor, int32_t workers, uint32_t ring, hdi_tasks **out) {
    hdi_tasks *tasks;
    size_t bytes = sizeof *tasks->workers * (size_t)workers;
    *out = NULL;
    HD_REQUIRE(executor->plan->n_steps <= HDI_MOST_STEPS, HD_UNSUPPORTED, "the plan has %u steps; the tasks executor takes %d",
               executor->plan->n_steps, HDI_MOST_STEPS);
    HD_TRY(hdi_alloc_aligned(&tasks, sizeof *tasks, "an executor"));
    memset(tasks, 0, sizeof *tasks);
    tasks->executor = executor;
    tasks->n_workers = workers;
    hdi_bed_init(&tasks->bed);
    *out = tasks;
    HD_TRY(hdi_alloc_aligned(&tasks->workers, bytes, "an executor"));
    memset(tasks->workers, 0, bytes);
    return hdi_ring_init(&tasks->ring, executor->plan, ring);
}

void hdi_tasks_free(hdi_tasks *tasks) {
    if (!tasks) return;
    hdi_ring_free(&tasks->ring);
    hdi_bed_free(&tasks->bed);
    hdi_free_aligned(tasks->workers);
    hdi_free_aligned(tasks);
}

hd_status hdi_tasks_create(hd_executor *executor, int32_t threads) {
    HD_TRY(hdi_tasks_make(executor, threads, HDI_RING_MOST, &executor->tasks));
    return hdi_pool_create(threads, &executor->pool);
}

void hdi_tasks_destroy(hd_executor *executor) { hdi_tasks_free(executor->tasks); }

void hdi_tasks_begin(hdi_tasks *tasks) {
    hdi_ring_begin(&tasks->ring);
    hdi_quiet_store(&tasks->parked, 0, relaxed);
    for (int w = 0; w < tasks->n_workers; w++) { /* a run that failed leaves ranges behind */
        hdi_worker *worker = &tasks->workers[w];
        hdi_quiet_store(&worker->letters, 0, relaxed);
        hdi_quiet_store(&worker->deque.top, hdi_quiet_load(&worker->deque.bottom, relaxed), relaxed);
        HDI_WRITES(worker->next);
        worker->next = 0;
        worker->backoff.turn = 0;
    }
}

void hdi_tasks_fail(hdi_tasks *tasks, hd_status status) {
    bool before = false;
    if (!hdi_swap_if(&tasks->failed, &before, true, seq_cst)) return;
    HDI_WRITES(tasks->status);
    tasks->status = status;
    snprintf(tasks->message, sizeof tasks->message, "%s", hd_last_error());
    if (HDI_EDGE(WAKE_FAIL)) hdi_bed_wake(&tasks->bed);
}

hd_status hdi_tasks_outcome(const hdi_tasks *tasks) {
    if (!hdi_quiet_load(&tasks->failed, relaxed)) return HD_OK; /* the pool has ordered it */
    HDI_READS(tasks->status);
    return hdi_fail(tasks->status, "%s", tasks->message);
}

static void work(void *user, int worker) { hdi_tasks_work(user, worker); }

hd_status hdi_run_tasks(hd_executor *executor) {
    hdi_tasks *tasks = executor->tasks;
    hdi_tasks_begin(tasks);
    for (int w = 0; w < tasks->n_workers; w++) tasks->workers[w].backoff.spins = hdi_pool_backoff(executor->pool).spins;
    hdi_pool_run(executor->pool, work, tasks);
    return hdi_tasks_outcome(tasks);
}
