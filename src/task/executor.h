/* SPDX-License-Identifier: Apache-2.0 */
/* What all executors share: a plan with its memory bound and its sizes worked out. */
#ifndef HDI_TASK_EXECUTOR_H
#define HDI_TASK_EXECUTOR_H

#include "compile/plan.h"
#include "runtime/storage.h"
#include "task/pool.h"

/* A part of a step: some rows of its result, which other ranks hear of before the next part is computed. */
typedef struct hdi_piece {
    const hdi_kernel_call *call;
    hdi_kernel_work work;
} hdi_piece;

/* A step ready to run by the CPU's executors. */
typedef struct hdi_bound_step {
    hdi_kernel_fn fn;
    hdi_piece *pieces; /* at least 1: the first is the step's own call when there is but one */
    int32_t n_pieces;  /* 0: the step's condition does not hold, nothing of it happens */
    bool listens;      /* it waits for other ranks */
    bool tells;        /* it triggers */
    int64_t wait;      /* the latest step that happens and that it waits for, itself or through such as do not; -1: none */
} hdi_bound_step;

/* Steps first .. first + n - 1 as one launch of a device's persistent kernel. */
typedef struct hdi_program {
    void *program; /* the back end's */
    uint32_t first, n;
} hdi_program;

typedef struct hdi_programs {
    hdi_program *programs;
    uint32_t n;
} hdi_programs;

struct hd_executor {
    const hd_plan *plan;
    hd_executor_kind kind;
    const hd_device *device;
    hdi_storage *arena;
    void **slot;            /* memory by slot, slot[0] the arena; NULL: unbound */
    int64_t *symbol;        /* values; -1: unset */
    int64_t *size;          /* of the plan's expressions, for these symbols */
    hdi_operand *operands;  /* as the plan's, bound */
    hdi_kernel_call *calls; /* by step */
    hdi_bound_step *steps;  /* the CPU's executors only, as are pieces */
    hdi_piece *pieces;      /* of all steps */
    size_t n_pieces;
    hdi_kernel_call *piece_calls;  /* of steps with several, [chunks] each */
    hdi_operand *piece_operands;   /* theirs */
    struct hdi_exchange *exchange; /* NULL: the plan is for itself */
    bool stale;                    /* a symbol or a binding has changed since the steps were bound */
    bool incomplete;               /* not everything was bound and set when last looked at */
    uint64_t bindings;             /* how often memory was bound: recorded graphs hold its addresses */

    size_t scratch_bytes;          /* of one worker */
    uint8_t *scratch;              /* workers x scratch_bytes */
    hdi_pool *pool;                /* threads and tasks */
    struct hdi_progress *progress; /* threads only, by worker */
    struct hdi_team *team;         /* threads only */
    uint64_t run;                  /* threads only: number of the current run */

    struct hdi_tasks *tasks; /* tasks only */

    struct hdi_tracer *tracer; /* NULL: nobody looks on */

    hd_stream *stream;         /* devices only: where all work is enqueued */
    struct hdi_graphs *graphs; /* graph and persistent only */
};

/* Works out the operands of every step for the current symbols and bindings, if they have changed; HD_INVALID_ARGUMENT when
 * something is unbound or unset. */
hd_status hdi_executor_prepare(hd_executor *executor);

/* As hd_executor_run, for sizes that will not come again soon: a graph executor records nothing of them. */
hd_status hdi_executor_run_once(hd_executor *executor);

/* Whether what has this condition happens for the sizes that are set. */
bool hdi_condition_holds(const hd_executor *executor, const hdi_plan_condition *when);

/* Whether a device may compute the group as one: all of its steps happen, and none waits for other ranks after one has told them
 * something, which they may need to come to what is awaited. */
bool hdi_group_happens(const hd_executor *executor, const hdi_plan_group *group);

/* The kinds that run on `threads` workers. */
bool hdi_executor_kind_has_threads(hd_executor_kind kind);

hd_status hdi_run_serial(hd_executor *executor);
hd_status hdi_threads_create(hd_executor *executor, int32_t threads);
void hdi_threads_destroy(hd_executor *executor);
hd_status hdi_run_threads(hd_executor *executor);
hd_status hdi_tasks_create(hd_executor *executor, int32_t threads);
void hdi_tasks_destroy(hd_executor *executor); /* after the pool */
hd_status hdi_run_tasks(hd_executor *executor);
/* Enqueues all steps, prepared; runs of steps that `programs` (NULL: none) holds as one launch. */
hd_status hdi_run_stream(hd_executor *executor, const hdi_programs *programs);
/* The programs of the prepared steps: whatever runs of units the device can walk through in one launch. */
hd_status hdi_programs_create(hd_executor *executor, hdi_programs **out);
void hdi_programs_destroy(hd_executor *executor, hdi_programs *programs); /* idle; NULL is legal */
hd_status hdi_graphs_create(hd_executor *executor);
void hdi_graphs_destroy(hd_executor *executor); /* none of them runs any more */
hd_status hdi_run_graph(hd_executor *executor);

#endif
