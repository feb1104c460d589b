/* SPDX-License-Identifier: Apache-2.0 */
/* Steps as the CPU's executors run them: each in one piece, or in several where other ranks hear of its rows one part after the
 * other. */
#ifndef HDI_TASK_PIECES_H
#define HDI_TASK_PIECES_H

#include "task/executor.h"

/* Room for all steps. */
hd_status hdi_pieces_create(hd_executor *executor);
void hdi_pieces_destroy(hd_executor *executor);
/* Works out step `step` for the sizes that its call is bound to; those before it have been. */
void hdi_pieces_bind(hd_executor *executor, uint32_t step);

/* In how many pieces a step comes whose result has so many rows. */
int32_t hdi_pieces_of(const hd_plan *plan, const hdi_plan_step *step, int64_t rows);

#endif
