/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sequence.h"

#include <string.h>

#include "base/memory.h"
#include "engine/logits.h"

/* A copy of n elements; NULL for none. */
static hd_status copy(void *out, const void *from, size_t n, size_t size, const char *what) {
    void *to = NULL;
    if (n) {
        HD_TRY(hdi_alloc(&to, n, size, what));
        memcpy(to, from, n * size);
    }
    memcpy(out, &to, sizeof to);
    return HD_OK;
}

static hd_status copy_sampling(hd_sequence *s, const hd_sampling *from) {
    hd_logit_bias *bias;
    s->sampling = *from;
    s->sampling.bias = NULL;
    HD_TRY(copy(&bias, from->bias, from->n_bias, sizeof *bias, "a logit bias"));
    s->sampling.bias = bias;
    return HD_OK;
}

hd_status hdi_sequence_create(const hd_request *request, const hdi_request_limits *limits, hd_sequence **out) {
    hd_sequence *s = NULL;
    hd_status status;
    int64_t n_prompt = (int64_t)request->n_prompt;
    *out = NULL;
    HD_TRY(hdi_request_check(request, limits));
    int64_t room = limits->context - n_prompt;
    int64_t new_tokens = request->max_tokens < 0 ? room : hdi_min_i64(request->max_tokens, room);

    HD_TRY(hdi_calloc(&s, 1, sizeof *s, "a sequence"));
    s->n = s->n_prompt = n_prompt;
    s->limit = n_prompt + new_tokens;
    s->ignore_eos = request->ignore_eos;
    s->top_logprobs = request->top_logprobs;
    s->needs_logits = request->top_logprobs >= 0 || hdi_sampling_edits(&request->sampling);
    HD_TRY_GOTO(hdi_alloc(&s->tokens, (size_t)s->limit, sizeof *s->tokens, "a sequence's tokens"));
    memcpy(s->tokens, request->prompt, request->n_prompt * sizeof *s->tokens);
    HD_TRY_GOTO(hdi_alloc(&s->pages, (size_t)hdi_ceil_div(s->limit, limits->page_tokens), sizeof *s->pages, "a page table"));
    HD_TRY_GOTO(copy_sampling(s, &request->sampling));
    s->n_stop_tokens = request->n_stop_tokens;
    HD_TRY_GOTO(copy(&s->stop_tokens, request->stop_tokens, request->n_stop_tokens, sizeof *s->stop_tokens, "stop tokens"));
    HD_TRY_GOTO(hdi_output_init(&s->output, limits->tokenizer, request, new_tokens));
    *out = s;
    return HD_OK;
fail:
    hdi_sequence_free(s);
    return status;
}

void hdi_sequence_free(hd_sequence *s) {
    if (!s) return;
    hdi_free(s->tokens);
    hdi_free(s->pages);
    hdi_free(s->stop_tokens);
    hdi_free((void *)(uintptr_t)s->sampling.bias);
    hdi_output_deinit(&s->output);
    hdi_free(s);
}
