/* SPDX-License-Identifier: Apache-2.0 */
/* The "decoder" of a tokenizer file, made for streaming: tokens are pushed through a chain of steps, and each step passes on
 * what no later token can change. Decoding at once is the same with everything pushed, so that the two cannot differ. */
#ifndef HDI_TEXT_DECODER_H
#define HDI_TEXT_DECODER_H

#include <jansson.h>

#include "text/pattern.h"

typedef enum hdi_decoder_kind {
    HDI_DECODE_JOIN, /* a file without a decoder: tokens with spaces between them */
    HDI_DECODE_BYTE_LEVEL,
    HDI_DECODE_METASPACE,
    HDI_DECODE_REPLACE,
    HDI_DECODE_BYTE_FALLBACK,
    HDI_DECODE_FUSE,
    HDI_DECODE_STRIP,
} hdi_decoder_kind;

typedef struct hdi_decoder_step {
    hdi_decoder_kind kind;
    hdi_pattern pattern; /* REPLACE */
    hdi_buffer content;  /* REPLACE */
    uint32_t character;  /* METASPACE, STRIP */
    bool drops_first;    /* METASPACE: the first token's marks stand for nothing */
    size_t start, stop;  /* STRIP */
} hdi_decoder_step;

/* Immutable once read. */
typedef struct hdi_decoder {
    hdi_decoder_step *steps;
    size_t count, cap;
} hdi_decoder;

hd_status hdi_decoder_parse(hdi_decoder *d, const json_t *node, const char *where);
void hdi_decoder_free(hdi_decoder *d); /* legal on a zeroed one */

/* One run of a decoder. */
typedef struct hdi_decoding {
    const hdi_decoder *decoder; /* borrowed */
    struct hdi_decoder_state *states;
    hdi_matcher matcher;
    hdi_buffer *out; /* borrowed */
} hdi_decoding;

hd_status hdi_decoding_begin(hdi_decoding *d, const hdi_decoder *decoder, hdi_buffer *out);
/* Makes room for tokens of `bytes` in every step, so that pushing such tokens does not allocate. */
hd_status hdi_decoding_reserve(hdi_decoding *d, size_t bytes);
/* Appends to `out` what has become final. */
hd_status hdi_decoding_push(hdi_decoding *d, hdi_span token);
/* Appends what is still held back and starts afresh. */
hd_status hdi_decoding_finish(hdi_decoding *d);
void hdi_decoding_free(hdi_decoding *d); /* legal on a zeroed one */

#endif
