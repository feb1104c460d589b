/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: the plans of many ranks with costs in place of kernels, and LogGP links between them.
 *
 * What is run are the plans themselves, step by step and message by message; nothing is a formula of a whole. What a step costs
 * follows from its operands' sizes, by rates that are given or were fitted to measured runs (hd_sim_calibrate). */
#ifndef HEDDLE_SIMULATE_H
#define HEDDLE_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/compile.h"
#include "heddle/status.h"
#include "heddle/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the machine ---- */

/* A link between two ranks, in seconds: LogGP of Alexandrov, Ionescu, Schauser and Scheiman (1995). A message of k bytes occupies
 * its sender for `overhead`, leaves through the sender's port in (k - 1) x `byte`, which then rests for `gap`, is under way for
 * `latency`, comes in through the receiver's port just so, and occupies the receiver for `overhead`. */
typedef struct hd_sim_link {
    double latency, overhead, gap, byte;
} hd_sim_link;

/* Kinds of steps that have rates of their own. */
typedef enum hd_sim_class {
    HD_SIM_PRODUCT_ROW = 0, /* a product with one row */
    HD_SIM_PRODUCT_FEW,     /* with two to seven */
    HD_SIM_PRODUCT_ROWS,    /* with more */
    HD_SIM_ATTENTION,
    HD_SIM_OTHER,
    HD_SIM_CLASS_COUNT
} hd_sim_class;
HD_API const char *hd_sim_class_name(hd_sim_class kind); /* "product, one row", ... */

/* A step takes `step` + bytes x `byte` + flops x `flop` seconds: bytes and operations as kernels count them for traces. */
typedef struct hd_sim_rates {
    double step, byte, flop;
} hd_sim_rates;

typedef struct hd_sim_machine {
    hd_sim_rates rates[HD_SIM_CLASS_COUNT];
    double read;                 /* seconds a byte more for what a step reads in other ranks' segments, where memory is shared */
    hd_sim_link inside, between; /* links within a machine and between machines; each rank has a port of each kind */
    int32_t ranks_per_machine;   /* 0: all are in one */
    int32_t workers;             /* of a rank: 1: steps run in the plan's order, a wait holds up what follows; more: so many steps
                                  * at once, whichever are ready, the first ones first. 0: 1 */
    bool rotate;                 /* a rank tells the others from the next one on, instead of from rank 0 on */
} hd_sim_machine;

/* ---- plans ---- */

/* The plans of all ranks, with the sizes they run at. Immutable when simulated, by any number of threads. */
typedef struct hd_sim_plans hd_sim_plans;

/* Plans of ranks 0 .. n - 1 (a plan for itself: n = 1): borrowed. */
HD_API HD_CHECK_RESULT hd_status hd_sim_plans_create(const hd_plan *const *plans, int32_t n, hd_sim_plans **out);
HD_API void hd_sim_plans_destroy(hd_sim_plans *plans); /* NULL is legal */
/* Sets a symbol; HD_NOT_FOUND when no plan has it, HD_INVALID_ARGUMENT outside its range. */
HD_API HD_CHECK_RESULT hd_status hd_sim_plans_set(hd_sim_plans *plans, const char *symbol, int64_t value);
/* Values of an i32 input that costs depend on ("positions" and "token_seq" of attention): copied. */
HD_API HD_CHECK_RESULT hd_status hd_sim_plans_input(hd_sim_plans *plans, const char *name, const int32_t *values, size_t n);
HD_API int32_t hd_sim_plans_ranks(const hd_sim_plans *plans);
HD_API uint64_t hd_sim_plans_steps(const hd_sim_plans *plans); /* of all ranks */

/* An all-reduce of `elements` f32 over `ranks`, a product of factors up to 8 (taken greedily, the largest first): stage i adds up
 * the parts of the ranks whose numbers differ in digit i alone (recursive multiplying). Each stage is a one-shot all-reduce of
 * that group as sharded models have them: a published part, waits, a sum. At most 4096 ranks. */
HD_API HD_CHECK_RESULT hd_status hd_sim_plans_all_reduce(int32_t ranks, int64_t elements, hd_sim_plans **out);

/* A decoder's sizes: all that its plan depends on. */
typedef struct hd_sim_shape {
    char name[64];
    int32_t layers, hidden, intermediate, heads, kv_heads, head_dim, vocab;
    bool tied, qkv_bias, qk_norm;
    hd_dtype weights, kv; /* types of the matrices and of the cache */
} hd_sim_shape;
/* Shapes that are known by name; NULL behind the last one. */
HD_API const char *hd_sim_shape_name(int32_t i);
HD_API HD_CHECK_RESULT hd_status hd_sim_shape_find(const char *name, hd_sim_shape *out); /* HD_NOT_FOUND lists them */
/* The shape in the config.json of a folder: no weights are needed. */
HD_API HD_CHECK_RESULT hd_status hd_sim_shape_read(const char *folder, hd_sim_shape *out);

