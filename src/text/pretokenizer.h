/* SPDX-License-Identifier: Apache-2.0 */
/* The "pre_tokenizer" of a tokenizer file: cuts normalised text into the words that merges never cross. A flat list of steps;
 * every step cuts each piece of the step before it (nested sequences are unrolled at load). */
#ifndef HDI_TEXT_PRETOKENIZER_H
#define HDI_TEXT_PRETOKENIZER_H

#include <jansson.h>

#include "text/pattern.h"

typedef enum hdi_behavior {
    HDI_REMOVED,
    HDI_ISOLATED,
    HDI_MERGED_WITH_PREVIOUS,
    HDI_MERGED_WITH_NEXT,
    HDI_CONTIGUOUS,
} hdi_behavior;

typedef enum hdi_prepend { HDI_PREPEND_NEVER, HDI_PREPEND_FIRST, HDI_PREPEND_ALWAYS } hdi_prepend;

typedef struct hdi_pretokenizer_step {
    /* What is put in front of or in place of characters before cutting. */
    enum { HDI_REWRITE_NONE, HDI_REWRITE_PREFIX_SPACE, HDI_REWRITE_METASPACE } rewrite;
    hdi_prepend prepend; /* METASPACE */
    char replacement[8]; /* METASPACE: the character that stands for a space */
    size_t replacement_size;

    /* Where to cut: at matches of a pattern, or at characters of a class, or not at all. */
    enum { HDI_CUT_NONE, HDI_CUT_PATTERN, HDI_CUT_CLASS } cut;
    hdi_pattern pattern;
    bool (*is_member)(uint32_t cp);
    bool invert;
    hdi_behavior behavior;

    bool byte_level; /* afterwards write each piece in the byte-level alphabet */
} hdi_pretokenizer_step;

typedef struct hdi_pretokenizer {
    hdi_pretokenizer_step *steps;
    size_t count, cap;
    bool lone_byte_level; /* the object is a ByteLevel, not a sequence with one */
} hdi_pretokenizer;

/* Reads a pre_tokenizer object; NULL or null makes one that leaves the text in one piece. `where` names it in messages. */
hd_status hdi_pretokenizer_parse(hdi_pretokenizer *p, const json_t *node, const char *where);
void hdi_pretokenizer_free(hdi_pretokenizer *p); /* legal on a zeroed one */

/* Buffers of a run, one pair a step. Zeroed is a valid start. */
typedef struct hdi_pretokenizer_scratch {
    hdi_buffer (*buffers)[2];
    size_t count;
} hdi_pretokenizer_scratch;
void hdi_pretokenizer_scratch_free(hdi_pretokenizer_scratch *s);

/* Takes each piece in order; the piece is borrowed until it returns. */
typedef hd_status (*hdi_piece_sink)(void *self, hdi_span piece);

/* Cuts `text`. `first`: the text stands at the very beginning of what is encoded. */
hd_status hdi_pretokenizer_run(const hdi_pretokenizer *p, hdi_matcher *matcher, hdi_pretokenizer_scratch *scratch, hdi_span text,
                               bool first, hdi_piece_sink sink, void *self);

#endif
