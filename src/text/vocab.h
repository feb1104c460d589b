/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary: spellings and ids, both ways. Model tokens and added tokens share one id space and one table; flags tell
 * them apart. Ids come from files, so that holes are legal but memory is bounded by the number of tokens, never by an id. */
#ifndef HDI_TEXT_VOCAB_H
#define HDI_TEXT_VOCAB_H

#include "text/buffer.h"

enum {
    HDI_TOKEN_USED = 1,    /* the id has a spelling */
    HDI_TOKEN_MODEL = 2,   /* in the model's vocabulary: merges may make it */
    HDI_TOKEN_ADDED = 4,   /* an added token: cut out of the text before the model sees it */
    HDI_TOKEN_SPECIAL = 8, /* an added token that decoding leaves out on request */
    HDI_TOKEN_WHOLE = 16,  /* its spelling as a word encodes to this one id */
    HDI_TOKEN_CONFIG = 32, /* an added token that tokenizer_config.json has otherwise than tokenizer.json */
};

typedef struct hdi_token {
    uint32_t offset, size; /* into the arena; a NUL follows */
    uint32_t flags;
    uint32_t added; /* HDI_TOKEN_ADDED: its place in the list of added tokens */
} hdi_token;

typedef struct hdi_vocab {
    hdi_buffer arena;
    hdi_token *tokens; /* by id */
    size_t tokens_cap;
    int32_t size;  /* one more than the largest id */
    int32_t limit; /* ids below this are accepted */
    struct hdi_vocab_slot {
        uint32_t tag;
        int32_t id; /* -1: empty */
    } * slots;
    size_t mask, used;
    uint64_t seed; /* random, so that no file can be made of colliding keys */
} hdi_vocab;

/* Makes room for `count` tokens; ids may go up to a small multiple of that. */
hd_status hdi_vocab_init(hdi_vocab *v, size_t count);
void hdi_vocab_free(hdi_vocab *v); /* legal on a zeroed one */

/* HD_CORRUPT when the id is out of range or taken, or the spelling is there already. */
hd_status hdi_vocab_add(hdi_vocab *v, hdi_span spelling, int64_t id, uint32_t flags);
/* The id of a spelling, -1 when there is none. */
int32_t hdi_vocab_find(const hdi_vocab *v, hdi_span spelling);
/* The same among model tokens only. */
int32_t hdi_vocab_find_model(const hdi_vocab *v, hdi_span spelling);

/* Flags of an id: 0 when it is out of range or not used. */
static inline uint32_t hdi_vocab_flags(const hdi_vocab *v, int32_t id) {
    return id >= 0 && id < v->size ? v->tokens[id].flags : 0;
}
/* The spelling of a used id; borrowed, NUL-terminated behind its size. */
static inline hdi_span hdi_vocab_spelling(const hdi_vocab *v, int32_t id) {
    return hdi_span_of(v->arena.data + v->tokens[id].offset, v->tokens[id].size);
}

/* A seed no file can know, and the mixing step that both hash tables use. */
uint64_t hdi_hash_seed(void);
static inline uint64_t hdi_hash_mix(uint64_t a, uint64_t b) {
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
