/* SPDX-License-Identifier: Apache-2.0 */
/* Added tokens: leftmost match, longest at that place, then the conditions and the space-eating that its flags ask for. */
#include "text/added_tokens.h"

#include "text/node.h"

enum { LONGEST_CONTENT = 1024 }; /* bounds the work at each place of a text; the longest real ones have 40 bytes */

static hd_status parse_flags(hdi_added_token *token, const json_t *node, const char *where) {
    HD_TRY(hdi_json_opt_bool(node, where, "special", &token->special));
    HD_TRY(hdi_json_opt_bool(node, where, "lstrip", &token->lstrip));
    HD_TRY(hdi_json_opt_bool(node, where, "rstrip", &token->rstrip));
    HD_TRY(hdi_json_opt_bool(node, where, "single_word", &token->single_word));
    token->normalized = !token->special; /* the reference's default */
    return hdi_json_opt_bool(node, where, "normalized", &token->normalized);
}

hd_status hdi_added_tokens_add(hdi_added_tokens *a, hdi_vocab *vocab, const json_t *node, int64_t id, const char *where) {
    hdi_added_token token = {.id = -1};
    hdi_span content;
    HD_REQUIRE(json_is_object(node), HD_CORRUPT, "%s: must be an object", where);
    HD_TRY(hdi_node_span(node, where, "content", &content));
    HD_TRY(parse_flags(&token, node, where));
    if (id < 0) {
        HD_TRY(hdi_json_get_i64(node, where, "id", &id));
        HD_REQUIRE(id >= 0, HD_CORRUPT, "%s: \"id\" is %lld, but ids are not negative", where, (long long)id);
    }
    if (content.size == 0) return HD_OK; /* matches nothing; the reference passes over it too */
    HD_REQUIRE(content.size <= LONGEST_CONTENT, HD_UNSUPPORTED, "%s: \"content\" has %zu bytes; the limit is %d", where,
               content.size, LONGEST_CONTENT);
    HD_REQUIRE(!memchr(content.data, 0, content.size), HD_UNSUPPORTED, "%s: \"content\" holds a NUL character", where);

    token.id = hdi_vocab_find(vocab, content);
    if (token.id < 0) {
        hd_status status = hdi_vocab_add(vocab, content, id, 0);
        if (status != HD_OK) return hdi_fail_prefix(status, "%s", where);
        token.id = (int32_t)id;
    }
    HD_REQUIRE(token.id == id, HD_CORRUPT, "%s: token \"%.64s\" has id %lld here and %d in the vocabulary", where, content.data,
               (long long)id, token.id);
    hdi_token *entry = &vocab->tokens[id];
    bool known = entry->flags & HDI_TOKEN_ADDED;
    if (!known) {
        HD_TRY(hdi_grow(&a->tokens, &a->cap, a->count + 1, sizeof *a->tokens, "added tokens"));
        entry->added = (uint32_t)a->count++;
    }
    a->tokens[entry->added] = token;
    entry->flags = (entry->flags & ~(uint32_t)HDI_TOKEN_SPECIAL) | HDI_TOKEN_ADDED | (token.special ? HDI_TOKEN_SPECIAL : 0u);
    return HD_OK;
}

static hdi_span pattern_text(const hdi_added_set *set, size_t i) {
    return hdi_span_of(set->arena.data + set->patterns[i].offset, set->patterns[i].size);
}

static int compare_patterns(const void *a, const void *b, void *arena) {
    const struct hdi_added_pattern *left = a, *right = b;
    const char *text = arena;
    size_t common = left->size < right->size ? left->size : right->size;
    int order = memcmp(text + left->offset, text + right->offset, common);
    if (order) return order;
    if (left->size != right->size) return left->size < right->size ? -1 : 1;
    return left->token < right->token ? -1 : left->token > right->token;
}

/* Tokens of one kind, special ones first: among equal texts the first counts. */
static hd_status fill_set(hdi_added_set *set, const hdi_added_tokens *a, const hdi_vocab *vocab, const hdi_normalizer *normalizer,
                          hdi_matcher *matcher, hdi_buffer buffers[2]) {
    for (int special = 1; special >= 0; special--)
        for (size_t i = 0; i < a->count; i++) {
            const hdi_added_token *token = &a->tokens[i];
            if (token->special != special || token->normalized != (normalizer != NULL)) continue;
            hdi_span text = hdi_vocab_spelling(vocab, token->id);
            if (normalizer) HD_TRY(hdi_normalizer_run(normalizer, matcher, buffers, text, &text));
            if (text.size == 0) continue;
            HD_REQUIRE(set->arena.size + text.size < UINT32_MAX, HD_CORRUPT, "the added tokens take more than 4 GB");
            set->patterns[set->count++] = (struct hdi_added_pattern){(uint32_t)set->arena.size, (uint32_t)text.size, (uint32_t)i};
            HD_TRY(hdi_buffer_add_span(&set->arena, text));
        }
    return HD_OK;
}

