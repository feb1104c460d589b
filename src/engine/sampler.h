/* SPDX-License-Identifier: Apache-2.0 */
/* From a row of logits to a token: edits (logits.h), then the sample kernel with the sequence's own random number. */
#ifndef HDI_ENGINE_SAMPLER_H
#define HDI_ENGINE_SAMPLER_H

#include "engine/logits.h"

/* Said of a sequence after `%lld` tokens. */
#define HDI_BAD_LOGITS \
    "the model's logits after %lld tokens are not finite numbers: its weights are damaged, or overflow their type"

typedef struct hdi_sampler {
    int32_t vocab;
    float *row;      /* a copy of the logits, where they are edited */
    uint32_t *count; /* of each token, for penalties; zeros between calls */
    void *scratch;   /* the kernel's */
} hdi_sampler;

typedef struct hdi_draw {
    int32_t token;
    float logprob; /* 0 unless asked for */
    int32_t n_top;
    hd_token_logprob *top; /* in: room for top_logprobs */
} hdi_draw;

hd_status hdi_sampler_init(hdi_sampler *sampler, int32_t vocab);
void hdi_sampler_deinit(hdi_sampler *sampler); /* legal on a zeroed one */

/* The sample kernel's parameters (HDI_SAMPLE_PARAMS) for the `index`-th token that is generated. */
void hdi_sampler_params(const hd_sampling *sampling, int32_t vocab, uint64_t index, float *params);

/* Draws the token that follows `history`. top_logprobs as in hd_request. HD_CORRUPT when the logits are no numbers,
 * HD_INVALID_ARGUMENT when bias and penalties leave no token. Does not allocate. */
hd_status hdi_sampler_draw(hdi_sampler *sampler, const float *logits, const hd_sampling *sampling, const hdi_history *history,
                           int32_t top_logprobs, hdi_draw *draw);

#endif
