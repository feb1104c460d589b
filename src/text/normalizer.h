/* SPDX-License-Identifier: Apache-2.0 */
/* The "normalizer" of a tokenizer file: a flat list of rewriting steps (nested sequences are unrolled at load). */
#ifndef HDI_TEXT_NORMALIZER_H
#define HDI_TEXT_NORMALIZER_H

#include <jansson.h>

#include "text/pattern.h"
#include "text/unicode.h"

typedef enum hdi_normalizer_kind {
    HDI_NORMALIZE_PREPEND,
    HDI_NORMALIZE_REPLACE,
    HDI_NORMALIZE_FORM,
    HDI_NORMALIZE_LOWER,
    HDI_NORMALIZE_STRIP,
    HDI_NORMALIZE_STRIP_ACCENTS,
    HDI_NORMALIZE_BYTE_LEVEL,
} hdi_normalizer_kind;

typedef struct hdi_normalizer_step {
    hdi_normalizer_kind kind;
    hdi_form form;
    bool left, right;    /* STRIP */
    hdi_pattern pattern; /* REPLACE */
    hdi_buffer content;  /* PREPEND, REPLACE */
} hdi_normalizer_step;

typedef struct hdi_normalizer {
    hdi_normalizer_step *steps;
    size_t count, cap;
} hdi_normalizer;

/* Reads a normalizer object; `node` NULL or null makes one that changes nothing. `where` names it in messages. */
hd_status hdi_normalizer_parse(hdi_normalizer *n, const json_t *node, const char *where);
void hdi_normalizer_free(hdi_normalizer *n); /* legal on a zeroed one */

/* *out is `text` normalised: borrowed from text itself or from one of the two buffers, which are overwritten. */
hd_status hdi_normalizer_run(const hdi_normalizer *n, hdi_matcher *matcher, hdi_buffer buffers[2], hdi_span text, hdi_span *out);

/* Appends `text` with each match of the pattern replaced by `content`; decoders use it too. */
hd_status hdi_replace_all(const hdi_pattern *pattern, hdi_matcher *matcher, hdi_span text, hdi_span content, hdi_buffer *out);

#endif
