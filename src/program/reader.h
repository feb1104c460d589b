/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read a program share: a place in the text, and the program as far as it is read. */
#ifndef HDI_PROGRAM_READER_H
#define HDI_PROGRAM_READER_H

#include <locale.h>

#include "program/program.h"

typedef struct hdi_reader {
    const char *path;
    const char *at, *end, *line_begin; /* the text is not terminated */
    uint32_t line;
    int depth; /* of brackets */
    hd_program *program;
    hdi_names keys, shared, local, symbols, methods; /* numbers: values; symbols and methods count from 1 */
    hdi_arg *pending;                                /* arguments of lists that are still open */
    size_t n_pending, cap_pending;
    locale_t plain; /* whatever the host's is, numbers have points */
} hdi_reader;

/* A stretch of the text. */
typedef struct hdi_word {
    const char *text;
    size_t size;
} hdi_word;

/* HD_CORRUPT with "path:line:column: " in front, at the reader's place. */
#define hdi_reader_fail(reader, ...) hdi_reader_blame(reader, hdi_fail(HD_CORRUPT, __VA_ARGS__))
/* The same at the beginning of a word of this line. */
#define hdi_word_fail(reader, word, ...) ((reader)->at = (word).text, hdi_reader_fail(reader, __VA_ARGS__))
/* Puts the reader's place in front of the thread's message. */
hd_status hdi_reader_blame(const hdi_reader *reader, hd_status status);

/* ---- characters and words (words.c) ---- */

void hdi_skip_blanks(hdi_reader *r);                /* of this line, not its comment */
bool hdi_at_end_of_line(hdi_reader *r);             /* or at a comment */
hd_status hdi_next_line(hdi_reader *r, bool *more); /* to the next line with a statement; this one must have been read */
bool hdi_take(hdi_reader *r, const char *mark);     /* if it comes next, behind blanks */
hd_status hdi_want(hdi_reader *r, const char *mark);
/* Letters, digits and _ that begin with no digit; with dots too: of values and operators. Empty where none comes. */
hdi_word hdi_take_word(hdi_reader *r, bool dots);
bool hdi_is(hdi_word word, const char *text);
hd_status hdi_want_string(hdi_reader *r, uint32_t *out);
hd_status hdi_want_value_name(hdi_reader *r, hdi_word *out); /* "%name" */
hd_status hdi_keep_word(hdi_reader *r, hdi_word word, uint32_t *out);
/* For messages: a word, cut to what fits. */
#define HDI_WORD(word) (int)((word).size < 64 ? (word).size : 64), (word).text

/* ---- sizes, types, arguments (arguments.c) ---- */

hd_status hdi_want_size(hdi_reader *r, hdi_dim *out);
hd_status hdi_want_integer(hdi_reader *r, int64_t *out); /* a number >= 0 */
hd_status hdi_want_type(hdi_reader *r, hdi_type *out);
hd_status hdi_want_value(hdi_reader *r, uint32_t *out);        /* one that is there */
hd_status hdi_want_arguments(hdi_reader *r, hdi_stretch *out); /* "(...)" */

/* Room for one more; HD_UNSUPPORTED beyond 2^32 - 2. */
hd_status hdi_reader_grow(void *inout, size_t *cap, size_t n, size_t size);

#endif
