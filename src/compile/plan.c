/* SPDX-License-Identifier: Apache-2.0 */
#include "compile/plan.h"

size_t hd_plan_arena_bytes(const hd_plan *plan) { return plan->arena_bytes; }
int32_t hd_plan_steps(const hd_plan *plan) { return (int32_t)plan->n_steps; }
