/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of plans, one by one: a step's waits for steps and for other ranks, its triggers rank by rank, the ranks that hear of
 * the end of a run. */
#ifndef TESTS_SCHED_PLAN_EDGES_H
#define TESTS_SCHED_PLAN_EDGES_H

#include "compile/plan.h"

int plan_edges_count(hd_plan *const *plans, int ranks);
/* Takes edge number `edge` out of its plan; -1: none. */
void plan_edges_drop(hd_plan *const *plans, int ranks, int edge);
/* What it is, for people; stays until the next call. */
const char *plan_edges_text(hd_plan *const *plans, int ranks, int edge);

#endif
