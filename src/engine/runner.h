/* SPDX-License-Identifier: Apache-2.0 */
/* What runs a model's steps on one rank: its plan and executor, the memory of the plan's states, and the inputs. An engine has
 * one; so has each rank that follows another one's engine. */
#ifndef HDI_ENGINE_RUNNER_H
#define HDI_ENGINE_RUNNER_H

#include "engine/batch.h"
#include "engine/return.h"

typedef struct hdi_runner {
    hd_plan *plan;
    hd_executor *executor;
    hdi_storage
        *states; /* the caches, one after the other, and next_ids. Not cleared: a key is read only after its token was computed */
    void *next_ids; /* the plan's state of that name, in there; NULL in plans that do not draw, or not on this rank */
    hdi_batch batch;
    hdi_return back; /* of the logits to rank 0 */
} hdi_runner;

typedef struct hdi_runner_options {
    hdi_step_limits step;
    hd_executor_kind kind;
    int32_t threads;
    bool uses_rope_lengths;
    int32_t vocab;
    const hd_device *device;
} hdi_runner_options;

/* Where ranks share the model, all make theirs together. */
hd_status hdi_runner_init(hdi_runner *runner, const hd_model *model, const hdi_runner_options *options);
void hdi_runner_deinit(hdi_runner *runner); /* legal on a zeroed one; waits for what is under way */

#endif
