/* SPDX-License-Identifier: Apache-2.0 */
/* From a graph to a plan, and the executors that run plans. */
#ifndef HEDDLE_COMPILE_H
#define HEDDLE_COMPILE_H

#include <stddef.h>
#include <stdint.h>

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
    HD_EXECUTOR_SERIAL = 0,  /* one step after the other in the calling thread: the oracle */
    HD_EXECUTOR_THREADS = 1, /* `threads` workers, the calling thread one of them */
} hd_executor_kind;

/* Runs one plan, with an arena of its own. One thread at a time. */
typedef struct hd_executor hd_executor;

/* The plan is borrowed. threads >= 1 (ignored by the serial one). */
HD_API HD_CHECK_RESULT hd_status hd_executor_create(const hd_plan *plan, hd_executor_kind kind, int32_t threads,
                                                    hd_executor **out);
HD_API void hd_executor_destroy(hd_executor *executor); /* NULL is legal */
/* Gives an input, weight or state its memory: borrowed, `bytes` long, at least what the value takes at the symbols' maxima
 * (weights and states: exactly). It stays bound over runs; binding again replaces it. HD_NOT_FOUND for a name that the plan does
 * not have. */
HD_API HD_CHECK_RESULT hd_status hd_executor_bind(hd_executor *executor, const char *name, void *data, size_t bytes);
/* Sets a symbol; HD_INVALID_ARGUMENT outside its range. */
HD_API HD_CHECK_RESULT hd_status hd_executor_set(hd_executor *executor, const char *symbol, int64_t value);
/* Runs all steps. HD_INVALID_ARGUMENT when a name is unbound or a symbol unset. Does not allocate. */
HD_API HD_CHECK_RESULT hd_status hd_executor_run(hd_executor *executor);
/* Where an output lies after a run; borrowed until the executor is destroyed, contents until the next run. */
HD_API HD_CHECK_RESULT hd_status hd_executor_output(const hd_executor *executor, const char *name, void **data);

#ifdef __cplusplus
}
#endif
#endif
