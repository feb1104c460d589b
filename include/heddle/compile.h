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

/* One rank's part in running a graph: `pipeline` stages of `tensor` ranks each; rank r is number r % tensor of stage r / tensor.
 */
typedef struct hd_shard {
    int32_t rank;
    int32_t tensor;   /* 1, 2, 4 or 8: ranks that share each layer, by the placements of its weights */
    int32_t pipeline; /* at least 1: stages, each with a run of layers */
    int32_t chunks;   /* a power of two: in how many pieces partial sums of many rows are told to the others, so that they travel
                       * while the   rest is computed; 1 where memory is shared. 0: 1 */
    bool outputs_everywhere; /* each rank of a stage has its outputs; else its first rank alone */
    bool outputs_stay;       /* outputs are on the stage that makes them; else they are handed to stage 0 */
    bool streamed;       /* what others read is copied to them by a step of its own, past the caches: best where ranks are cores,
                          * which else answer each other for every line that is written again */
    bool messages;       /* what ranks tell each other is sent, to each reader what it reads; else they read where it lies */
    int64_t two_shot;    /* sums of at least so many bytes are made in two shots: each rank adds some columns of all ranks' parts
                          * and hands its sums to the others; 0: none are, each rank adds all. Same bits */
    bool separate_norms; /* the norm behind a sum of parts is a step of its own, as devices like it that fuse it with what follows
                          */
} hd_shard;

/* The graph of one rank: its parts of weights and states, and the exchanges with the others. All ranks make theirs from the same
 * graph. The results are those of the whole graph, bit for bit on the CPU. HD_UNSUPPORTED, with a sentence, for what cannot be
 * cut: too few heads for so many ranks, an operator that wants all of a value that cannot be put together. */
HD_API HD_CHECK_RESULT hd_status hd_graph_shard(const hd_graph *graph, const hd_shard *shard, hd_graph **out);

/* A stretch of a weight: elements begin .. end - 1 along one of its dims, all of the others. */
typedef struct hd_part {
    int32_t dim;
    int64_t begin, end;
} hd_part;
/* What a rank's graph has of the whole graph's weight `name`, to be bound to its executor: *parts, one behind the other, along
 * the same dim; fresh, free with hd_free. *n is 0, and *parts NULL, for a weight that the rank has whole. HD_NOT_FOUND for one
 * that it has not at all. Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_graph_parts(const hd_graph *graph, const char *name, hd_part **parts, int32_t *n);

/* A compiled graph: steps in order (kernel, operands, what each waits for), all intermediate values placed in one arena that is
 * sized for the symbols' maxima. A flat image without pointers; immutable and thread-safe; keeps nothing of the graph. */
typedef struct hd_plan hd_plan;

HD_API HD_CHECK_RESULT hd_status hd_compile(const hd_graph *graph, hd_plan **out);
HD_API void hd_plan_destroy(hd_plan *plan); /* NULL is legal; its executors must be gone */
HD_API size_t hd_plan_arena_bytes(const hd_plan *plan);
HD_API int32_t hd_plan_steps(const hd_plan *plan);
/* The plan as text for people; fresh, free with hd_free. */
HD_API HD_CHECK_RESULT hd_status hd_plan_print(const hd_plan *plan, char **text);
/* Whether the plans of ranks 0 .. n - 1 fit together, at all sizes and over any number of runs: each is well formed, every wait
 * has its trigger and every trigger is waited for, nothing can stand still, and every two accesses to the same bytes of which one
 * writes are ordered. HD_CORRUPT with a sentence that names ranks and steps when they do not; HD_UNSUPPORTED for plans too large
 * to look at, with the limit. One plan for itself is n = 1. Executors of several ranks call it when they are made. Thread-safe.
 */
HD_API HD_CHECK_RESULT hd_status hd_plans_verify(const hd_plan *const *plans, int32_t n);

typedef enum hd_executor_kind {
    HD_EXECUTOR_SERIAL = 0,     /* one step after the other in the calling thread: the oracle; CPU only */
    HD_EXECUTOR_THREADS = 1,    /* `threads` workers, the calling thread one of them; CPU only */
    HD_EXECUTOR_STREAM = 2,     /* steps are enqueued one by one on a stream of the device */
    HD_EXECUTOR_GRAPH = 3,      /* the same, recorded the second time that sizes come, and replayed as one from then on */
    HD_EXECUTOR_PERSISTENT = 4, /* the same, with runs of steps as one launch of a kernel that stays and walks through them */
    HD_EXECUTOR_TASKS = 5,      /* `threads` workers that share out each step's tasks as they become ready; CPU only */
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
/* Gives an input, weight or state its memory on the executor's device: borrowed, `bytes` long, at least what the value takes at
 * the symbols' maxima (weights and states: exactly). It stays bound over runs; binding again replaces it. HD_NOT_FOUND for a name
 * that the plan does not have. */
HD_API HD_CHECK_RESULT hd_status hd_executor_bind(hd_executor *executor, const char *name, void *data, size_t bytes);
/* Sets a symbol; HD_INVALID_ARGUMENT outside its range. */
HD_API HD_CHECK_RESULT hd_status hd_executor_set(hd_executor *executor, const char *symbol, int64_t value);
/* Runs all steps; on a device that works behind the host's back it only enqueues them. HD_INVALID_ARGUMENT when a name is unbound
 * or a symbol unset. Does not allocate, but that a graph is recorded when sizes come for the second time. */
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
