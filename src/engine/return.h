/* SPDX-License-Identifier: Apache-2.0 */
/* How logits come from the last pipeline stage to rank 0: by a plan of its own, which every rank runs once for each step that has
 * rows. Rank 0 does so when it wants the logits, and computes other sequences' steps before: so all stages have work.
 *
 * As many steps as there are stages can be under way. Each has an executor, by turns: the last stage never waits until rank 0 has
 * taken the logits of the step before. */
#ifndef HDI_ENGINE_RETURN_H
#define HDI_ENGINE_RETURN_H

#include "heddle/compile.h"
#include "model/model.h"

typedef struct hdi_return {
    hd_plan *plan;           /* NULL: the logits are in the step's own plan */
    hd_executor **executors; /* [stages] */
    int32_t stages;
    uint64_t runs; /* so far: run n is executor n % stages' */
} hdi_return;

/* All ranks together; `step` runs this rank's part of the model. */
hd_status hdi_return_init(hdi_return *r, const hd_model *model, const hdi_step_limits *limits, hd_executor *step);
void hdi_return_deinit(hdi_return *r); /* legal on a zeroed one */

/* The next run, for a step of `rows` (at least 1) rows. Rank 0 waits until the last stage has come so far. */
hd_status hdi_return_run(hdi_return *r, int32_t rows);
/* Rank 0's: the logits of the last run; they stay until `stages` runs later. */
hd_status hdi_return_logits(const hdi_return *r, void **logits);

#endif
