/* SPDX-License-Identifier: Apache-2.0 */
/* A team of worker threads that runs one function on all of them, again and again. The calling thread is worker 0.
 *
 * Waiting spins, then yields, then sleeps; with more workers than cores it yields at once, so that everybody makes progress. */
#ifndef HDI_TASK_POOL_H
#define HDI_TASK_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct hdi_pool hdi_pool; /* one thread at a time may call it */

/* `workers` >= 1, the caller counted in: makes workers - 1 threads. */
hd_status hdi_pool_create(int workers, hdi_pool **out);
void hdi_pool_destroy(hdi_pool *pool); /* NULL is legal */
int hdi_pool_workers(const hdi_pool *pool);

/* Calls fn(user, worker) once on each worker, worker = 0 .. workers - 1, and returns when all have returned. All writes of the
 * workers are then visible to the caller, and those of the caller before were visible to them. */
void hdi_pool_run(hdi_pool *pool, void (*fn)(void *user, int worker), void *user);

/* One turn of waiting for another worker: `turn` counts the turns so far. */
typedef struct hdi_backoff {
    uint32_t turn;
    uint32_t spins; /* turns before it yields: 0 when there are more workers than cores */
} hdi_backoff;
hdi_backoff hdi_pool_backoff(const hdi_pool *pool);
void hdi_backoff_turn(hdi_backoff *backoff);

#endif
