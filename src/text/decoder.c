/* SPDX-License-Identifier: Apache-2.0 */
/* Running decoders. What flows between steps is a chunk of a token with flags that say whether the token begins and ends in
 * it: before a step that fuses, every chunk is a whole token; behind it, all chunks are parts of one. Steps that need a whole
 * token collect its chunks, so that odd chains are right too, if no longer streaming. */
#include "text/decoder.h"

#include "text/byte_level.h"
#include "text/normalizer.h"

enum { BEGIN = 1, END = 2, WHOLE = BEGIN | END };

struct hdi_decoder_state {
    hdi_buffer held;    /* bytes that are not final yet, or the collected token */
    hdi_buffer scratch; /* what a step makes of a token */
    size_t tokens;      /* seen so far */
    size_t left;        /* STRIP: characters that may still be cut at the front */
    size_t tail;        /* STRIP: characters held back because the end may cut them */
    bool open;          /* FUSE, BYTE_LEVEL: the one token has begun */
};

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static hd_status pass(hdi_decoding *d, size_t index, hdi_span chunk, int flags);

/* Parts of the one token that a fusing step makes; `last` ends it. */
static hd_status pass_fused(hdi_decoding *d, size_t index, hdi_span chunk, bool last) {
    struct hdi_decoder_state *s = &d->states[index];
    int flags = (s->open ? 0 : BEGIN) | (last ? END : 0);
    if (chunk.size == 0 && !(last && s->open)) return HD_OK;
    s->open = !last;
    return pass(d, index + 1, chunk, flags);
}

/* Appends the bytes of `token` to those held; a token with a character outside of the alphabet stands for itself. */
static hd_status hold_bytes(struct hdi_decoder_state *s, hdi_span token) {
    size_t start = s->held.size;
    HD_TRY(hdi_buffer_reserve(&s->held, token.size));
    for (size_t at = 0; at < token.size;) {
        int byte = hdi_byte_level_byte(hdi_next_cp(token, &at));
        if (byte < 0) {
            s->held.size = start;
            return hdi_buffer_add_span(&s->held, token);
        }
        s->held.data[s->held.size++] = (char)byte;
    }
    return HD_OK;
}

/* Passes on the held bytes up to an unfinished character, each invalid part as U+FFFD; `last` passes that on too. */
static hd_status byte_level(hdi_decoding *d, size_t index, bool last) {
    struct hdi_decoder_state *s = &d->states[index];
    hdi_span held = hdi_buffer_span(&s->held);
    size_t at = 0;
    s->scratch.size = 0;
    while (at < held.size) {
        uint32_t cp;
        int length = hdi_utf8_decode(held.data + at, held.size - at, &cp);
        if (length == 0 && !last) break;
        if (length > 0)
            HD_TRY(hdi_buffer_add(&s->scratch, held.data + at, (size_t)length));
        else
            HD_TRY(hdi_buffer_add(&s->scratch, REPLACEMENT, 3));
        at += length > 0 ? (size_t)length : length < 0 ? (size_t)-length : held.size - at;
    }
    if (at) memmove(s->held.data, held.data + at, held.size - at);
    s->held.size -= at;
    return pass_fused(d, index, hdi_buffer_span(&s->scratch), last);
}

