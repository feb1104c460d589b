/* SPDX-License-Identifier: Apache-2.0 */
/* What Unicode knows about characters, by utf8proc: classes that tokenizers split at, and the four normal forms. */
#ifndef HDI_TEXT_UNICODE_H
#define HDI_TEXT_UNICODE_H

#include "text/buffer.h"

bool hdi_is_space(uint32_t cp);       /* White_Space */
bool hdi_is_numeric(uint32_t cp);     /* Nd, Nl, No */
bool hdi_is_punctuation(uint32_t cp); /* P*, and all ASCII punctuation (symbols such as + and $ too) */
bool hdi_is_word(uint32_t cp);        /* Alphabetic, M*, Nd, Pc, Join_Control, near enough: see unicode.c */
bool hdi_is_mark(uint32_t cp);        /* M* */

/* Appends the lower case of cp, which may be two characters. */
hd_status hdi_add_lower(hdi_buffer *out, uint32_t cp);

typedef enum hdi_form { HDI_NFC, HDI_NFD, HDI_NFKC, HDI_NFKD } hdi_form;

/* Appends valid UTF-8 `text` in a normal form, in linear time whatever it holds. */
hd_status hdi_add_normal_form(hdi_buffer *out, hdi_span text, hdi_form form);
/* Whether the text is surely in that form already; quick and may say no too often. */
bool hdi_surely_normal(hdi_span text, hdi_form form);

#endif
