/* SPDX-License-Identifier: Apache-2.0 */
/* Ids back to text, one by one or all at once (which is the first with everything pushed). */
#include "text/tokenizer.h"

struct hd_detokenizer {
    const hd_tokenizer *tokenizer; /* borrowed */
    bool skip_special;
    hdi_decoding decoding;
    hdi_buffer out;
};

static hd_status push_id(const hd_tokenizer *t, hdi_decoding *decoding, int32_t id, bool skip_special) {
    HD_REQUIRE(id >= 0 && id < t->vocab.size, HD_INVALID_ARGUMENT, "token id %d is out of range: the vocabulary has %d", id,
               t->vocab.size);
    uint32_t flags = hdi_vocab_flags(&t->vocab, id);
    if (!flags || (skip_special && (flags & HDI_TOKEN_SPECIAL))) return HD_OK; /* holes of the id space decode to nothing */
    return hdi_decoding_push(decoding, hdi_vocab_spelling(&t->vocab, id));
}

hd_status hd_tokenizer_decode(const hd_tokenizer *t, const int32_t *ids, size_t count, bool skip_special, char **text,
                              size_t *size) {
    HD_REQUIRE(t && (ids || count == 0) && text && size, HD_INVALID_ARGUMENT,
               "hd_tokenizer_decode needs a tokenizer, ids and places for the result");
    hdi_decoding decoding = {0};
    hdi_buffer out = {0};
    hd_status status;
    *text = NULL;
    *size = 0;
    HD_TRY_GOTO(hdi_decoding_begin(&decoding, &t->decoder, &out));
    for (size_t i = 0; i < count; i++) HD_TRY_GOTO(push_id(t, &decoding, ids[i], skip_special));
    HD_TRY_GOTO(hdi_decoding_finish(&decoding));
    HD_TRY_GOTO(hdi_buffer_add(&out, "", 1));
    *text = out.data;
    *size = out.size - 1;
    out.data = NULL;
fail:
    hdi_decoding_free(&decoding);
    hdi_buffer_free(&out);
    return status;
}

hd_status hd_detokenizer_create(const hd_tokenizer *tokenizer, bool skip_special, hd_detokenizer **out) {
    hd_detokenizer *d;
    HD_REQUIRE(tokenizer && out, HD_INVALID_ARGUMENT, "hd_detokenizer_create needs a tokenizer and a place for the result");
    *out = NULL;
    HD_TRY(hdi_calloc(&d, 1, sizeof *d, "a detokenizer"));
    d->tokenizer = tokenizer;
    d->skip_special = skip_special;
    enum { LONG_TOKEN = 1024 }; /* bytes: decoding shorter ones does not allocate */
    hd_status status = hdi_decoding_begin(&d->decoding, &tokenizer->decoder, &d->out);
    if (status == HD_OK) status = hdi_decoding_reserve(&d->decoding, LONG_TOKEN);
    if (status == HD_OK)
        *out = d;
    else
        hd_detokenizer_destroy(d);
    return status;
}

void hd_detokenizer_destroy(hd_detokenizer *d) {
    if (!d) return;
    hdi_decoding_free(&d->decoding);
    hdi_buffer_free(&d->out);
    hdi_free(d);
}

static hd_status give(hd_detokenizer *d, hd_status status, const char **text, size_t *size) {
    hdi_span out = hdi_buffer_span(&d->out);
    *text = status == HD_OK ? out.data : "";
    *size = status == HD_OK ? out.size : 0;
    return status;
}

hd_status hd_detokenizer_push(hd_detokenizer *d, int32_t id, const char **text, size_t *size) {
    d->out.size = 0;
    return give(d, push_id(d->tokenizer, &d->decoding, id, d->skip_special), text, size);
}

hd_status hd_detokenizer_finish(hd_detokenizer *d, const char **text, size_t *size) {
    d->out.size = 0;
    return give(d, hdi_decoding_finish(&d->decoding), text, size);
}
