/* SPDX-License-Identifier: Apache-2.0 */
/* What all executors share: a plan with its memory bound and its sizes worked out. */
#ifndef HDI_TASK_EXECUTOR_H
#define HDI_TASK_EXECUTOR_H

#include "compile/plan.h"
#include "task/pool.h"

/* A step ready to run. */
typedef struct hdi_bound_step {
    hdi_kernel_fn fn;
    hdi_kernel_call call;
    hdi_kernel_work work;
    int64_t wait; /* the latest step it waits for, -1: none */
} hdi_bound_step;

struct hd_executor {
    const hd_plan *plan;
    hd_executor_kind kind;
    void *arena;
    void **slot;           /* memory by slot, slot[0] the arena; NULL: unbound */
    int64_t *symbol;       /* values; -1: unset */
    hdi_operand *operands; /* as the plan's, bound */
    hdi_bound_step *steps;
    bool stale;                    /* a symbol or a binding has changed since the steps were bound */
    size_t scratch_bytes;          /* of one worker */
    uint8_t *scratch;              /* workers x scratch_bytes */
    hdi_pool *pool;                /* threads only */
    struct hdi_progress *progress; /* threads only, by worker */
    uint64_t run;                  /* threads only: number of the current run */
};

/* Works out operands, calls and work of every step for the current symbols and bindings. */
void hdi_executor_bind_steps(hd_executor *executor);

void hdi_run_serial(hd_executor *executor);
hd_status hdi_threads_create(hd_executor *executor, int32_t threads);
void hdi_threads_destroy(hd_executor *executor);
void hdi_run_threads(hd_executor *executor);

#endif
