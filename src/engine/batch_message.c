/* SPDX-License-Identifier: Apache-2.0 */
/* A step's inputs as one message: a head with the sizes, then what is used of each input, one after the other. */
#include <string.h>

#include "engine/batch.h"
#include "kernels/sample/sample.h"

typedef struct head {
    int32_t tokens, sequences, rows, decodes;
    int32_t first, end; /* rows of the page table that follow */
} head;

/* Copies `count` words of an input to or from the message. */
typedef void (*move_fn)(void *input, uint8_t **at, size_t bytes);

static void put(void *input, uint8_t **at, size_t bytes) {
    memcpy(*at, input, bytes);
    *at += bytes;
}

static void get(void *input, uint8_t **at, size_t bytes) {
    memcpy(input, *at, bytes);
    *at += bytes;
}

/* A device's page table is in its shadow; only the rows that changed go. */
static int32_t *page_table(const hdi_batch *b) { return b->block ? b->shadow : b->page_table; }

static void move_inputs(const hdi_batch *b, const head *h, move_fn move, uint8_t **at) {
    size_t tokens = (size_t)h->tokens * sizeof(int32_t), rows = (size_t)h->rows * sizeof(int32_t);
    size_t row = (size_t)b->limits.max_pages;
    move(b->token_ids, at, tokens);
    move(b->positions, at, tokens);
    move(b->token_seq, at, tokens);
    move(b->slots, at, tokens);
    move(b->source, at, tokens);
    move(b->rope_lengths, at, tokens);
    move(b->logit_rows, at, rows);
    move(b->sample_params, at, rows * HDI_SAMPLE_PARAMS);
    move(page_table(b) + (size_t)h->first * row, at, (size_t)(h->end - h->first) * row * sizeof(int32_t));
}

size_t hdi_batch_message_room(const hdi_batch *b) {
    const hdi_step_limits *l = &b->limits;
    return sizeof(head) + sizeof(int32_t) * (6 * (size_t)l->max_tokens + (1 + HDI_SAMPLE_PARAMS) * (size_t)l->max_rows +
                                             (size_t)l->max_sequences * (size_t)l->max_pages);
}

size_t hdi_batch_write(const hdi_batch *b, void *to) {
    uint8_t *at = to;
    const head h = {.tokens = b->n_tokens,
                    .sequences = b->n_sequences,
                    .rows = b->n_rows,
                    .decodes = b->decodes,
                    .first = b->block ? b->changed_first : 0,
                    .end = b->block ? b->changed_end : b->n_sequences};
    memcpy(at, &h, sizeof h);
    at += sizeof h;
    move_inputs(b, &h, put, &at);
    return (size_t)(at - (uint8_t *)to);
}

void hdi_batch_read(hdi_batch *b, const void *from) {
    uint8_t *at = (uint8_t *)(uintptr_t)from;
    head h;
    get(&h, &at, sizeof h);
    b->n_tokens = h.tokens;
    b->n_sequences = h.sequences;
    b->n_rows = h.rows;
    b->decodes = h.decodes != 0;
    if (b->block) {
        b->changed_first = h.first;
        b->changed_end = h.end;
    }
    move_inputs(b, &h, get, &at);
}
