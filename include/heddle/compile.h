/* SPDX-License-Identifier: Apache-2.0 */
/* From a graph to a plan, and the executors that run plans. */
#ifndef HEDDLE_COMPILE_H
#define HEDDLE_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/comm.h"
#include "heddle/device.h"
#include "heddle/graph.h"
#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A compiled graph: steps in order (kernel, operands, what each waits for), all intermediate values placed in one arena that is
 * sized for the symbols' maxima. A flat image without pointers; immutable and thread-safe; keeps nothing of the graph. */
typedef struct hd_plan hd_plan;

HD_API HD_CHECK_RESULT hd_status hd_compile(const hd_graph *graph, hd_plan **out);
HD_API void hd_plan_destroy(hd_plan *plan); /* NULL is legal; its executors must be gone */
HD_API size_t hd_plan_arena_bytes(const hd_plan *plan);
HD_API int32_t hd_plan_steps(const hd_plan *plan);
/* The plan as text for people; fresh, free with hd_free. */
HD_API HD_CHECK_RESULT hd_status hd_plan_print(const hd_plan *plan, char **text);

typedef enum hd_executor_kind {
    HD_EXECUTOR_SERIAL = 0,  /* one step after the other in the calling thread: the oracle; CPU only */
    HD_EXECUTOR_THREADS = 1, /* `threads` workers, the calling thread one of them; CPU only */
    HD_EXECUTOR_STREAM = 2,  /* steps are enqueued one by one on a stream of the device */
    HD_EXECUTOR_GRAPH = 3,   /* the same, recorded the second time that sizes come, and replayed as one from then on */
    HD_EXECUTOR_PERSISTENT = 4, /* the same, with runs of steps as one launch of a kernel that stays and walks through them */
    HD_EXECUTOR_TASKS = 5, /* `threads` workers that share out each step's tasks as they become ready; CPU only */
    HD_EXECUTOR_KIND_COUNT
} hd_executor_kind;

HD_API const char *hd_executor_kind_name(hd_executor_kind kind); /* "serial", "threads", "stream", ... */
HD_API bool hd_executor_kind_parse(const char *name, hd_executor_kind *out);
/* Whether executors of this kind can be made for a device (NULL: the CPU). */
HD_API bool hd_executor_kind_runs_on(hd_executor_kind kind, const hd_device *device);

/* Runs one plan, with an arena of its own. One thread at a time. */
typedef struct hd_executor hd_executor;

typedef struct hd_executor_options {
    hd_executor_kind kind;
    int32_t threads;         /* of HD_EXECUTOR_THREADS and _TASKS: 1 to 1024 */
    const hd_device *device; /* where the plan runs and all its memory lies; NULL: the CPU */
    hd_domain *domain;       /* of a plan that is one rank's of several: borrowed; its ranks make their executors together */
} hd_executor_options;

/* The plan is borrowed. HD_UNSUPPORTED for a kind that the device has not. */
HD_API HD_CHECK_RESULT hd_status hd_executor_create(const hd_plan *plan, const hd_executor_options *options, hd_executor **out);
HD_API void hd_executor_destroy(hd_executor *executor); /* waits for its work; NULL is legal */
/* Gives an input, weight or state its memory on the executor's device: borrowed, `bytes` long, at least what the value takes at the
 * symbols' maxima (weights and states: exactly). It stays bound over runs; binding again replaces it. HD_NOT_FOUND for a name that
 * the plan does not have. */
HD_API HD_CHECK_RESULT hd_status hd_executor_bind(hd_executor *executor, const char *name, void *data, size_t bytes);
/* Sets a symbol; HD_INVALID_ARGUMENT outside its range. */
HD_API HD_CHECK_RESULT hd_status hd_executor_set(hd_executor *executor, const char *symbol, int64_t value);
/* Runs all steps; on a device that works behind the host's back it only enqueues them. HD_INVALID_ARGUMENT when a name is unbound or a
 * symbol unset. Does not allocate, but that a graph is recorded when sizes come for the second time. */
HD_API HD_CHECK_RESULT hd_status hd_executor_run(hd_executor *executor);
/* Waits until all runs have ended, and reports the first error of what ran behind the host's back. */
HD_API HD_CHECK_RESULT hd_status hd_executor_synchronize(hd_executor *executor);
/* Where an output lies after a run, on the executor's device; borrowed until the executor is destroyed, contents until the next
 * run. */
HD_API HD_CHECK_RESULT hd_status hd_executor_output(const hd_executor *executor, const char *name, void **data);

#ifdef __cplusplus
}
#endif
#endif
