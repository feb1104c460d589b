/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a BPE model. Besides the tables two shortcuts are prepared that change no result: tokens whose spelling encodes to
 * themselves are marked (HDI_TOKEN_WHOLE), so that such a word costs one lookup; and where no token has another character in
 * front of a U+2581 (the SentencePiece space), long texts are merged word by word, since no merge could cross there. */
#include <stdio.h>

#include "text/bpe.h"
#include "text/node.h"

#define SPACE_MARK "\xE2\x96\x81"

static hd_status parse_vocab(hdi_vocab *vocab, const json_t *model, const char *where) {
    const json_t *object;
    const char *spelling;
    json_t *id;
    HD_TRY(hdi_json_get_object(model, where, "vocab", &object));
    HD_REQUIRE(json_object_size(object), HD_CORRUPT, "%s: \"vocab\" is empty", where);
    HD_TRY(hdi_vocab_init(vocab, json_object_size(object)));
    json_object_foreach((json_t *)(uintptr_t)object, spelling, id) {
        HD_REQUIRE(json_is_integer(id), HD_CORRUPT, "%s: vocab: the id of token \"%.64s\" is not an integer", where, spelling);
        hd_status status = hdi_vocab_add(vocab, hdi_span_of(spelling, strlen(spelling)), json_integer_value(id), HDI_TOKEN_MODEL);
        if (status != HD_OK) return hdi_fail_prefix(status, "%s: vocab", where);
    }
    return HD_OK;
}

/* The two sides of a merge: ["a", "b"], or "a b" with exactly one space. */
static hd_status merge_sides(const json_t *item, const char *where, hdi_span *left, hdi_span *right) {
    if (json_is_array(item) && json_array_size(item) == 2 && json_is_string(json_array_get(item, 0)) &&
        json_is_string(json_array_get(item, 1))) {
        const json_t *a = json_array_get(item, 0), *b = json_array_get(item, 1);
        *left = hdi_span_of(json_string_value(a), json_string_length(a));
        *right = hdi_span_of(json_string_value(b), json_string_length(b));
        return HD_OK;
    }
    HD_REQUIRE(json_is_string(item), HD_CORRUPT, "%s: must be two strings, as [\"a\", \"b\"] or \"a b\"", where);
    const char *text = json_string_value(item);
    size_t size = json_string_length(item);
    const char *space = memchr(text, ' ', size);
    HD_REQUIRE(space && !memchr(space + 1, ' ', size - (size_t)(space + 1 - text)), HD_CORRUPT,
               "%s: \"%.64s\" must be two tokens with one space between them", where, text);
    *left = hdi_span_of(text, (size_t)(space - text));
    *right = hdi_span_of(space + 1, size - left->size - 1);
    return HD_OK;
}

static hd_status known_token(const hdi_vocab *vocab, hdi_span spelling, const char *where, int32_t *id) {
    *id = hdi_vocab_find_model(vocab, spelling);
    HD_REQUIRE(*id >= 0, HD_CORRUPT, "%s: token \"%.*s\" is not in the vocabulary", where,
               spelling.size > 64 ? 64 : (int)spelling.size, spelling.data);
    return HD_OK;
}

static void insert_merge(hdi_bpe *bpe, int32_t left, int32_t right, uint32_t rank, int32_t result) {
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = hdi_hash_mix(pair ^ bpe->seed, 0x9E3779B97F4A7C15u) & bpe->mask;
    while (bpe->merges[at].pair != UINT64_MAX && bpe->merges[at].pair != pair) at = (at + 1) & bpe->mask;
    bpe->merges[at] = (hdi_bpe_merge){.pair = pair, .rank = rank, .result = result}; /* a pair listed twice: the last counts */
}

