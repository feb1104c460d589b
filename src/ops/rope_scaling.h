/* SPDX-License-Identifier: Apache-2.0 */
/* The frequencies of rotary embeddings, said once for the operator and for models. */
#ifndef HDI_OPS_ROPE_SCALING_H
#define HDI_OPS_ROPE_SCALING_H

#include "base/status.h"
#include "heddle/ops.h"

/* Fills inv_freq[dims / 2], the angle that pair j turns a position, and the factor that cos and sin are multiplied by, for
 * `theta`, `dims` turning dims of a head, and a scaling (NULL: none). Every step is f32 where transformers' ROPE_INIT_FUNCTIONS
 * compute in f32, so that long contexts turn by the same angles. Dynamic scaling gives the unscaled frequencies: what it does
 * depends on the length of a sequence, so the kernel that makes the cos and sin tables does it. HD_INVALID_ARGUMENT, naming the
 * field, for parameters that make no sense. */
hd_status hdi_rope_frequencies(double theta, int32_t dims, const hd_rope_scaling *scaling, float *inv_freq,
                               float *attention_scale);

#endif
