/* SPDX-License-Identifier: Apache-2.0 */
/* Added tokens: spellings that are cut out of the text before the model sees it. Those marked "normalized" are searched
 * for, normalised themselves, in normalised text; the others in the text as it comes. Immutable once built. */
#ifndef HDI_TEXT_ADDED_TOKENS_H
#define HDI_TEXT_ADDED_TOKENS_H

#include <jansson.h>

#include "text/normalizer.h"
#include "text/vocab.h"

typedef struct hdi_added_token {
    int32_t id;
    bool special, lstrip, rstrip, single_word, normalized;
} hdi_added_token;

/* Spellings in byte order; the longest one that matches at a place is found by narrowing a range of them. */
typedef struct hdi_added_set {
    struct hdi_added_pattern {
        uint32_t offset, size; /* of its text in the arena */
        uint32_t token;        /* index into hdi_added_tokens.tokens */
    } * patterns;
    size_t count;
    hdi_buffer arena;
    bool starts[256]; /* bytes that some pattern begins with */
} hdi_added_set;

typedef struct hdi_added_tokens {
    hdi_added_token *tokens;
    size_t count, cap;
    hdi_added_set plain, normalized;
} hdi_added_tokens;

/* Reads one token object ("content", "lstrip", ...). `id` -1 takes the object's own "id". The token is put into the
 * vocabulary; reading the same content again replaces its flags. */
hd_status hdi_added_tokens_add(hdi_added_tokens *a, hdi_vocab *vocab, const json_t *node, int64_t id, const char *where);
/* Once all are read: makes the sets to search in. */
hd_status hdi_added_tokens_build(hdi_added_tokens *a, const hdi_vocab *vocab, const hdi_normalizer *normalizer);
void hdi_added_tokens_free(hdi_added_tokens *a); /* legal on a zeroed one */

/* Takes each part of a text in order: an added token (id >= 0) or text between two (id -1), [start, end) of the text. */
typedef hd_status (*hdi_part_sink)(void *self, int32_t id, size_t start, size_t end);
hd_status hdi_added_tokens_cut(const hdi_added_tokens *a, const hdi_added_set *set, hdi_span text, hdi_part_sink sink,
                               void *self);

#endif