static hd_status add_merge(hdi_bpe *bpe, const hdi_vocab *vocab, hdi_buffer *joined, const json_t *item, size_t rank,
                           const char *where) {
    hdi_span left, right;
    int32_t a, b, result;
    if (json_is_string(item) && strncmp(json_string_value(item), "#version", 8) == 0) return HD_OK;
    HD_TRY(merge_sides(item, where, &left, &right));
    HD_TRY(known_token(vocab, left, where, &a));
    HD_TRY(known_token(vocab, right, where, &b));
    HD_REQUIRE(right.size >= bpe->prefix.size, HD_CORRUPT, "%s: \"%.64s\" lacks the continuing_subword_prefix", where,
               right.data);
    joined->size = 0;
    HD_TRY(hdi_buffer_add_span(joined, left));
    HD_TRY(hdi_buffer_add(joined, right.data + bpe->prefix.size, right.size - bpe->prefix.size));
    HD_TRY(known_token(vocab, hdi_buffer_span(joined), where, &result));
    insert_merge(bpe, a, b, (uint32_t)rank, result);
    return HD_OK;
}

static hd_status parse_merges(hdi_bpe *bpe, const hdi_vocab *vocab, const json_t *model, const char *where) {
    const json_t *list;
    HD_TRY(hdi_json_get_array(model, where, "merges", &list));
    size_t count = json_array_size(list), slots = 64;
    HD_REQUIRE(count < UINT32_MAX / 4, HD_CORRUPT, "%s: \"merges\" has %zu entries, too many", where, count);
    while (slots < count + count / 2) slots *= 2;
    HD_TRY(hdi_alloc(&bpe->merges, slots, sizeof *bpe->merges, "merges"));
    memset(bpe->merges, 0xFF, slots * sizeof *bpe->merges);
    bpe->mask = slots - 1;
    bpe->seed = hdi_hash_seed();

    hdi_buffer joined = {0};
    hdi_where place = hdi_where_of(where, "merges");
    hd_status status = HD_OK;
    for (size_t i = 0; i < count && status == HD_OK; i++) {
        status = add_merge(bpe, vocab, &joined, json_array_get(list, i), i, "");
        /* The place is only spelled out for the one that fails: there may be a million that do not. */
        if (status != HD_OK)
            status = add_merge(bpe, vocab, &joined, json_array_get(list, i), i, hdi_where_item(place.text, i).text);
    }
    hdi_buffer_free(&joined);
    return status;
}

static hd_status opt_affix(hdi_buffer *out, const json_t *model, const char *where, const char *key) {
    const char *text = NULL;
    HD_TRY(hdi_json_opt_string(model, where, key, &text));
    return text ? hdi_buffer_add(out, text, strlen(text)) : HD_OK;
}

static hd_status parse_options(hdi_bpe *bpe, const hdi_vocab *vocab, const json_t *model, const char *where) {
    const char *unk = NULL;
    double dropout = 0;
    HD_TRY(hdi_json_opt_bool(model, where, "fuse_unk", &bpe->fuse_unk));
    HD_TRY(hdi_json_opt_bool(model, where, "byte_fallback", &bpe->byte_fallback));
    HD_TRY(hdi_json_opt_bool(model, where, "ignore_merges", &bpe->ignore_merges));
    HD_TRY(hdi_json_opt_f64(model, where, "dropout", &dropout));
    HD_REQUIRE(dropout == 0, HD_UNSUPPORTED, "%s: \"dropout\" is %g; it makes encoding random, set it to null", where, dropout);
    HD_TRY(opt_affix(&bpe->prefix, model, where, "continuing_subword_prefix"));
    HD_TRY(opt_affix(&bpe->suffix, model, where, "end_of_word_suffix"));
    HD_TRY(hdi_json_opt_string(model, where, "unk_token", &unk));
    bpe->unk = unk ? hdi_vocab_find_model(vocab, hdi_span_of(unk, strlen(unk))) : -1;
    bpe->unk_missing = unk && bpe->unk < 0;
    return HD_OK;
}

