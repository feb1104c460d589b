/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/batch.h"

#include <string.h>

#include "base/memory.h"

static hd_status make(int32_t **out, int32_t count, const char *what) {
    return hdi_calloc(out, (size_t)count, sizeof(int32_t), what);
}

hd_status hdi_batch_init(hdi_batch *b, const hdi_step_limits *limits, bool uses_rope_lengths) {
    hd_status status;
    *b = (hdi_batch){.limits = *limits, .uses_rope_lengths = uses_rope_lengths};
    HD_TRY_GOTO(make(&b->token_ids, limits->max_tokens, "a batch's token ids"));
    HD_TRY_GOTO(make(&b->positions, limits->max_tokens, "a batch's positions"));
    HD_TRY_GOTO(make(&b->token_seq, limits->max_tokens, "a batch's sequences"));
    HD_TRY_GOTO(make(&b->slots, limits->max_tokens, "a batch's cache slots"));
    HD_TRY_GOTO(make(&b->rope_lengths, limits->max_tokens, "a batch's rope lengths"));
    HD_TRY_GOTO(make(&b->logit_rows, limits->max_rows, "a batch's logit rows"));
    HD_TRY_GOTO(hdi_calloc(&b->page_table, (size_t)limits->max_sequences * (size_t)limits->max_pages, sizeof(int32_t),
                           "a batch's page tables"));
    return HD_OK;
fail:
    hdi_batch_deinit(b);
    return status;
}

void hdi_batch_deinit(hdi_batch *b) {
    hdi_free(b->token_ids);
    hdi_free(b->positions);
    hdi_free(b->token_seq);
    hdi_free(b->slots);
    hdi_free(b->rope_lengths);
    hdi_free(b->logit_rows);
    hdi_free(b->page_table);
    *b = (hdi_batch){0};
}

hd_status hdi_batch_bind(hdi_batch *b, hd_executor *executor) {
    size_t tokens = (size_t)b->limits.max_tokens * sizeof(int32_t), rows = (size_t)b->limits.max_rows * sizeof(int32_t);
    size_t table = (size_t)b->limits.max_sequences * (size_t)b->limits.max_pages * sizeof(int32_t);
    HD_TRY(hd_executor_bind(executor, "token_ids", b->token_ids, tokens));
    HD_TRY(hd_executor_bind(executor, "positions", b->positions, tokens));
    HD_TRY(hd_executor_bind(executor, "token_seq", b->token_seq, tokens));
    HD_TRY(hd_executor_bind(executor, "slots", b->slots, tokens));
    if (b->uses_rope_lengths) HD_TRY(hd_executor_bind(executor, "rope_lengths", b->rope_lengths, tokens));
    HD_TRY(hd_executor_bind(executor, "logit_rows", b->logit_rows, rows));
    return hd_executor_bind(executor, "page_table", b->page_table, table);
}

static void fill_tokens(hdi_batch *b, const hdi_chunk *chunk, int32_t row) {
    const hd_sequence *s = chunk->sequence;
    int64_t page = b->limits.page_tokens;
    for (int64_t p = chunk->begin; p < chunk->begin + chunk->count; p++) {
        int32_t t = b->n_tokens++;
        b->token_ids[t] = s->tokens[p];
        b->positions[t] = (int32_t)p;
        b->token_seq[t] = row;
        b->slots[t] = (int32_t)(s->pages[p / page] * page + p % page);
        b->rope_lengths[t] = (int32_t)hdi_max_i64(s->n_prompt, p + 1); /* whatever the chunks: the prompt counts whole */
    }
}

void hdi_batch_fill(hdi_batch *b, const hdi_chunk *chunks, int32_t n) {
    b->n_tokens = b->n_rows = 0;
    b->n_sequences = n;
    for (int32_t i = 0; i < n; i++) {
        const hd_sequence *s = chunks[i].sequence;
        fill_tokens(b, &chunks[i], i);
        memcpy(b->page_table + (size_t)i * (size_t)b->limits.max_pages, s->pages, (size_t)s->n_pages * sizeof(int32_t));
        if (chunks[i].draws) b->logit_rows[b->n_rows++] = b->n_tokens - 1;
    }
}

hd_status hdi_batch_run(const hdi_batch *b, hd_executor *executor) {
    HD_TRY(hd_executor_set(executor, "tokens", b->n_tokens));
    HD_TRY(hd_executor_set(executor, "sequences", b->n_sequences));
    HD_TRY(hd_executor_set(executor, "rows", b->n_rows));
    return hd_executor_run(executor);
}
