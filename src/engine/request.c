/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request makes sense for an engine, field by field. */
#include <float.h>
#include <math.h>

#include "engine/sequence.h"

/* Bounds beyond which a value is a mistake rather than a wish. */
#define MOST_TEMPERATURE 1000.0
#define MOST_PENALTY 100.0
#define MOST_BIAS 1e9

static hd_status check_range(const char *name, float value, double low, bool low_included, double high) {
    bool ok = (low_included ? value >= low : value > low) && value <= high; /* false for NaN */
    HD_REQUIRE(ok, HD_INVALID_ARGUMENT, "%s is %g; it must be %s %g and at most %g", name, (double)value,
               low_included ? "at least" : "greater than", low, high);
    return HD_OK;
}

static hd_status check_sampling(const hd_sampling *s, int32_t vocab) {
    HD_TRY(check_range("temperature", s->temperature, 0, true, MOST_TEMPERATURE));
    HD_REQUIRE(s->top_k >= 0, HD_INVALID_ARGUMENT, "top_k is %d; it must be at least 1, or 0 for all tokens", s->top_k);
    HD_TRY(check_range("top_p", s->top_p, 0, false, 1));
    HD_TRY(check_range("min_p", s->min_p, 0, true, 1));
    HD_TRY(check_range("typical_p", s->typical_p, 0, false, 1));
    HD_TRY(check_range("repetition_penalty", s->repetition_penalty, 0, false, MOST_PENALTY));
    HD_TRY(check_range("presence_penalty", s->presence_penalty, -MOST_PENALTY, true, MOST_PENALTY));
    HD_TRY(check_range("frequency_penalty", s->frequency_penalty, -MOST_PENALTY, true, MOST_PENALTY));
    HD_REQUIRE(s->penalty_last >= 0, HD_INVALID_ARGUMENT, "penalty_last is %d; it must be at least 1, or 0 for all tokens",
               s->penalty_last);
    HD_REQUIRE(s->bias || s->n_bias == 0, HD_INVALID_ARGUMENT, "the logit bias is NULL but n_bias is %zu", s->n_bias);
    HD_REQUIRE(s->n_bias <= (size_t)vocab, HD_INVALID_ARGUMENT, "there are %zu logit biases; the vocabulary has %d tokens",
               s->n_bias, vocab);
    for (size_t i = 0; i < s->n_bias; i++) {
        const hd_logit_bias *b = &s->bias[i];
        HD_REQUIRE(b->token >= 0 && b->token < vocab, HD_INVALID_ARGUMENT,
                   "logit bias %zu is for token %d; the vocabulary has 0 to %d", i, b->token, vocab - 1);
        if (isinf(b->bias) && b->bias < 0) continue;
        HD_REQUIRE(fabs((double)b->bias) <= MOST_BIAS, HD_INVALID_ARGUMENT,
                   "logit bias %zu (token %d) is %g; it must be between %g and %g, or -infinity", i, b->token, (double)b->bias,
                   -MOST_BIAS, MOST_BIAS);
    }
    return HD_OK;
}

static hd_status check_ids(const char *what, const int32_t *ids, size_t n, int32_t vocab) {
    HD_REQUIRE(ids || n == 0, HD_INVALID_ARGUMENT, "the %ss are NULL but there should be %zu", what, n);
    for (size_t i = 0; i < n; i++)
        HD_REQUIRE(ids[i] >= 0 && ids[i] < vocab, HD_INVALID_ARGUMENT, "%s %zu is %d; the vocabulary has 0 to %d", what, i,
                   ids[i], vocab - 1);
    return HD_OK;
}

hd_status hdi_request_check(const hd_request *r, const hdi_request_limits *limits) {
    enum { MOST_STOP_TOKENS = 4096, MOST_TOP = 20 };
    HD_REQUIRE(r->n_prompt > 0, HD_INVALID_ARGUMENT, "the prompt is empty; give at least one token (the model's BOS, say)");
    HD_REQUIRE(r->n_prompt < (uint64_t)limits->context, HD_EXHAUSTED,
               "the prompt has %zu tokens; with a context of %lld at most %lld leave room for an answer", r->n_prompt,
               (long long)limits->context, (long long)limits->context - 1);
    HD_TRY(check_ids("prompt token", r->prompt, r->n_prompt, limits->vocab));
    HD_REQUIRE(r->max_tokens == -1 || r->max_tokens >= 1, HD_INVALID_ARGUMENT,
               "max_tokens is %lld; it must be at least 1, or -1 for as many as the context allows", (long long)r->max_tokens);
    HD_REQUIRE(r->stop || r->n_stop == 0, HD_INVALID_ARGUMENT, "the stop strings are NULL but n_stop is %zu", r->n_stop);
    HD_REQUIRE(limits->tokenizer || r->n_stop == 0, HD_INVALID_ARGUMENT,
               "stop strings need text, and this engine was made without a tokenizer; use stop_tokens");
    HD_REQUIRE(r->n_stop_tokens <= MOST_STOP_TOKENS, HD_INVALID_ARGUMENT, "there are %zu stop tokens; at most %d are allowed",
               r->n_stop_tokens, MOST_STOP_TOKENS);
    HD_TRY(check_ids("stop token", r->stop_tokens, r->n_stop_tokens, limits->vocab));
    HD_REQUIRE(r->top_logprobs >= -1 && r->top_logprobs <= MOST_TOP, HD_INVALID_ARGUMENT,
               "top_logprobs is %d; it must be 0 to %d, or -1 for no log-probabilities", r->top_logprobs, MOST_TOP);
    return check_sampling(&r->sampling, limits->vocab);
}

void hd_sampling_init(hd_sampling *sampling) { *sampling = (hd_sampling){.top_p = 1, .typical_p = 1, .repetition_penalty = 1}; }

void hd_request_init(hd_request *request) {
    *request = (hd_request){.max_tokens = -1, .top_logprobs = -1, .skip_special = true};
    hd_sampling_init(&request->sampling);
}
