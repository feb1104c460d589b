/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding a word. Short words rescan an array of ranks for the best pair; long ones keep a heap of candidates over a linked
 * list of symbols, so that a megabyte in one piece stays O(n log n). Both always join the pair of lowest rank, leftmost
 * among equals. */
#include "text/bpe.h"

enum { SHORT_WORD = 48 }; /* symbols up to which rescanning is faster than the heap */

struct hdi_bpe_symbol {
    int32_t id; /* -1: merged into its left neighbour */
    int32_t previous, next;
};

/* A pair that could be joined when it was seen. */
struct hdi_bpe_candidate {
    uint64_t order; /* rank << 32 | position: the smallest goes first */
    int32_t result;
};

void hdi_bpe_scratch_free(hdi_bpe_scratch *s) {
    hdi_free(s->symbols);
    hdi_free(s->heap);
    *s = (hdi_bpe_scratch){0};
}

static hd_status push_symbol(hdi_bpe_scratch *s, size_t *count, int32_t id) {
    HD_TRY(hdi_grow(&s->symbols, &s->symbols_cap, *count + 1, sizeof *s->symbols, "a word's symbols"));
    s->symbols[(*count)++].id = id;
    return HD_OK;
}

/* The id of the character word[start, end), with prefix and suffix where the model has them; -1 when it has none. */
static hd_status find_char(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_span word, size_t start, size_t end, int32_t *id) {
    hdi_span text = hdi_span_of(word.data + start, end - start);
    bool prefixed = start > 0 && bpe->prefix.size, suffixed = end == word.size && bpe->suffix.size;
    hdi_buffer whole = {0};
    if (!prefixed && !suffixed) {
        *id = hdi_vocab_find_model(vocab, text);
        return HD_OK;
    }
    hd_status status = HD_OK;
    if (prefixed) HD_TRY_GOTO(hdi_buffer_add_span(&whole, hdi_buffer_span(&bpe->prefix)));
    HD_TRY_GOTO(hdi_buffer_add_span(&whole, text));
    if (suffixed) HD_TRY_GOTO(hdi_buffer_add_span(&whole, hdi_buffer_span(&bpe->suffix)));
    *id = hdi_vocab_find_model(vocab, hdi_buffer_span(&whole));
fail:
    hdi_buffer_free(&whole);
    return status;
}

/* <0xNN> tokens for a character the vocabulary lacks; *done false when one of them is missing. Affixes count as bytes of the
 * character, as in the reference. */
static hd_status fall_back(const hdi_bpe *bpe, hdi_bpe_scratch *s, size_t *count, hdi_span word, size_t start, size_t end,
                           bool *done) {
    const hdi_span none = {"", 0};
    const hdi_span parts[] = {
        start > 0 ? hdi_buffer_span(&bpe->prefix) : none,
        hdi_span_of(word.data + start, end - start),
        end == word.size ? hdi_buffer_span(&bpe->suffix) : none,
    };
    *done = false;
    for (size_t p = 0; p < HDI_COUNTOF(parts); p++)
        for (size_t i = 0; i < parts[p].size; i++)
            if (bpe->bytes[(uint8_t)parts[p].data[i]] < 0) return HD_OK;
    for (size_t p = 0; p < HDI_COUNTOF(parts); p++)
        for (size_t i = 0; i < parts[p].size; i++) HD_TRY(push_symbol(s, count, bpe->bytes[(uint8_t)parts[p].data[i]]));
    *done = true;
    return HD_OK;
}

