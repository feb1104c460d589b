/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes for the simulator: graphs of models that have no weights. */
#ifndef HDI_MODEL_SIMULATE_H
#define HDI_MODEL_SIMULATE_H

#include "heddle/simulate.h"
#include "model/model.h"
#include "task/simulate.h"

/* HD_INVALID_ARGUMENT for sizes that make no decoder. */
hd_status hdi_sim_shape_check(const hd_sim_shape *shape);
/* The whole graph of `shape` with `layers` layers. */
hd_status hdi_sim_shape_graph(const hd_sim_shape *shape, int32_t layers, const hdi_step_limits *limits, hd_graph **out);
/* Cache and rows for a step. */
hdi_step_limits hdi_sim_step_limits(const hd_sim_step *step, hd_dtype kv);
/* Sets the set's symbols and inputs to those of a step. */
hd_status hdi_sim_step_set(hd_sim_plans *set, const hd_sim_step *step);
/* As hd_sim_plans_model with more than HD_MAX_RANKS ranks does it, for any number of stages from three on: for tests. */
hd_status hdi_sim_plans_stand_in(const hd_sim_shape *shape, int32_t tensor, int32_t pipeline, int32_t chunks, int64_t two_shot,
                                 const hd_sim_step *step, hd_sim_plans **out);

#endif