static hd_status build_set(hdi_added_set *set, const hdi_added_tokens *a, const hdi_vocab *vocab,
                           const hdi_normalizer *normalizer) {
    hdi_matcher matcher = {0};
    hdi_buffer buffers[2] = {{0}, {0}};
    HD_TRY(hdi_alloc(&set->patterns, a->count, sizeof *set->patterns, "added tokens"));
    hd_status status = fill_set(set, a, vocab, normalizer, &matcher, buffers);
    hdi_buffer_free(&buffers[0]);
    hdi_buffer_free(&buffers[1]);
    hdi_matcher_free(&matcher);
    if (status != HD_OK || set->count == 0) return status;

    /* Special tokens come before others of the same text in both lists, so that `token` must say so too. */
    for (size_t i = 0; i < set->count; i++) set->starts[(uint8_t)pattern_text(set, i).data[0]] = true;
    for (size_t i = 0; i < set->count; i++) {
        bool special = a->tokens[set->patterns[i].token].special;
        if (!special) set->patterns[i].token |= 0x80000000u;
    }
    qsort_r(set->patterns, set->count, sizeof *set->patterns, compare_patterns, set->arena.data);
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        set->patterns[i].token &= 0x7FFFFFFFu;
        if (kept && hdi_span_equal(pattern_text(set, kept - 1), pattern_text(set, i))) continue;
        set->patterns[kept++] = set->patterns[i];
    }
    set->count = kept;
    return HD_OK;
}

hd_status hdi_added_tokens_build(hdi_added_tokens *a, const hdi_vocab *vocab, const hdi_normalizer *normalizer) {
    HD_TRY(build_set(&a->plain, a, vocab, NULL));
    return build_set(&a->normalized, a, vocab, normalizer);
}

static void free_set(hdi_added_set *set) {
    hdi_free(set->patterns);
    hdi_buffer_free(&set->arena);
}

void hdi_added_tokens_free(hdi_added_tokens *a) {
    hdi_free(a->tokens);
    free_set(&a->plain);
    free_set(&a->normalized);
    *a = (hdi_added_tokens){0};
}

/* The first pattern in [low, high) whose byte at `depth` is at least `byte`; all of them are longer than `depth`. */
static size_t lower_bound(const hdi_added_set *set, size_t low, size_t high, size_t depth, unsigned byte) {
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uint8_t)pattern_text(set, middle).data[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest pattern at text[at...]; its index, SIZE_MAX when none matches. */
static size_t longest_at(const hdi_added_set *set, hdi_span text, size_t at) {
    size_t low = 0, high = set->count, found = SIZE_MAX;
    for (size_t depth = 0; at + depth < text.size && low < high; depth++) {
        unsigned byte = (uint8_t)text.data[at + depth];
        low = lower_bound(set, low, high, depth, byte);
        high = lower_bound(set, low, high, depth, byte + 1);
        if (low < high && set->patterns[low].size == depth + 1) found = low++; /* the shortest sorts first */
    }
    return found;
}

static bool ends_in_word(hdi_span text) {
    if (text.size == 0) return false;
    size_t at = text.size - 1;
    while (at > 0 && ((uint8_t)text.data[at] & 0xC0) == 0x80) at--;
    return hdi_is_word(hdi_next_cp(text, &at));
}

static bool begins_with_word(hdi_span text) {
    size_t at = 0;
    return text.size && hdi_is_word(hdi_next_cp(text, &at));
}

static size_t spaces_before(hdi_span text, size_t end, size_t floor) {
    while (end > floor) {
        size_t last = end - 1;
        while (last > floor && ((uint8_t)text.data[last] & 0xC0) == 0x80) last--;
        size_t next = last;
        if (!hdi_is_space(hdi_next_cp(text, &next))) break;
        end = last;
    }
    return end;
}

static size_t spaces_after(hdi_span text, size_t start) {
    size_t next = start;
    while (start < text.size && hdi_is_space(hdi_next_cp(text, &next))) start = next;
    return start;
}

hd_status hdi_added_tokens_cut(const hdi_added_tokens *a, const hdi_added_set *set, hdi_span text, hdi_part_sink sink,
                               void *self) {
    size_t done = 0; /* what lies before it has been given out */
    for (size_t at = 0; set->count && at < text.size;) {
        size_t found = set->starts[(uint8_t)text.data[at]] ? longest_at(set, text, at) : SIZE_MAX;
        if (found == SIZE_MAX) {
            at++;
            continue;
        }
        const hdi_added_token *token = &a->tokens[set->patterns[found].token];
        size_t start = at, end = at + set->patterns[found].size;
        at = end; /* the search goes on behind the match itself, whatever spaces it ate: the reference's order */
        if (token->single_word &&
            (ends_in_word(hdi_span_of(text.data, start)) || begins_with_word(hdi_span_of(text.data + end, text.size - end))))
            continue;
        if (token->lstrip && start > done) start = spaces_before(text, start, done);
        if (token->rstrip) end = spaces_after(text, end);
        if (done < start) HD_TRY(sink(self, -1, done, start));
        HD_TRY(sink(self, token->id, start, end));
        done = end;
    }
    return done < text.size ? sink(self, -1, done, text.size) : HD_OK;
}
