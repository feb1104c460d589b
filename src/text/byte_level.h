/* SPDX-License-Identifier: Apache-2.0 */
/* The alphabet of byte-level vocabularies: every byte written as one visible character. Printable Latin-1 stands for
 * itself; the 68 others become U+0100, U+0101, ... in order (a space is U+0120, which looks like a G with a dot). */
#ifndef HDI_TEXT_BYTE_LEVEL_H
#define HDI_TEXT_BYTE_LEVEL_H

#include "text/buffer.h"

static inline uint32_t hdi_byte_level_char(uint8_t byte) {
    if (byte <= 32) return 256u + byte;
    if (byte >= 127 && byte <= 160) return 256u + 33 + (byte - 127u);
    return byte == 173 ? 256u + 33 + 34 : byte;
}

/* The byte a character stands for, -1 when it is not of the alphabet. */
static inline int hdi_byte_level_byte(uint32_t cp) {
    if (cp < 256) return hdi_byte_level_char((uint8_t)cp) == cp ? (int)cp : -1;
    if (cp < 256 + 33) return (int)(cp - 256);
    if (cp < 256 + 33 + 34) return (int)(cp - 256 - 33 + 127);
    return cp == 256 + 33 + 34 ? 173 : -1;
}

/* Appends `text` in the alphabet. */
static inline hd_status hdi_byte_level_add(hdi_buffer *out, hdi_span text) {
    HD_TRY(hdi_buffer_reserve(out, text.size * 2)); /* every character of the alphabet has one or two bytes */
    char *to = out->data + out->size;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        if (byte > 32 && byte < 127) {
            *to++ = (char)byte;
        } else {
            uint32_t cp = hdi_byte_level_char(byte);
            *to++ = (char)(0xC0 | cp >> 6);
            *to++ = (char)(0x80 | (cp & 0x3F));
        }
    }
    out->size = (size_t)(to - out->data);
    return HD_OK;
}

#endif
