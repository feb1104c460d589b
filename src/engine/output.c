/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/output.h"

#include <string.h>

#include "base/memory.h"

enum { TEXT_PER_TOKEN = 16, TEXT_AT_LEAST = 4096 };

/* The text goes on where the prompt ends: a decoder may treat the first token of all differently (the space before it is
 * dropped, say), and a character may have begun in the prompt. */
static hd_status read_prompt(hdi_output *o, const hd_request *request) {
    const char *piece;
    size_t size;
    for (size_t i = 0; i < request->n_prompt; i++)
        if (request->prompt[i] < hd_tokenizer_vocab_size(o->tokenizer))
            HD_TRY(hd_detokenizer_push(o->detokenizer, request->prompt[i], &piece, &size));
    return HD_OK;
}

hd_status hdi_output_init(hdi_output *o, const hd_tokenizer *tokenizer, const hd_request *request, int64_t limit) {
    hd_status status;
    size_t entries = (size_t)limit + 1; /* the last one may be an entry without a token */
    *o = (hdi_output){.tokenizer = tokenizer};
    HD_TRY_GOTO(hdi_stop_init(&o->stop, request->stop, request->n_stop));
    HD_TRY_GOTO(hdi_alloc(&o->tokens, entries, sizeof *o->tokens, "a sequence's tokens"));
    if (request->top_logprobs > 0) {
        o->top_stride = request->top_logprobs;
        HD_TRY_GOTO(hdi_alloc(&o->top, entries * (size_t)o->top_stride, sizeof *o->top, "a sequence's log-probabilities"));
    }
    if (tokenizer) {
        o->capacity = entries * TEXT_PER_TOKEN + TEXT_AT_LEAST;
        HD_TRY_GOTO(hdi_alloc(&o->text, o->capacity, 1, "a sequence's text"));
        HD_TRY_GOTO(hd_detokenizer_create(tokenizer, request->skip_special, &o->detokenizer));
        HD_TRY_GOTO(read_prompt(o, request));
    }
    return HD_OK;
fail:
    hdi_output_deinit(o);
    return status;
}

void hdi_output_deinit(hdi_output *o) {
    hdi_stop_deinit(&o->stop);
    hdi_free(o->tokens);
    hdi_free(o->top);
    hdi_free(o->text);
    hd_detokenizer_destroy(o->detokenizer);
    *o = (hdi_output){0};
}

/* Appends text and moves `final` on as far as the stop strings allow. */
static hd_status append(hdi_output *o, const char *text, size_t size, bool *stopped) {
    size_t cut;
    if (size > o->capacity - o->size) { /* let what was fetched go before asking for more room */
        size_t gone = o->given - o->base;
        memmove(o->text, o->text + gone, o->size - gone);
        o->base += gone;
        o->size -= gone;
        HD_TRY(hdi_grow(&o->text, &o->capacity, o->size + size, 1, "a sequence's text"));
    }
    if (size) memcpy(o->text + o->size, text, size);
    o->size += size;
    *stopped = hdi_stop_push(&o->stop, text, size, &cut);
    o->final = o->base + o->size - cut;
    return HD_OK;
}

hd_token_logprob *hdi_output_next_top(hdi_output *o) { return o->top ? o->top + o->n * o->top_stride : NULL; }

hd_status hdi_output_push(hdi_output *o, int32_t id, bool text, float logprob, int32_t n_top, bool *stopped) {
    const char *piece = "";
    size_t size = 0;
    *stopped = false;
    /* A model may have more ids than its tokenizer has tokens; such an id has no text. */
    if (text && o->detokenizer && id < hd_tokenizer_vocab_size(o->tokenizer)) {
        HD_TRY(hd_detokenizer_push(o->detokenizer, id, &piece, &size));
        HD_TRY(append(o, piece, size, stopped));
    }
    o->tokens[o->n++] = (hdi_output_token){.text_end = o->final, .id = id, .n_top = n_top, .logprob = logprob};
    return HD_OK;
}

hd_status hdi_output_finish(hdi_output *o, hd_finish reason, bool with_last, bool flush) {
    hd_status status = HD_OK;
    const char *piece = "";
    size_t size = 0;
    bool stopped = false;
    if (flush && o->detokenizer) {
        status = hd_detokenizer_finish(o->detokenizer, &piece, &size);
        if (status == HD_OK) status = append(o, piece, size, &stopped);
        if (!stopped) o->final = o->base + o->size;
    }
    if (!with_last || o->n == 0) o->tokens[o->n++] = (hdi_output_token){.id = -1};
    o->tokens[o->n - 1].text_end = o->final;
    o->tokens[o->n - 1].finish = reason;
    hd_detokenizer_destroy(o->detokenizer); /* the tokenizer is not needed any more */
    o->detokenizer = NULL;
    return status;
}

bool hdi_output_next(hdi_output *o, hd_token *token) {
    if (o->fetched == o->n) return false;
    const hdi_output_token *t = &o->tokens[o->fetched];
    *token = (hd_token){.id = t->id,
                        .text = o->text ? o->text + (o->given - o->base) : "",
                        .size = t->text_end - o->given,
                        .logprob = t->logprob,
                        .top = t->n_top ? o->top + o->fetched * o->top_stride : NULL,
                        .n_top = t->n_top,
                        .finish = t->finish};
    o->given = t->text_end;
    o->fetched++;
    return true;
}
