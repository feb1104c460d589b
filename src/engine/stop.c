/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stop.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

static hd_status check(const char *const *strings, size_t n, size_t *bytes) {
    HD_REQUIRE(n <= HDI_STOP_MAX_STRINGS, HD_INVALID_ARGUMENT, "there are %zu stop strings; at most %d are allowed", n,
               HDI_STOP_MAX_STRINGS);
    *bytes = 0;
    for (size_t i = 0; i < n; i++) {
        HD_REQUIRE(strings[i], HD_INVALID_ARGUMENT, "stop string %zu is NULL", i);
        size_t length = strlen(strings[i]);
        HD_REQUIRE(length >= 1 && length <= HDI_STOP_MAX_BYTES, HD_INVALID_ARGUMENT,
                   "stop string %zu has %zu bytes; 1 to %d are allowed", i, length, HDI_STOP_MAX_BYTES);
        HD_REQUIRE(hdi_utf8_valid(strings[i], length), HD_INVALID_ARGUMENT, "stop string %zu is not valid UTF-8", i);
        *bytes += length * sizeof(uint16_t) + length;
    }
    return HD_OK;
}

static void make_fallback(hdi_stop_string *s) {
    uint16_t k = 0;
    s->fallback[0] = 0;
    for (uint16_t i = 1; i < s->length; i++) {
        while (k && s->text[i] != s->text[k]) k = s->fallback[k - 1];
        if (s->text[i] == s->text[k]) k++;
        s->fallback[i] = k;
    }
}

hd_status hdi_stop_init(hdi_stop *stop, const char *const *strings, size_t n) {
    size_t bytes, total = 0, at = 0;
    hd_status status;
    *stop = (hdi_stop){0};
    HD_TRY(check(strings, n, &bytes));
    if (n == 0) return HD_OK;
    HD_TRY_GOTO(hdi_calloc(&stop->strings, n, sizeof *stop->strings, "stop strings"));
    HD_TRY_GOTO(hdi_alloc(&stop->memory, bytes, 1, "stop strings"));
    stop->n = n;
    for (size_t i = 0; i < n; i++) total += stop->strings[i].length = (uint16_t)strlen(strings[i]);
    for (size_t i = 0; i < n; i++) {
        hdi_stop_string *s = &stop->strings[i];
        char *text = (char *)stop->memory + total * sizeof(uint16_t) + at;
        s->fallback = (uint16_t *)stop->memory + at;
        s->text = memcpy(text, strings[i], s->length);
        make_fallback(s);
        at += s->length;
    }
    return HD_OK;
fail:
    hdi_stop_deinit(stop);
    return status;
}

void hdi_stop_deinit(hdi_stop *stop) {
    hdi_free(stop->strings);
    hdi_free(stop->memory);
    *stop = (hdi_stop){0};
}

/* true when the string is complete with this byte. */
static bool advance(hdi_stop_string *s, char byte) {
    while (s->matched && s->text[s->matched] != byte) s->matched = s->fallback[s->matched - 1];
    if (s->text[s->matched] == byte) s->matched++;
    return s->matched == s->length;
}

bool hdi_stop_push(hdi_stop *stop, const char *text, size_t size, size_t *cut) {
    *cut = 0;
    for (size_t i = 0; i < size; i++) {
        size_t found = 0;
        for (size_t k = 0; k < stop->n; k++)
            if (advance(&stop->strings[k], text[i]) && stop->strings[k].length > found) found = stop->strings[k].length;
        if (found) {
            *cut = found + (size - 1 - i);
            return true;
        }
    }
    for (size_t k = 0; k < stop->n; k++)
        if (stop->strings[k].matched > *cut) *cut = stop->strings[k].matched;
    return false;
}
