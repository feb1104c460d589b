/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: added tokens are cut out of the text; what lies between is normalised, other added tokens are cut out of that,
 * the rest is cut into words, and each word is merged. All working memory belongs to the call, so that threads share nothing
 * but the tokenizer. */
#include "text/tokenizer.h"

static const size_t LONGEST_TEXT = (size_t)1 << 30;

typedef struct encoding {
    const hd_tokenizer *t;
    hdi_matcher matcher;
    hdi_buffer normalized[2];
    hdi_pretokenizer_scratch pieces;
    hdi_bpe_scratch bpe;
    hdi_span text, part; /* the whole text; the normalised part in hand */
    bool part_first;     /* the part stands at the beginning of the text */
    hdi_ids ids;
} encoding;

static hd_status take_word(void *self, hdi_span word) {
    encoding *e = self;
    return hdi_bpe_encode(&e->t->bpe, &e->t->vocab, &e->bpe, word, &e->ids);
}

/* A part of normalised text, or an added token that was found in it. */
static hd_status take_normalized(void *self, int32_t id, size_t start, size_t end) {
    encoding *e = self;
    if (id >= 0) return hdi_ids_push(&e->ids, id);
    return hdi_pretokenizer_run(&e->t->pretokenizer, &e->matcher, &e->pieces, hdi_span_of(e->part.data + start, end - start),
                                e->part_first && start == 0, take_word, e);
}

/* A part of the text as it came, or an added token that was found in it. */
static hd_status take_part(void *self, int32_t id, size_t start, size_t end) {
    encoding *e = self;
    if (id >= 0) return hdi_ids_push(&e->ids, id);
    e->part_first = start == 0;
    HD_TRY(hdi_normalizer_run(&e->t->normalizer, &e->matcher, e->normalized, hdi_span_of(e->text.data + start, end - start),
                              &e->part));
    return hdi_added_tokens_cut(&e->t->added, &e->t->added.normalized, e->part, take_normalized, e);
}

/* `text` with its invalid parts as U+FFFD. */
static hd_status repair(hdi_span text, hdi_buffer *out) {
    for (size_t at = 0; at < text.size;) {
        uint32_t cp;
        int length = hdi_utf8_decode(text.data + at, text.size - at, &cp);
        if (length > 0)
            HD_TRY(hdi_buffer_add(out, text.data + at, (size_t)length));
        else
            HD_TRY(hdi_buffer_add_cp(out, 0xFFFD));
        at += length > 0 ? (size_t)length : length < 0 ? (size_t)-length : text.size - at;
    }
    return HD_OK;
}

static hd_status encode_all(encoding *e, bool add_special) {
    const hdi_postprocessor *post = &e->t->postprocessor;
    if (add_special) HD_TRY(hdi_ids_add(&e->ids, post->prefix.data, post->prefix.size));
    HD_TRY(hdi_added_tokens_cut(&e->t->added, &e->t->added.plain, e->text, take_part, e));
    if (add_special) HD_TRY(hdi_ids_add(&e->ids, post->suffix.data, post->suffix.size));
    return hdi_grow(&e->ids.data, &e->ids.cap, 1, sizeof *e->ids.data, "token ids"); /* an empty list has an address too */
}

hd_status hd_tokenizer_encode(const hd_tokenizer *t, const char *text, size_t size, bool add_special, int32_t **ids,
                              size_t *count) {
    HD_REQUIRE(t && (text || size == 0) && ids && count, HD_INVALID_ARGUMENT,
               "hd_tokenizer_encode needs a tokenizer, a text and "
               "places for the result");
    HD_REQUIRE(size <= LONGEST_TEXT, HD_INVALID_ARGUMENT, "a text of %zu bytes is too long to encode; the limit is 1 GB", size);
    encoding e = {.t = t, .text = hdi_span_of(text ? text : "", size)};
    hdi_buffer repaired = {0};
    hd_status status;
    *ids = NULL;
    *count = 0;
    if (!hdi_utf8_valid(e.text.data, size)) {
        HD_TRY_GOTO(repair(e.text, &repaired));
        e.text = hdi_buffer_span(&repaired);
    }
    HD_TRY_GOTO(encode_all(&e, add_special));
    *ids = e.ids.data;
    *count = e.ids.size;
    e.ids.data = NULL;
fail:
    hdi_ids_free(&e.ids);
    hdi_buffer_free(&repaired);
    hdi_buffer_free(&e.normalized[0]);
    hdi_buffer_free(&e.normalized[1]);
    hdi_pretokenizer_scratch_free(&e.pieces);
    hdi_bpe_scratch_free(&e.bpe);
    hdi_matcher_free(&e.matcher);
    return status;
}
