/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, one code point at a time. */
#include "base/utf8.h"

/* What the second byte of a sequence that begins with `lead` may be; the third and fourth are always 80..BF. */
static void second_byte_range(uint8_t lead, uint8_t *low, uint8_t *high) {
    *low = 0x80;
    *high = 0xBF;
    if (lead == 0xE0) *low = 0xA0;  /* shorter forms exist below */
    if (lead == 0xED) *high = 0x9F; /* surrogates above */
    if (lead == 0xF0) *low = 0x90;  /* shorter forms exist below */
    if (lead == 0xF4) *high = 0x8F; /* U+10FFFF is the last */
}

int hdi_utf8_decode(const char *s, size_t n, uint32_t *cp) {
    const uint8_t *p = (const uint8_t *)s;
    uint8_t lead = p[0], low, high;
    if (lead < 0x80) {
        *cp = lead;
        return 1;
    }
    int length = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
    if (!length) return -1;
    uint32_t value = lead & (0x7F >> length);
    second_byte_range(lead, &low, &high);
    for (int i = 1; i < length; i++) {
        if ((size_t)i == n) return 0;
        if (p[i] < low || p[i] > high) return -i;
        value = value << 6 | (p[i] & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    *cp = value;
    return length;
}

int hdi_utf8_encode(uint32_t cp, char out[4]) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

bool hdi_utf8_valid(const char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        if ((uint8_t)s[i] < 0x80) {
            i++;
            continue;
        }
        int length = hdi_utf8_decode(s + i, n - i, &cp);
        if (length <= 0) return false;
        i += (size_t)length;
    }
    return true;
}
