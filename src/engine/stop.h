/* SPDX-License-Identifier: Apache-2.0 */
/* Finds stop strings in text that arrives in pieces, and says how much of its end may still become one and must be held back.
 *
 * One automaton a string (Knuth, Morris, Pratt 1977), fed byte by byte: however the text is cut, the answer is the same and
 * costs a fixed number of steps a byte. The string that is complete first wins; of several complete at once, the longest. */
#ifndef HDI_ENGINE_STOP_H
#define HDI_ENGINE_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { HDI_STOP_MAX_STRINGS = 64, HDI_STOP_MAX_BYTES = 1024 };

typedef struct hdi_stop_string {
    const char *text;
    uint16_t *fallback; /* for each length matched so far: the length of the next shorter beginning to try */
    uint16_t length, matched;
} hdi_stop_string;

typedef struct hdi_stop {
    hdi_stop_string *strings;
    size_t n;
    void *memory; /* texts and fallbacks, in one block */
} hdi_stop;

/* Copies the strings. Each must be valid UTF-8 of 1 to HDI_STOP_MAX_BYTES bytes, at most HDI_STOP_MAX_STRINGS of them: then
 * what is held back begins at a character. HD_INVALID_ARGUMENT names the string that is not so. */
hd_status hdi_stop_init(hdi_stop *stop, const char *const *strings, size_t n);
void hdi_stop_deinit(hdi_stop *stop); /* legal on a zeroed one */

/* Feeds a piece. true: a stop string is complete, and the last *cut bytes of all text fed are not part of the answer. false:
 * the last *cut bytes may be the beginning of one. Not to be fed again after true. */
bool hdi_stop_push(hdi_stop *stop, const char *text, size_t size, size_t *cut);

#endif
