/* SPDX-License-Identifier: Apache-2.0 */
/* One submitted request: its copy of what was asked, its tokens, its hold on KV pages, its output. Waiting, running or done;
 * a running one that loses its pages to an older one waits again, tokens and draws unchanged. */
#ifndef HDI_ENGINE_SEQUENCE_H
#define HDI_ENGINE_SEQUENCE_H

#include "engine/output.h"
#include "heddle/engine.h"

typedef enum hdi_sequence_state { HDI_SEQUENCE_WAITING, HDI_SEQUENCE_RUNNING, HDI_SEQUENCE_DONE } hdi_sequence_state;

struct hd_sequence {
    hd_engine *engine;            /* NULL once the engine is gone */
    hd_sequence *previous, *next; /* all that the engine has */
    hd_sequence *next_waiting;    /* the scheduler's queue */
    uint64_t number;              /* in the order of submission */
    hdi_sequence_state state;

    int32_t *tokens;            /* prompt, then what was drawn */
    int64_t n_prompt, n, limit; /* n of at most `limit` tokens are there */
    int32_t pending;            /* more that steps under way draw, the newest of them from row `row` of its logits */
    int32_t row;
    int64_t computed;    /* tokens whose keys and values are in the cache, or will be after the step under way */
    int64_t prefill_end; /* tokens before this one are a prompt's chunk (after a loss of pages: drawn ones too) */
    int32_t *pages;      /* the sequence's page table */
    int32_t n_pages;

    hd_sampling sampling; /* its bias is ours */
    int32_t *stop_tokens;
    size_t n_stop_tokens;
    bool ignore_eos;
    int32_t top_logprobs;
    bool needs_logits; /* to choose a token, or to report on it, takes more than the sample kernel */

    hdi_output output;
    const float *logits; /* of the newest token; valid until the engine's call after `logits_call` only */
    uint64_t logits_call;
    hd_finish finish;
    char error[512];
};

/* How many tokens it has, with the one that is being drawn. */
static inline int64_t hdi_sequence_length(const hd_sequence *s) { return s->n + s->pending; }

/* What a request must agree with. */
typedef struct hdi_request_limits {
    int32_t vocab, page_tokens;
    int64_t context;
    const hd_tokenizer *tokenizer; /* borrowed, or NULL */
} hdi_request_limits;

/* HD_INVALID_ARGUMENT naming the field, its value and its range. */
hd_status hdi_request_check(const hd_request *request, const hdi_request_limits *limits);

/* Checks the request and makes a waiting sequence of it with all the room it will ever need. */
hd_status hdi_sequence_create(const hd_request *request, const hdi_request_limits *limits, hd_sequence **out);
void hdi_sequence_free(hd_sequence *sequence);

#endif
