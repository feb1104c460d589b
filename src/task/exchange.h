/* SPDX-License-Identifier: Apache-2.0 */
/* An executor among ranks: its window, and what its steps wait for and trigger. Every executor goes through these calls, those of
 * a device that works behind the host's back to enqueue the same (task/exchange_device.h); one whose plan is for itself has no
 * exchange, and they cost it a branch.
 *
 * A step's trigger may come in pieces: rows of its result that are published one by one, so that they travel while the next ones
 * are computed. Pieces may end in any order; the counter says how many are there, and readers wait for all. */
#ifndef HDI_TASK_EXCHANGE_H
#define HDI_TASK_EXCHANGE_H

#include "comm/domain.h"
#include "task/executor.h"

typedef struct hdi_exchange {
    hd_domain *domain; /* borrowed */
    hd_window *window;
    uint64_t run;                          /* of the current run, from 1; of the last one enqueued */
    _Atomic uint32_t *complete;            /* by trigger: pieces of it that ended, over all runs; wraps */
    struct hdi_exchange_device *on_device; /* NULL: steps run on the CPU */
} hdi_exchange;

/* Collective: gathers the plans of all ranks and verifies them (compile.h, hd_plans_verify). All ranks get the same verdict; the
 * domain stays usable when they are refused. */
hd_status hdi_exchange_verify(const hd_plan *plan, hd_domain *domain);

/* Makes the window and fills the slots of segments, after the plans of all ranks have been verified: collective. */
hd_status hdi_exchange_create(hd_executor *executor, hd_domain *domain);
/* Waits, in main memory, until nobody reads this rank's segment for the last run any more; a device's window is closed by all
 * together, or stays until the last one has closed it (comm/window_device.c). */
void hdi_exchange_destroy(hd_executor *executor);

/* A run begins, or has ended: all of its steps. The end is the CPU's executors' only. */
hd_status hdi_exchange_begin(hd_executor *executor);
hd_status hdi_exchange_end(hd_executor *executor);
/* Tells the other ranks that this one fails with `status` and the thread's message, which stay as they are. */
void hdi_exchange_abort(hd_executor *executor, hd_status status);
/* Fails with the sentence of a wait for other ranks that a device gave up in work that has been waited for: what that work
 * computed since is worth nothing. Any thread. */
hd_status hdi_exchange_check(hd_executor *executor);

/* Whether all that `step` waits for of other ranks is there. Any worker. */
bool hdi_exchange_ready(const hd_executor *executor, uint32_t step);
/* Waits for it. Any worker. A failure has ended the domain. */
hd_status hdi_exchange_wait(hd_executor *executor, uint32_t step, int worker);
/* `step` begins to wait without holding anybody: a sign of life; the clock now. */
int64_t hdi_exchange_park(hd_executor *executor, uint32_t step);
/* Lets the other ranks know that this one has nothing to do but wait for what the parked `step` waits for; and that it goes on.
 */
void hdi_exchange_stands(hd_executor *executor, uint32_t step);
static inline void hdi_exchange_goes_on(const hd_executor *executor) { hdi_domain_goes_on(executor->exchange->domain); }
/* Lets messages in where that takes calls, and says whether the domain has failed; `closely`: also whether somebody died. */
hd_status hdi_exchange_progress(hd_executor *executor, bool closely);
/* HD_COMM, with the report, and the domain's end, when `step` has waited since `since` for longer than one wait may take, for a
 * rank that left, or for a domain that has failed. */
hd_status hdi_exchange_overdue(hd_executor *executor, uint32_t step, int64_t since);
/* Piece `piece` of the step's `pieces` has been written, by the caller or before it in the order of memory. Any worker. */
hd_status hdi_exchange_trigger(hd_executor *executor, uint32_t step, int32_t piece, int32_t pieces, int worker);

#endif
