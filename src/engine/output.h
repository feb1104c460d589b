/* SPDX-License-Identifier: Apache-2.0 */
/* What a sequence hands to its caller: tokens in a queue, each with the text that became final with it. Text that may still
 * become a stop string, or is half a character, waits for a later token. All room is made at the start; only text that a
 * caller leaves lying (more than TEXT_PER_TOKEN bytes a token, unfetched) makes the buffer grow. */
#ifndef HDI_ENGINE_OUTPUT_H
#define HDI_ENGINE_OUTPUT_H

#include "engine/stop.h"
#include "heddle/engine.h"

/* One entry of the queue. Offsets count bytes from the beginning of the whole text. */
typedef struct hdi_output_token {
    size_t text_end;
    int32_t id, n_top;
    float logprob;
    hd_finish finish;
} hdi_output_token;

typedef struct hdi_output {
    hdi_output_token *tokens;
    hd_token_logprob *top; /* top_stride a token; NULL when none are wanted */
    int64_t n, fetched;    /* tokens */
    int32_t top_stride;
    char *text; /* the bytes [base, base + size) of the text */
    size_t base, size, capacity;
    size_t final, given; /* what later tokens cannot change ends here; what the caller has fetched, here */
    hdi_stop stop;
    const hd_tokenizer *tokenizer; /* borrowed; NULL: no text */
    hd_detokenizer *detokenizer;
} hdi_output;

/* Room for `limit` tokens. Checks and copies the request's stop strings. */
hd_status hdi_output_init(hdi_output *output, const hd_tokenizer *tokenizer, const hd_request *request, int64_t limit);
void hdi_output_deinit(hdi_output *output); /* legal on a zeroed one */

/* Where hdi_output_push expects the alternatives of the token that comes next; NULL when none are wanted. */
hd_token_logprob *hdi_output_next_top(hdi_output *output);
/* Queues a token. With `text` its text is decoded too; *stopped tells that a stop string is complete, and the text cut. */
hd_status hdi_output_push(hdi_output *output, int32_t id, bool text, float logprob, int32_t n_top, bool *stopped);
/* Ends the queue: with the newest token when `with_last`, else with an entry of id -1. `flush`: what was held back is text. */
hd_status hdi_output_finish(hdi_output *output, hd_finish reason, bool with_last, bool flush);
bool hdi_output_next(hdi_output *output, hd_token *token);

#endif