static hd_status metaspace(hdi_decoding *d, size_t index, hdi_span chunk, int flags) {
    const hdi_decoder_step *step = &d->decoder->steps[index];
    struct hdi_decoder_state *s = &d->states[index];
    if (flags & BEGIN) s->tokens++;
    bool drop = s->tokens == 1 && step->drops_first;
    s->scratch.size = 0;
    for (size_t at = 0; at < chunk.size;) {
        uint32_t cp = hdi_next_cp(chunk, &at);
        if (cp != step->character)
            HD_TRY(hdi_buffer_add_cp(&s->scratch, cp));
        else if (!drop)
            HD_TRY(hdi_buffer_add(&s->scratch, " ", 1));
    }
    return pass(d, index + 1, hdi_buffer_span(&s->scratch), flags);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "<0xNN>" stands for, -1 for any other token. */
static int fallback_byte(hdi_span token) {
    if (token.size != 6 || memcmp(token.data, "<0x", 3) != 0 || token.data[5] != '>') return -1;
    int high = token.data[3] == '+' ? 0 : hex_digit(token.data[3]); /* the reference's number parser takes a sign */
    int low = hex_digit(token.data[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* A run of byte tokens is over: its text when it is valid as a whole, else one U+FFFD a byte. That the whole run decides is
 * the reference's rule, and why nothing of it can be passed on earlier. */
static hd_status end_byte_run(hdi_decoding *d, size_t index) {
    struct hdi_decoder_state *s = &d->states[index];
    hdi_span run = hdi_buffer_span(&s->held);
    if (run.size == 0) return HD_OK;
    s->held.size = 0; /* its bytes stay in place until the next push */
    if (hdi_utf8_valid(run.data, run.size)) return pass(d, index + 1, run, WHOLE);
    for (size_t i = 0; i < run.size; i++) HD_TRY(pass(d, index + 1, hdi_span_of(REPLACEMENT, 3), WHOLE));
    return HD_OK;
}

static hd_status strip(hdi_decoding *d, size_t index, hdi_span chunk, int flags) {
    const hdi_decoder_step *step = &d->decoder->steps[index];
    struct hdi_decoder_state *s = &d->states[index];
    if (flags & BEGIN) {
        s->left = step->start;
        s->tail = 0;
    }
    s->scratch.size = 0;
    for (size_t at = 0; at < chunk.size;) {
        uint32_t cp = hdi_next_cp(chunk, &at);
        if (cp == step->character) {
            if (s->left > 0)
                s->left--;
            else if (s->tail < step->stop)
                s->tail++;
            else
                HD_TRY(hdi_buffer_add_cp(&s->scratch, cp));
            continue;
        }
        s->left = 0;
        for (; s->tail > 0; s->tail--) HD_TRY(hdi_buffer_add_cp(&s->scratch, step->character));
        HD_TRY(hdi_buffer_add_cp(&s->scratch, cp));
    }
    return pass(d, index + 1, hdi_buffer_span(&s->scratch), flags);
}

/* A step that looks at tokens as wholes. */
static hd_status whole_token(hdi_decoding *d, size_t index, hdi_span token) {
    const hdi_decoder_step *step = &d->decoder->steps[index];
    struct hdi_decoder_state *s = &d->states[index];
    int byte;
    switch (step->kind) {
    case HDI_DECODE_REPLACE:
        s->scratch.size = 0;
        HD_TRY(hdi_replace_all(&step->pattern, &d->matcher, token, hdi_buffer_span(&step->content), &s->scratch));
        return pass(d, index + 1, hdi_buffer_span(&s->scratch), WHOLE);
    case HDI_DECODE_BYTE_FALLBACK:
        byte = fallback_byte(token);
        if (byte >= 0) return hdi_buffer_add(&s->held, &(char){(char)byte}, 1);
        HD_TRY(end_byte_run(d, index));
        return pass(d, index + 1, token, WHOLE);
    case HDI_DECODE_BYTE_LEVEL:
        HD_TRY(hold_bytes(s, token));
        return byte_level(d, index, false);
    default:
        return HD_OK; /* the others take chunks */
    }
}

/* For a step that needs whole tokens: collects the chunks of one that comes in parts. */
static hd_status collect(hdi_decoding *d, size_t index, hdi_span chunk, int flags) {
    struct hdi_decoder_state *s = &d->states[index];
    if (flags == WHOLE) return whole_token(d, index, chunk);
    /* Behind a fusing step there is one token only, so that `held` is not yet in use for anything else. */
    HD_TRY(hdi_buffer_add_span(&s->held, chunk));
    if (!(flags & END)) return HD_OK;
    hdi_buffer token = s->held;
    s->held = (hdi_buffer){0};
    hd_status status = whole_token(d, index, hdi_buffer_span(&token));
    hdi_buffer_free(&token);
    return status;
}

static hd_status pass(hdi_decoding *d, size_t index, hdi_span chunk, int flags) {
    if (index == d->decoder->count) return hdi_buffer_add_span(d->out, chunk);
    switch (d->decoder->steps[index].kind) {
    case HDI_DECODE_JOIN:
        if (d->states[index].tokens++ > 0) HD_TRY(pass(d, index + 1, hdi_span_of(" ", 1), WHOLE));
        return pass(d, index + 1, chunk, flags);
    case HDI_DECODE_METASPACE:
        return metaspace(d, index, chunk, flags);
    case HDI_DECODE_FUSE:
        return pass_fused(d, index, chunk, false);
    case HDI_DECODE_STRIP:
        return strip(d, index, chunk, flags);
    case HDI_DECODE_BYTE_LEVEL:
    case HDI_DECODE_REPLACE:
    case HDI_DECODE_BYTE_FALLBACK:
        break;
    }
    return collect(d, index, chunk, flags);
}

hd_status hdi_decoding_begin(hdi_decoding *d, const hdi_decoder *decoder, hdi_buffer *out) {
    *d = (hdi_decoding){.decoder = decoder, .out = out};
    return hdi_calloc(&d->states, decoder->count, sizeof *d->states, "a decoder's state");
}

hd_status hdi_decoding_reserve(hdi_decoding *d, size_t bytes) {
    for (size_t i = 0; i < d->decoder->count; i++) {
        HD_TRY(hdi_buffer_reserve(&d->states[i].held, bytes));
        HD_TRY(hdi_buffer_reserve(&d->states[i].scratch, bytes));
    }
    return hdi_buffer_reserve(d->out, bytes);
}

hd_status hdi_decoding_push(hdi_decoding *d, hdi_span token) {
    d->matcher.deadline = 0; /* the time between two tokens is not the pattern's */
    return pass(d, 0, token, WHOLE);
}

hd_status hdi_decoding_finish(hdi_decoding *d) {
    hd_status status = HD_OK;
    for (size_t i = 0; i < d->decoder->count && status == HD_OK; i++) {
        switch (d->decoder->steps[i].kind) {
        case HDI_DECODE_BYTE_LEVEL:
            status = byte_level(d, i, true);
            break;
        case HDI_DECODE_BYTE_FALLBACK:
            status = end_byte_run(d, i);
            break;
        case HDI_DECODE_FUSE:
            status = pass_fused(d, i, hdi_span_of("", 0), true);
            break;
        default:
            break;
        }
    }
    for (size_t i = 0; i < d->decoder->count; i++) {
        struct hdi_decoder_state *s = &d->states[i];
        s->held.size = s->tokens = s->left = s->tail = 0;
        s->open = false;
    }
    hdi_matcher_free(&d->matcher);
    return status;
}

void hdi_decoding_free(hdi_decoding *d) {
    for (size_t i = 0; d->states && i < d->decoder->count; i++) {
        hdi_buffer_free(&d->states[i].held);
        hdi_buffer_free(&d->states[i].scratch);
    }
    hdi_free(d->states);
    hdi_matcher_free(&d->matcher);
    *d = (hdi_decoding){0};
}
