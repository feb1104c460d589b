/* SPDX-License-Identifier: Apache-2.0 */
/* PCRE2 under bounds. Compiled code is searched a window of start positions at a time: PCRE2's own match limit bounds
 * backtracking from one start, but a linear scan from each of a million starts is quadratic and looks harmless to it. Between
 * windows the clock decides. */
#include "text/pattern.h"

#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MATCH_LIMIT = 4000000,   /* backtracking steps of one call */
    HEAP_LIMIT = 256 * 1024, /* KiB of the interpreter's backtracking memory */
    MAX_REGEX = 65536,       /* bytes of an expression; the longest real ones have 2000 */
    WINDOW_WORK = 1 << 26,   /* start positions x bytes scanned of one call */
    CALLS_PER_CLOCK = 256,
};
static const double seconds_per_search = 5, seconds_per_byte = 2e-6;

static void *pcre_alloc(size_t size, void *unused) {
    (void)unused;
    void *p = NULL;
    return hdi_alloc(&p, size, 1, "a regular expression") == HD_OK ? p : NULL;
}
static void pcre_free(void *p, void *unused) {
    (void)unused;
    hdi_free(p);
}

static int shown(size_t size) { return size > 200 ? 200 : (int)size; }

static hd_status keep_source(hdi_pattern *p, hdi_span source) {
    HD_TRY(hdi_alloc(&p->source, source.size + 1, 1, "a pattern"));
    if (source.size) memcpy(p->source, source.data, source.size);
    p->source[source.size] = 0;
    p->size = source.size;
    return HD_OK;
}

hd_status hdi_pattern_literal(hdi_pattern *p, hdi_span text, const char *where) {
    *p = (hdi_pattern){0};
    HD_REQUIRE(text.size, HD_CORRUPT, "%s: the pattern is an empty string", where);
    return keep_source(p, text);
}

static hd_status compile(hdi_pattern *p, hdi_span regex, pcre2_general_context *general, pcre2_compile_context *context,
                         const char *where) {
    hd_status status;
    hdi_buffer translated = {0};
    int error;
    size_t offset;
    HD_REQUIRE_GOTO(general && context, HD_OUT_OF_MEMORY, "%s: not enough memory for a regular expression", where);
    status = hdi_regex_translate(regex, &translated);
    if (status != HD_OK) {
        status = hdi_fail_prefix(status, "%s: regular expression \"%.*s\"", where, shown(regex.size), regex.data);
        goto fail;
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    p->code = pcre2_compile((PCRE2_SPTR)translated.data, translated.size,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT, &error,
                            &offset, context);
    if (!p->code) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message(error, text, sizeof text);
        hd_status code = error == PCRE2_ERROR_HEAP_FAILED ? HD_OUT_OF_MEMORY : HD_CORRUPT;
        status = hdi_fail(code, "%s: regular expression \"%.*s\" is not valid: %s", where, shown(regex.size), regex.data,
                          (char *)text);
        goto fail;
    }
    p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0; /* otherwise the interpreter does it, slower */
    status = keep_source(p, regex);
fail:
    hdi_buffer_free(&translated);
    return status;
}

hd_status hdi_pattern_regex(hdi_pattern *p, hdi_span regex, const char *where) {
    *p = (hdi_pattern){0};
    HD_REQUIRE(regex.size <= MAX_REGEX, HD_UNSUPPORTED, "%s: a regular expression of %zu bytes is too long; the limit is %d",
               where, regex.size, MAX_REGEX);
    pcre2_general_context *general = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    hd_status status = compile(p, regex, general, context, where);
    pcre2_compile_context_free(context);
    pcre2_general_context_free(general);
    return status;
}

void hdi_pattern_free(hdi_pattern *p) {
    pcre2_code_free(p->code);
    hdi_free(p->source);
    *p = (hdi_pattern){0};
}

static hd_status prepare(hdi_matcher *m) {
    pcre2_general_context *general = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
    HD_REQUIRE(general, HD_OUT_OF_MEMORY, "not enough memory for a search");
    m->match_data = pcre2_match_data_create(1, general);
    m->context = pcre2_match_context_create(general);
    pcre2_general_context_free(general);
    HD_REQUIRE(m->match_data && m->context, HD_OUT_OF_MEMORY, "not enough memory for a search");
    pcre2_set_match_limit(m->context, MATCH_LIMIT);
    pcre2_set_heap_limit(m->context, HEAP_LIMIT);
    return HD_OK;
}

