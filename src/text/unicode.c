/* SPDX-License-Identifier: Apache-2.0 */
/* utf8proc's own decompose call sorts combining marks by insertion, which a text made of nothing but marks turns quadratic;
 * so each character is decomposed by utf8proc, runs of marks are sorted here, and utf8proc composes. */
#include "text/unicode.h"

#include <utf8proc.h>

bool hdi_is_space(uint32_t cp) {
    return (cp >= 9 && cp <= 13) || cp == 32 || cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool hdi_is_numeric(uint32_t cp) {
    if (cp < 128) return cp >= '0' && cp <= '9';
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
    return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool hdi_is_punctuation(uint32_t cp) {
    if (cp < 128) return (cp >= 33 && cp <= 47) || (cp >= 58 && cp <= 64) || (cp >= 91 && cp <= 96) || (cp >= 123 && cp <= 126);
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool hdi_is_word(uint32_t cp) {
    if (cp < 128) return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || cp == '_';
    if (cp == 0x200C || cp == 0x200D) return true;
    /* Alphabetic beyond letters, marks and letter numbers: circled and squared letters. */
    if ((cp >= 0x24B6 && cp <= 0x24E9) || (cp >= 0x1F130 && cp <= 0x1F149) || (cp >= 0x1F150 && cp <= 0x1F169) ||
        (cp >= 0x1F170 && cp <= 0x1F189))
        return true;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return false;
    }
}

bool hdi_is_mark(uint32_t cp) {
    if (cp < 0x300) return false;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

hd_status hdi_add_lower(hdi_buffer *out, uint32_t cp) {
    if (cp == 0x130) return hdi_buffer_add(out, "i\xCC\x87", 3); /* the one letter whose lower case is two characters */
    if (cp < 128) return hdi_buffer_add_cp(out, cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
    return hdi_buffer_add_cp(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp));
}

bool hdi_surely_normal(hdi_span text, hdi_form form) {
    /* Below U+0300 nothing composes with what precedes it and NFC changes nothing; the other forms change Latin-1. */
    uint8_t bound = form == HDI_NFC ? 0xCC : 0x80;
    for (size_t i = 0; i < text.size; i++)
        if ((uint8_t)text.data[i] >= bound) return false;
    return true;
}

static int combining_class(utf8proc_int32_t cp) { return cp < 0x300 ? 0 : utf8proc_get_property(cp)->combining_class; }

/* Sorts a run of marks by combining class, keeping equals in order: by insertion when short, else by counting. */
static hd_status sort_marks(utf8proc_int32_t *marks, size_t count) {
    if (count <= 32) {
        for (size_t i = 1; i < count; i++) {
            utf8proc_int32_t mark = marks[i];
            size_t at = i;
            for (; at > 0 && combining_class(marks[at - 1]) > combining_class(mark); at--) marks[at] = marks[at - 1];
            marks[at] = mark;
        }
        return HD_OK;
    }
    size_t starts[257] = {0};
    utf8proc_int32_t *sorted;
    HD_TRY(hdi_alloc(&sorted, count, sizeof *sorted, "combining marks"));
    for (size_t i = 0; i < count; i++) starts[(combining_class(marks[i]) & 255) + 1]++;
    for (int i = 0; i < 256; i++) starts[i + 1] += starts[i];
    for (size_t i = 0; i < count; i++) sorted[starts[combining_class(marks[i]) & 255]++] = marks[i];
    memcpy(marks, sorted, count * sizeof *marks);
    hdi_free(sorted);
    return HD_OK;
}

typedef struct code_points {
    utf8proc_int32_t *data;
    size_t size, cap;
} code_points;

static hd_status decompose(code_points *cps, hdi_span text, utf8proc_option_t options) {
    enum { LONGEST = 32 }; /* a compatibility decomposition has at most 18 characters */
    size_t run = 0;        /* where the current run of marks begins */
    for (size_t i = 0; i < text.size;) {
        uint32_t cp = hdi_next_cp(text, &i);
        int bound_class = UTF8PROC_BOUNDCLASS_START;
        HD_TRY(hdi_grow(&cps->data, &cps->cap, cps->size + LONGEST, sizeof *cps->data, "normalised text"));
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, cps->data + cps->size, LONGEST, options, &bound_class);
        HD_REQUIRE(n >= 0 && n <= LONGEST, HD_CORRUPT, "U+%04X cannot be decomposed", (unsigned)cp);
        for (utf8proc_ssize_t k = 0; k < n; k++, cps->size++) {
            if (combining_class(cps->data[cps->size]) != 0) continue;
            HD_TRY(sort_marks(cps->data + run, cps->size - run));
            run = cps->size + 1;
        }
    }
    return sort_marks(cps->data + run, cps->size - run);
}

hd_status hdi_add_normal_form(hdi_buffer *out, hdi_span text, hdi_form form) {
    if (text.size == 0) return HD_OK;
    bool compose = form == HDI_NFC || form == HDI_NFKC, compatible = form == HDI_NFKC || form == HDI_NFKD;
    utf8proc_option_t options =
        UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) | (compatible ? UTF8PROC_COMPAT : 0);
    code_points cps = {0};
    hd_status status;
    HD_TRY_GOTO(decompose(&cps, text, options));
    if (compose) {
        utf8proc_ssize_t n = utf8proc_normalize_utf32(cps.data, (utf8proc_ssize_t)cps.size, options);
        HD_REQUIRE_GOTO(n >= 0, HD_CORRUPT, "text cannot be composed: %s", utf8proc_errmsg(n));
        cps.size = (size_t)n;
    }
    for (size_t i = 0; i < cps.size; i++) HD_TRY_GOTO(hdi_buffer_add_cp(out, (uint32_t)cps.data[i]));
fail:
    hdi_free(cps.data);
    return status;
}