/* Characters -> symbols: known ones, byte tokens, or the unknown token (one for a run of them when they are fused). */
static hd_status make_symbols(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_bpe_scratch *s, hdi_span word, size_t *count) {
    bool affixes = bpe->prefix.size || bpe->suffix.size;
    bool unknown = false; /* an unknown token is due before the next known character */
    for (size_t at = 0; at < word.size;) {
        size_t start = at;
        int32_t id;
        uint32_t cp = hdi_next_cp(word, &at);
        if (cp < HDI_BPE_LOW_CHARS && !affixes)
            id = bpe->low_chars[cp];
        else
            HD_TRY(find_char(bpe, vocab, word, start, at, &id));
        if (id >= 0) {
            if (unknown) HD_TRY(push_symbol(s, count, bpe->unk));
            unknown = false;
            HD_TRY(push_symbol(s, count, id));
            continue;
        }
        bool done = false;
        if (bpe->byte_fallback) HD_TRY(fall_back(bpe, s, count, word, start, at, &done));
        if (done) continue;
        HD_REQUIRE(!bpe->unk_missing, HD_CORRUPT, "the tokenizer's unk_token, needed for U+%04X, is not in its vocabulary",
                   (unsigned)cp);
        if (bpe->unk < 0) continue;
        if (unknown && !bpe->fuse_unk) HD_TRY(push_symbol(s, count, bpe->unk));
        unknown = true;
    }
    return unknown ? push_symbol(s, count, bpe->unk) : HD_OK;
}

static size_t merge_short(const hdi_bpe *bpe, struct hdi_bpe_symbol *symbols, size_t count) {
    int32_t ids[SHORT_WORD];
    uint32_t ranks[SHORT_WORD]; /* of the pair that begins at each symbol; UINT32_MAX: none */
    int32_t results[SHORT_WORD];
    for (size_t i = 0; i < count; i++) ids[i] = symbols[i].id;
    for (size_t i = 0; i + 1 < count; i++) {
        const hdi_bpe_merge *merge = hdi_bpe_find(bpe, ids[i], ids[i + 1]);
        ranks[i] = merge ? merge->rank : UINT32_MAX;
        results[i] = merge ? merge->result : -1;
    }
    while (count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; i++)
            if (ranks[i] < ranks[best]) best = i;
        if (ranks[best] == UINT32_MAX) break;
        ids[best] = results[best];
        count--;
        size_t tail = count - best - 1;
        memmove(ids + best + 1, ids + best + 2, tail * sizeof *ids);
        if (tail > 0) {
            memmove(ranks + best + 1, ranks + best + 2, (tail - 1) * sizeof *ranks);
            memmove(results + best + 1, results + best + 2, (tail - 1) * sizeof *results);
        }
        for (size_t i = best > 0 ? best - 1 : 0; i <= best && i + 1 < count; i++) {
            const hdi_bpe_merge *merge = hdi_bpe_find(bpe, ids[i], ids[i + 1]);
            ranks[i] = merge ? merge->rank : UINT32_MAX;
            results[i] = merge ? merge->result : -1;
        }
    }
    for (size_t i = 0; i < count; i++) symbols[i].id = ids[i];
    return count;
}

static void sift_down(struct hdi_bpe_candidate *heap, size_t count, size_t at) {
    struct hdi_bpe_candidate item = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].order < heap[child].order) child++;
        if (heap[child].order >= item.order) break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

static void sift_up(struct hdi_bpe_candidate *heap, size_t at) {
    struct hdi_bpe_candidate item = heap[at];
    for (size_t parent; at > 0 && heap[parent = (at - 1) / 2].order > item.order; at = parent) heap[at] = heap[parent];
    heap[at] = item;
}

/* Notes the pair (left, its right neighbour) at the heap's end, if it is on the list. */
static hd_status add_candidate(const hdi_bpe *bpe, hdi_bpe_scratch *s, size_t *heap_count, int32_t left) {
    int32_t right = left >= 0 ? s->symbols[left].next : -1;
    const hdi_bpe_merge *merge = right >= 0 ? hdi_bpe_find(bpe, s->symbols[left].id, s->symbols[right].id) : NULL;
    if (!merge) return HD_OK;
    HD_TRY(hdi_grow(&s->heap, &s->heap_cap, *heap_count + 1, sizeof *s->heap, "a word's merges"));
    s->heap[*heap_count].order = (uint64_t)merge->rank << 32 | (uint32_t)left;
    s->heap[(*heap_count)++].result = merge->result;
    return HD_OK;
}

