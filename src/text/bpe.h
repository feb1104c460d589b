/* SPDX-License-Identifier: Apache-2.0 */
/* Byte-pair encoding: a word's characters become tokens, and the adjacent pair that comes first in the list of merges is
 * joined until no pair is on it. Immutable once loaded. */
#ifndef HDI_TEXT_BPE_H
#define HDI_TEXT_BPE_H

#include <jansson.h>

#include "text/vocab.h"

enum { HDI_BPE_LOW_CHARS = 0x300 };

typedef struct hdi_bpe_merge {
    uint64_t pair; /* left id << 32 | right id; UINT64_MAX: empty slot */
    uint32_t rank; /* place in the list of merges */
    int32_t result;
} hdi_bpe_merge;

typedef struct hdi_bpe {
    hdi_bpe_merge *merges; /* open addressing */
    size_t mask;
    uint64_t seed;
    int32_t unk;      /* -1: characters that are not in the vocabulary are left out */
    bool unk_missing; /* the file names an unknown token that is not in its vocabulary: an error once it is needed */
    bool fuse_unk, byte_fallback, ignore_merges;
    bool cut_at_spaces;                   /* no merge crosses from another character to a U+2581 behind it: see bpe.c */
    hdi_buffer prefix, suffix;            /* continuing_subword_prefix, end_of_word_suffix */
    int32_t bytes[256];                   /* ids of <0x00> .. <0xFF>, -1 */
    int32_t low_chars[HDI_BPE_LOW_CHARS]; /* ids of the first characters, -1: most lookups without hashing */
} hdi_bpe;

/* Reads the "model" object: its tokens go into `vocab` (initialised here), its merges into `bpe`. */
hd_status hdi_bpe_parse(hdi_bpe *bpe, hdi_vocab *vocab, const json_t *model, const char *where);
void hdi_bpe_free(hdi_bpe *bpe); /* legal on a zeroed one */

/* Working memory of encoding; zeroed is a valid start. */
typedef struct hdi_bpe_scratch {
    struct hdi_bpe_symbol *symbols;
    struct hdi_bpe_candidate *heap;
    size_t symbols_cap, heap_cap;
} hdi_bpe_scratch;
void hdi_bpe_scratch_free(hdi_bpe_scratch *s);

/* Appends the ids of one word (a piece of the pre-tokeniser). O(n log n) in its length. */
hd_status hdi_bpe_encode(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_bpe_scratch *s, hdi_span word, hdi_ids *out);
/* The same by merging alone, without looking the whole word up first. */
hd_status hdi_bpe_merge_word(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_bpe_scratch *s, hdi_span word, hdi_ids *out);

static inline const hdi_bpe_merge *hdi_bpe_find(const hdi_bpe *bpe, int32_t left, int32_t right) {
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    for (size_t at = hdi_hash_mix(pair ^ bpe->seed, 0x9E3779B97F4A7C15u) & bpe->mask;; at = (at + 1) & bpe->mask) {
        const hdi_bpe_merge *slot = &bpe->merges[at];
        if (slot->pair == pair) return slot;
        if (slot->pair == UINT64_MAX) return NULL;
    }
}

#endif
