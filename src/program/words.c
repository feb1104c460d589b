/* SPDX-License-Identifier: Apache-2.0 */
/* A program file's characters and words. */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "program/reader.h"

hd_status hdi_reader_blame(const hdi_reader *r, hd_status status) {
    return hdi_fail_prefix(status, "%s:%u:%zu", r->path, r->line, (size_t)(r->at - r->line_begin) + 1);
}

hd_status hdi_reader_grow(void *inout, size_t *cap, size_t n, size_t size) {
    HD_REQUIRE(n < UINT32_MAX - 1, HD_UNSUPPORTED, "the program is too large");
    return hdi_grow(inout, cap, n + 1, size, "a program");
}

/* ---- lines ---- */

void hdi_skip_blanks(hdi_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

bool hdi_at_end_of_line(hdi_reader *r) {
    hdi_skip_blanks(r);
    return r->at == r->end || *r->at == '\n' || *r->at == '#';
}

hd_status hdi_next_line(hdi_reader *r, bool *more) {
    if (!hdi_at_end_of_line(r)) return hdi_reader_fail(r, "the statement should end here");
    for (;;) {
        while (r->at < r->end && *r->at != '\n') r->at++;
        *more = r->at < r->end;
        if (!*more) return HD_OK;
        r->line_begin = ++r->at;
        r->line++;
        if (!hdi_at_end_of_line(r)) return HD_OK;
    }
}

/* ---- marks and words ---- */

bool hdi_take(hdi_reader *r, const char *mark) {
    size_t n = strlen(mark);
    hdi_skip_blanks(r);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, mark, n) != 0) return false;
    r->at += n;
    return true;
}

hd_status hdi_want(hdi_reader *r, const char *mark) {
    return hdi_take(r, mark) ? HD_OK : hdi_reader_fail(r, "there should be a '%s' here", mark);
}

static bool is_letter(char c) { return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return '0' <= c && c <= '9'; }

static hdi_word take_while(hdi_reader *r, bool dots) {
    hdi_word word = {r->at, 0};
    while (r->at < r->end && (is_letter(*r->at) || is_digit(*r->at) || (dots && *r->at == '.'))) r->at++;
    word.size = (size_t)(r->at - word.text);
    return word;
}

hdi_word hdi_take_word(hdi_reader *r, bool dots) {
    hdi_skip_blanks(r);
    return r->at < r->end && is_letter(*r->at) ? take_while(r, dots) : (hdi_word){r->at, 0};
}

bool hdi_is(hdi_word word, const char *text) { return strlen(text) == word.size && memcmp(word.text, text, word.size) == 0; }

hd_status hdi_want_value_name(hdi_reader *r, hdi_word *out) {
    HD_TRY(hdi_want(r, "%"));
    *out = take_while(r, true);
    return out->size ? HD_OK : hdi_reader_fail(r, "a value's name should follow the %%");
}

hd_status hdi_keep_word(hdi_reader *r, hdi_word word, uint32_t *out) {
    return hdi_strings_add(&r->program->strings, word.text, word.size, out);
}

/* ---- strings ---- */

/* The four digits of \uXXXX. */
static bool take_hex(hdi_reader *r, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        if (r->at == r->end) return false;
        char c = *r->at, low = (char)(c | 0x20);
        if (!is_digit(c) && !('a' <= low && low <= 'f')) return false;
        *out = *out << 4 | (uint32_t)(is_digit(c) ? c - '0' : low - 'a' + 10);
    }
    return true;
}

/* Behind a backslash; *n bytes. */
static hd_status take_escape(hdi_reader *r, char bytes[4], int *n) {
    static const char marks[] = "\"\\nt", meanings[] = "\"\\\n\t";
    uint32_t cp;
    const char *found = r->at < r->end && *r->at ? strchr(marks, *r->at) : NULL;
    *n = 1;
    if (found) {
        bytes[0] = meanings[found - marks];
        r->at++;
        return HD_OK;
    }
    if (r->at == r->end || *r->at != 'u') return hdi_reader_fail(r, "no such escape; there are \\\" \\\\ \\n \\t \\uXXXX");
    r->at++;
    if (!take_hex(r, &cp) || cp == 0 || (0xd800 <= cp && cp < 0xe000))
        return hdi_reader_fail(r, "\\u needs four hexadecimal digits of a character");
    *n = hdi_utf8_encode(cp, bytes);
    return HD_OK;
}

static hd_status take_character(hdi_reader *r, char bytes[4], int *n) {
    uint32_t cp;
    if (*r->at == '\\') {
        r->at++;
        return take_escape(r, bytes, n);
    }
    if ((unsigned char)*r->at < 0x20) return hdi_reader_fail(r, "a string may not hold the byte %d; escape it", *r->at);
    *n = hdi_utf8_decode(r->at, (size_t)(r->end - r->at), &cp);
    if (*n <= 0) return hdi_reader_fail(r, "the string is not UTF-8");
    memcpy(bytes, r->at, (size_t)*n);
    r->at += *n;
    return HD_OK;
}

static hd_status read_string(hdi_reader *r, char **buffer, size_t *cap, size_t *size) {
    for (*size = 0; r->at < r->end && *r->at != '\n';) {
        char bytes[4];
        int n = 0;
        if (*r->at == '"') {
            r->at++;
            return HD_OK;
        }
        HD_TRY(take_character(r, bytes, &n));
        HD_TRY(hdi_grow(buffer, cap, *size + 4, 1, "a string"));
        memcpy(*buffer + *size, bytes, (size_t)n);
        *size += (size_t)n;
    }
    return hdi_reader_fail(r, "the string has no end");
}

hd_status hdi_want_string(hdi_reader *r, uint32_t *out) {
    char *buffer = NULL;
    size_t cap = 0, size;
    HD_TRY(hdi_want(r, "\""));
    hd_status status = read_string(r, &buffer, &cap, &size);
    if (status == HD_OK) status = hdi_strings_add(&r->program->strings, buffer, size, out);
    hdi_free(buffer);
    return status;
}