static hd_status merge_long(const hdi_bpe *bpe, hdi_bpe_scratch *s, size_t *count) {
    int32_t n = (int32_t)*count;
    size_t heap_count = 0;
    for (int32_t i = 0; i < n; i++) {
        s->symbols[i].previous = i - 1;
        s->symbols[i].next = i + 1 < n ? i + 1 : -1;
    }
    for (int32_t i = 0; i + 1 < n; i++) HD_TRY(add_candidate(bpe, s, &heap_count, i));
    for (size_t i = heap_count / 2; i-- > 0;) sift_down(s->heap, heap_count, i);
    while (heap_count > 0) {
        struct hdi_bpe_candidate top = s->heap[0];
        s->heap[0] = s->heap[--heap_count];
        if (heap_count) sift_down(s->heap, heap_count, 0);
        int32_t at = (int32_t)(uint32_t)top.order;
        struct hdi_bpe_symbol *left = &s->symbols[at];
        if (left->id < 0 || left->next < 0) continue;
        const hdi_bpe_merge *merge = hdi_bpe_find(bpe, left->id, s->symbols[left->next].id);
        if (!merge || merge->result != top.result) continue; /* a neighbour was joined elsewhere meanwhile */
        struct hdi_bpe_symbol *right = &s->symbols[left->next];
        left->id = top.result;
        left->next = right->next;
        right->id = -1;
        if (left->next >= 0) s->symbols[left->next].previous = at;
        for (int side = 0; side < 2; side++) {
            size_t before = heap_count;
            HD_TRY(add_candidate(bpe, s, &heap_count, side == 0 ? s->symbols[at].previous : at));
            if (heap_count > before) sift_up(s->heap, before);
        }
    }
    size_t kept = 0;
    for (int32_t i = 0; i < n; i++)
        if (s->symbols[i].id >= 0) s->symbols[kept++].id = s->symbols[i].id;
    *count = kept;
    return HD_OK;
}

hd_status hdi_bpe_merge_word(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_bpe_scratch *s, hdi_span word, hdi_ids *out) {
    size_t count = 0;
    HD_TRY(make_symbols(bpe, vocab, s, word, &count));
    HD_REQUIRE(count <= INT32_MAX, HD_EXHAUSTED, "a word of %zu symbols is too long to encode", count);
    if (count > SHORT_WORD)
        HD_TRY(merge_long(bpe, s, &count));
    else
        count = merge_short(bpe, s->symbols, count);
    HD_TRY(hdi_grow(&out->data, &out->cap, out->size + count, sizeof *out->data, "token ids"));
    for (size_t i = 0; i < count; i++) out->data[out->size++] = s->symbols[i].id;
    return HD_OK;
}

static hd_status encode_word(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_bpe_scratch *s, hdi_span word, hdi_ids *out) {
    int32_t id = hdi_vocab_find_model(vocab, word);
    if (id >= 0 && (bpe->ignore_merges || (vocab->tokens[id].flags & HDI_TOKEN_WHOLE))) return hdi_ids_push(out, id);
    return hdi_bpe_merge_word(bpe, vocab, s, word, out);
}

static bool is_space_mark(const char *p) { return (uint8_t)p[0] == 0xE2 && (uint8_t)p[1] == 0x96 && (uint8_t)p[2] == 0x81; }

hd_status hdi_bpe_encode(const hdi_bpe *bpe, const hdi_vocab *vocab, hdi_bpe_scratch *s, hdi_span word, hdi_ids *out) {
    if (!bpe->cut_at_spaces) return encode_word(bpe, vocab, s, word, out);
    size_t start = 0;
    bool after_mark = true; /* whether the character before `at` is the mark (or nothing) */
    for (size_t at = 0; at < word.size;) {
        bool mark = word.size - at >= 3 && is_space_mark(word.data + at);
        if (mark && !after_mark) {
            HD_TRY(encode_word(bpe, vocab, s, hdi_span_of(word.data + start, at - start), out));
            start = at;
        }
        after_mark = mark;
        at += mark ? 3 : 1;
    }
    return encode_word(bpe, vocab, s, hdi_span_of(word.data + start, word.size - start), out);
}