/* What one run of a model's plan does. */
typedef struct hd_sim_step {
    int32_t sequences; /* at least 1 */
    int32_t tokens;    /* new ones of each: 1 decodes, more is a prompt or a chunk of one */
    int32_t context;   /* tokens of each that are in the cache already */
} hd_sim_step;

/* Plans of `pipeline` stages of `tensor` ranks (compile.h, hd_shard). More ranks than HD_MAX_RANKS: three stages are compiled, a
 * first, a middle and a last one, and the middle one's plans stand for all middle stages, with their neighbours' numbers changed;
 * then the layers must divide evenly. What ranks tell each other is sent as messages; `chunks` as in hd_shard, `two_shot` too,
 * but that 0 is what suits links like hd_sim_link's and -1 none. At most 4096 ranks. */
HD_API HD_CHECK_RESULT hd_status hd_sim_plans_model(const hd_sim_shape *shape, int32_t tensor, int32_t pipeline, int32_t chunks,
                                                    int64_t two_shot, const hd_sim_step *step, hd_sim_plans **out);

/* ---- a simulation ---- */

typedef struct hd_sim_rank {
    double busy;     /* seconds in kernels */
    double overhead; /* in sending and receiving */
    double waiting;  /* the rest */
} hd_sim_rank;

/* A step of the critical path: it began because the one before it in the list had ended, or what that one told had come. */
typedef struct hd_sim_hop {
    int32_t rank, run;
    const char *step;  /* borrowed from the plans */
    bool message;      /* what it waited for last came from another rank */
    double begin, end; /* of its kernel */
} hd_sim_hop;

typedef struct hd_sim_result {
    double seconds;   /* until the last step of the last run has ended */
    double first_run; /* until the last step of the first one has */
    int32_t ranks, runs;
    uint64_t steps, messages; /* that ran, that were sent */
    double bytes;             /* in messages */
    hd_sim_rank *rank;        /* [ranks] */
    hd_sim_hop *path;         /* [n_path], the critical path from its beginning */
    size_t n_path;
    double path_kernels; /* seconds of the path in kernels; the rest is overheads and links */
    double waiting;      /* share of all ranks' time that they wait */
} hd_sim_result;

/* Runs the plans `runs` times, one behind the other on each rank and as the plans' waits allow across ranks: pipeline stages work
 * on several runs at once. The same arguments give the same result, bit for bit. HD_CORRUPT, naming rank, step and event, when
 * the plans stand still before the end. *out is fresh, free with hd_sim_result_destroy. */
HD_API HD_CHECK_RESULT hd_status hd_simulate(const hd_sim_plans *plans, const hd_sim_machine *machine, int32_t runs,
                                             hd_sim_result **out);
HD_API void hd_sim_result_destroy(hd_sim_result *result); /* NULL is legal */

/* ---- calibration ---- */

typedef struct hd_sim_prediction {
    char what[96]; /* "2 ranks, 1 x 24 tokens" */
    int32_t ranks;
    bool fitted; /* the size was among those that the rates were fitted to */
    double measured, predicted;
} hd_sim_prediction;

typedef struct hd_sim_calibration {
    hd_sim_machine machine;
    size_t samples;                        /* kinds of steps that were measured */
    double step_error[HD_SIM_CLASS_COUNT]; /* median of |fitted - measured| / measured of a class's kinds of steps */
    hd_sim_prediction *predictions;
    size_t n_predictions;
} hd_sim_calibration;

/* Runs the model in `folder` on this machine, one thread a rank: fits the rates to traces of some sizes on one rank, measures the
 * local transport by sending a signal to and fro, and predicts whole runs: of those sizes, of others, and of two ranks. Whole
 * runs of one rank are measured by their thread's own time; of two by the wall's. Of `repetitions` rounds (4 runs each, 60
 * of two ranks) the fastest counts. Takes seconds. *out is fresh, free with hd_sim_calibration_destroy. */
HD_API HD_CHECK_RESULT hd_status hd_sim_calibrate(const char *folder, int32_t repetitions, hd_sim_calibration **out);
HD_API void hd_sim_calibration_destroy(hd_sim_calibration *calibration); /* NULL is legal */

#ifdef __cplusplus
}
#endif
#endif
