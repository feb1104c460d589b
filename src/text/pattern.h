/* SPDX-License-Identifier: Apache-2.0 */
/* What tokenizer files call a pattern: a literal string or a regular expression, and the search for all its matches.
 *
 * The expressions are written for Oniguruma (Ruby syntax); regex_syntax.c rewrites them for PCRE2. A search is bounded by
 * match, memory and time limits, so that neither a file's expression nor a client's text can hang the process. */
#ifndef HDI_TEXT_PATTERN_H
#define HDI_TEXT_PATTERN_H

#include "text/buffer.h"

/* Immutable once made. */
typedef struct hdi_pattern {
    void *code;   /* pcre2_code; NULL for a literal */
    char *source; /* the literal, or the expression as the file has it (for messages) */
    size_t size;  /* of source */
    bool jit;
} hdi_pattern;

/* `where` names the place in messages. HD_UNSUPPORTED for syntax that Heddle does not translate, HD_CORRUPT for an
 * expression that is none. */
hd_status hdi_pattern_literal(hdi_pattern *p, hdi_span text, const char *where);
hd_status hdi_pattern_regex(hdi_pattern *p, hdi_span regex, const char *where);
void hdi_pattern_free(hdi_pattern *p); /* legal on a zeroed one */

/* What searching needs besides the pattern; one a call of encode or decode. Zeroed is a valid start; the time a search may
 * take counts from the first use. */
typedef struct hdi_matcher {
    void *match_data, *context;
    double deadline;
    uint32_t calls;
} hdi_matcher;
void hdi_matcher_free(hdi_matcher *m);

/* All matches from left to right, not overlapping; an empty match right behind the last one is passed over. */
typedef struct hdi_search {
    const hdi_pattern *pattern;
    hdi_matcher *matcher;
    hdi_span text; /* valid UTF-8 */
    size_t from, last_end;
} hdi_search;

static inline hdi_search hdi_search_begin(const hdi_pattern *pattern, hdi_matcher *matcher, hdi_span text) {
    return (hdi_search){.pattern = pattern, .matcher = matcher, .text = text, .last_end = SIZE_MAX};
}
/* The next match [*start, *end); *start is SIZE_MAX when there is none. HD_EXHAUSTED when a limit is reached. */
hd_status hdi_search_next(hdi_search *s, size_t *start, size_t *end);

/* Appends to `out` the PCRE2 form of a Ruby-syntax expression. */
hd_status hdi_regex_translate(hdi_span regex, hdi_buffer *out);

#endif