void hdi_matcher_free(hdi_matcher *m) {
    pcre2_match_data_free(m->match_data);
    pcre2_match_context_free(m->context);
    *m = (hdi_matcher){0};
}

static hd_status too_expensive(const hdi_search *s, const char *what) {
    return hdi_fail(HD_EXHAUSTED, "the tokenizer's regular expression \"%.*s\" needs too much %s on %zu bytes of this text",
                    shown(s->pattern->size), s->pattern->source, what, s->text.size);
}

static hd_status check_clock(const hdi_search *s) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    if (s->matcher->deadline == 0) s->matcher->deadline = seconds + seconds_per_search + (double)s->text.size * seconds_per_byte;
    return seconds > s->matcher->deadline ? too_expensive(s, "time") : HD_OK;
}

/* One match from `from` on; *start is SIZE_MAX when there is none. */
static hd_status search_regex(const hdi_search *s, size_t from, size_t *start, size_t *end) {
    hdi_matcher *m = s->matcher;
    if (!m->context) HD_TRY(prepare(m));
    const pcre2_code *code = s->pattern->code;
    PCRE2_SPTR text = (PCRE2_SPTR)s->text.data;
    *start = SIZE_MAX;
    if (m->calls++ % CALLS_PER_CLOCK == 0) HD_TRY(check_clock(s));
    for (size_t at = from; at <= s->text.size;) {
        size_t window = WINDOW_WORK / (s->text.size - at + 1) + 1;
        size_t last = s->text.size - at > window ? at + window : PCRE2_UNSET; /* the last start position to try */
        pcre2_set_offset_limit(m->context, last);
        int found = s->pattern->jit ? pcre2_jit_match(code, text, s->text.size, at, PCRE2_NO_UTF_CHECK, m->match_data, m->context)
                                    : pcre2_match(code, text, s->text.size, at, PCRE2_NO_UTF_CHECK, m->match_data, m->context);
        if (found == PCRE2_ERROR_JIT_STACKLIMIT)
            found = pcre2_match(code, text, s->text.size, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m->match_data, m->context);
        if (found >= 0) {
            const size_t *range = pcre2_get_ovector_pointer(m->match_data);
            HD_REQUIRE(range[0] >= from && range[1] >= range[0], HD_UNSUPPORTED,
                       "the tokenizer's regular expression \"%.*s\" moves its match backwards", shown(s->pattern->size),
                       s->pattern->source);
            *start = range[0];
            *end = range[1];
            return HD_OK;
        }
        if (found == PCRE2_ERROR_MATCHLIMIT || found == PCRE2_ERROR_DEPTHLIMIT) return too_expensive(s, "backtracking");
        if (found == PCRE2_ERROR_HEAPLIMIT) return too_expensive(s, "memory");
        HD_REQUIRE(found != PCRE2_ERROR_NOMEMORY, HD_OUT_OF_MEMORY, "not enough memory for a search");
        HD_REQUIRE(found == PCRE2_ERROR_NOMATCH, HD_CORRUPT,
                   "the tokenizer's regular expression \"%.*s\" fails with PCRE2 error %d", shown(s->pattern->size),
                   s->pattern->source, found);
        if (last == PCRE2_UNSET) return HD_OK;
        HD_TRY(check_clock(s));
        at = last + 1;
        while (at < s->text.size && ((uint8_t)s->text.data[at] & 0xC0) == 0x80) at++;
    }
    return HD_OK;
}

hd_status hdi_search_next(hdi_search *s, size_t *start, size_t *end) {
    *start = SIZE_MAX;
    if (s->text.size == 0) return HD_OK;
    if (!s->pattern->code) {
        const char *hit = memmem(s->text.data + s->from, s->text.size - s->from, s->pattern->source, s->pattern->size);
        if (!hit) return HD_OK;
        *start = (size_t)(hit - s->text.data);
        s->from = *end = *start + s->pattern->size;
        return HD_OK;
    }
    while (s->from <= s->text.size) {
        HD_TRY(search_regex(s, s->from, start, end));
        if (*start == SIZE_MAX) break;
        if (*start != *end || *end != s->last_end) {
            s->from = s->last_end = *end;
            return HD_OK;
        }
        /* Empty, where the last match ended: look one character further on. */
        if (s->from == s->text.size) break;
        (void)hdi_next_cp(s->text, &s->from);
    }
    *start = SIZE_MAX;
    s->from = s->text.size + 1;
    return HD_OK;
}
