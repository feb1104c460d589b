/* SPDX-License-Identifier: Apache-2.0 */
/* The task runtime: the inside of the executor "tasks". A step becomes ranges of chunks (chunks.h) once all that it waits for has
 * ended; workers take ranges from their deque (deque.h), their letters (what others made for them) and from one another. A step
 * that waits for other ranks is parked and holds nobody. docs/architecture.md has the whole picture. */
#ifndef HDI_TASK_TASKS_H
#define HDI_TASK_TASKS_H

#include "task/deque.h"
#include "task/exchange.h"
#include "task/ring.h"
#include "task/sleep.h"
#include "task/slot_set.h"

typedef struct hdi_worker {
    hdi_deque deque;
    _Alignas(HDI_CACHE_LINE) hdi_slot_set letters; /* places in the ring whose share for this worker nobody has begun */
    _Atomic uint64_t letter[HDI_RING_MOST];        /* the ranges */
    _Alignas(HDI_CACHE_LINE) uint64_t next;        /* a range that it does next and nobody can steal; 0: none */
    hdi_backoff backoff;
} hdi_worker;

typedef struct hdi_tasks {
    hd_executor *executor;
    int n_workers;
    hdi_worker *workers;
    hdi_ring ring;
    hdi_slot_set parked;
    hdi_bed bed;
    _Alignas(HDI_CACHE_LINE) atomic_bool failed; /* everybody leaves */
    hd_status status;                            /* the first failure, with its sentence */
    char message[512];
} hdi_tasks;

/* ring: steps in flight, a power of two up to HDI_RING_MOST. */
hd_status hdi_tasks_make(hd_executor *executor, int32_t workers, uint32_t ring, hdi_tasks **out);
void hdi_tasks_free(hdi_tasks *tasks);

/* One run: begin, then work on all workers, then the outcome. */
void hdi_tasks_begin(hdi_tasks *tasks);
void hdi_tasks_work(hdi_tasks *tasks, int worker);
hd_status hdi_tasks_outcome(const hdi_tasks *tasks);

/* ---- between the files of the runtime ---- */

/* Keeps the first failure; everybody leaves. */
void hdi_tasks_fail(hdi_tasks *tasks, hd_status status);
/* Hands the chunks of a step that may run now to the workers. */
void hdi_tasks_start(hdi_tasks *tasks, int worker, uint32_t step);
/* The step's local waits have ended: starts or parks it. */
void hdi_tasks_ready(hdi_tasks *tasks, int worker, uint32_t step);
/* Starts parked steps whose signals are there. */
void hdi_tasks_poll(hdi_tasks *tasks, int worker);
/* The same when nothing has come for long: also looks whether the domain is well and whether one waits for too long. */
void hdi_tasks_watch(hdi_tasks *tasks, int worker);

#endif
