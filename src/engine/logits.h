/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to a row of logits before a token is drawn (bias and penalties), and log-probabilities of the result. */
#ifndef HDI_ENGINE_LOGITS_H
#define HDI_ENGINE_LOGITS_H

#include "heddle/engine.h"

/* The tokens a sequence has so far: `n` ids, of which the first `n_prompt` were given. */
typedef struct hdi_history {
    const int32_t *tokens;
    int64_t n_prompt, n;
} hdi_history;

/* Whether some row of such a sequence may need hdi_logits_edit. */
bool hdi_sampling_edits(const hd_sampling *sampling);
/* Whether hdi_logits_edit would change anything. */
bool hdi_logits_edited(const hd_sampling *sampling, const hdi_history *history);
/* Adds the bias, then applies the repetition, presence and frequency penalties, in place. `count` is `vocab` zeros, and is
 * zeros again afterwards. Ids of bias and history are below vocab. */
void hdi_logits_edit(float *logits, uint32_t *count, const hd_sampling *sampling, const hdi_history *history);

/* Whether there is a finite value and none is NaN or +infinity. */
bool hdi_logits_valid(const float *logits, int32_t vocab);

/* The greatest logit, and the logarithm of the sum of exp(logit - greatest), summed in double in the order of ids. The
 * log-probability of token t is logits[t] - greatest - log_sum. */
void hdi_logits_normaliser(const float *logits, int32_t vocab, float *greatest, double *log_sum);
/* The `n` most likely tokens, best first, equals by id; fewer when the vocabulary is smaller. Returns how many. */
int32_t hdi_logits_top(const float *logits, int32_t vocab, float greatest, double log_sum, int32_t n, hd_token_logprob *top);

#endif
