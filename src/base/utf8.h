/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 decoding after Unicode's table 3-7: shortest form only, no surrogates, at most U+10FFFF. */
#ifndef HDI_BASE_UTF8_H
#define HDI_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the code point that starts at s (n bytes are there, n > 0): 1..4 with *cp set; 0 when the bytes are a valid
 * but unfinished beginning (more bytes may complete it); -k when the first k bytes are a maximal invalid part. */
int hdi_utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Writes cp (a valid code point) and returns its length 1..4. */
int hdi_utf8_encode(uint32_t cp, char out[4]);
bool hdi_utf8_valid(const char *s, size_t n);

#endif