static void find_chars(hdi_bpe *bpe, const hdi_vocab *vocab) {
    char text[8];
    for (int i = 0; i < 256; i++) {
        snprintf(text, sizeof text, "<0x%02X>", i);
        bpe->bytes[i] = hdi_vocab_find_model(vocab, hdi_span_of(text, 6));
    }
    for (uint32_t i = 0; i < HDI_BPE_LOW_CHARS; i++)
        bpe->low_chars[i] = hdi_vocab_find_model(vocab, hdi_span_of(text, (size_t)hdi_utf8_encode(i, text)));
}

static bool crosses_to_space(hdi_span spelling) {
    const char *at = spelling.data, *end = spelling.data + spelling.size;
    while ((at = memmem(at, (size_t)(end - at), SPACE_MARK, 3)) != NULL) {
        if (at != spelling.data && (at - spelling.data < 3 || memcmp(at - 3, SPACE_MARK, 3) != 0)) return true;
        at += 3;
    }
    return false;
}

static bool may_cut_at_spaces(const hdi_bpe *bpe, const hdi_vocab *vocab) {
    if (bpe->ignore_merges || bpe->prefix.size || bpe->suffix.size) return false;
    if (hdi_vocab_find_model(vocab, hdi_span_of(SPACE_MARK, 3)) < 0) return false;
    /* Every character must leave a token: what is left out would bring its neighbours together. */
    bool all_bytes = bpe->byte_fallback;
    for (int i = 0; i < 256; i++) all_bytes &= bpe->bytes[i] >= 0;
    if (!all_bytes && (bpe->unk < 0 || bpe->byte_fallback)) return false;
    for (int32_t id = 0; id < vocab->size; id++)
        if ((hdi_vocab_flags(vocab, id) & HDI_TOKEN_MODEL) && crosses_to_space(hdi_vocab_spelling(vocab, id))) return false;
    return true;
}

static hd_status mark_whole_tokens(const hdi_bpe *bpe, hdi_vocab *vocab) {
    hdi_bpe_scratch scratch = {0};
    hdi_ids ids = {0};
    hd_status status = HD_OK;
    for (int32_t id = 0; id < vocab->size && status == HD_OK; id++) {
        if (!(hdi_vocab_flags(vocab, id) & HDI_TOKEN_MODEL)) continue;
        ids.size = 0;
        status = hdi_bpe_merge_word(bpe, vocab, &scratch, hdi_vocab_spelling(vocab, id), &ids);
        if (ids.size == 1 && ids.data[0] == id) vocab->tokens[id].flags |= HDI_TOKEN_WHOLE;
    }
    hdi_bpe_scratch_free(&scratch);
    hdi_ids_free(&ids);
    return status;
}

hd_status hdi_bpe_parse(hdi_bpe *bpe, hdi_vocab *vocab, const json_t *model, const char *where) {
    const char *type = "BPE"; /* files of old have none */
    *bpe = (hdi_bpe){.unk = -1};
    HD_TRY(hdi_json_opt_string(model, where, "type", &type));
    HD_REQUIRE(strcmp(type, "BPE") == 0, HD_UNSUPPORTED, "%s: model type \"%s\" is not supported; Heddle reads BPE models", where,
               type);
    HD_TRY(parse_vocab(vocab, model, where));
    HD_TRY(parse_options(bpe, vocab, model, where));
    HD_TRY(parse_merges(bpe, vocab, model, where));
    find_chars(bpe, vocab);
    bpe->cut_at_spaces = may_cut_at_spaces(bpe, vocab);
    /* A missing unknown token is no error until some text needs it; here the vocabulary's own spellings might. */
    bool missing = bpe->unk_missing;
    bpe->unk_missing = false;
    HD_TRY(mark_whole_tokens(bpe, vocab));
    bpe->unk_missing = missing;
    return HD_OK;
}

void hdi_bpe_free(hdi_bpe *bpe) {
    hdi_free(bpe->merges);
    hdi_buffer_free(&bpe->prefix);
    hdi_buffer_free(&bpe->suffix);
    *bpe = (hdi_bpe){0};
}
