/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks that share a model must have the same one: they compare before any of them loads weights. */
#ifndef HDI_MODEL_AGREE_H
#define HDI_MODEL_AGREE_H

#include "comm/domain.h"
#include "graph/graph.h"
#include "heddle/compile.h"

/* Collective. `whole`: the model's graph before it is cut, which has all sizes and constants and every weight's name, type and
 * shape, but no weight's values. HD_INVALID_ARGUMENT on all ranks, with a sentence that names one, where two differ. */
hd_status hdi_model_agree(hd_domain *domain, const hd_graph *whole, const hd_shard *shard);

#endif
