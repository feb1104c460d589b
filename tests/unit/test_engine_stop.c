/* SPDX-License-Identifier: Apache-2.0 */
/* Stop strings in streamed text, against a search in the whole text, however it is cut into pieces. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "engine/random.h"
#include "engine/stop.h"

enum { MOST = 64 };

/* Where the first complete stop string begins in text, or -1. First means: complete first; then the longest. */
static long find(const char *text, const char *const *strings, size_t n) {
    for (size_t end = 1; end <= strlen(text); end++) {
        size_t longest = 0;
        for (size_t k = 0; k < n; k++) {
            size_t length = strlen(strings[k]);
            if (length <= end && length > longest && memcmp(text + end - length, strings[k], length) == 0) longest = length;
        }
        if (longest) return (long)(end - longest);
    }
    return -1;
}

/* The longest end of text that begins a stop string. */
static size_t held(const char *text, size_t size, const char *const *strings, size_t n) {
    for (size_t length = size; length > 0; length--)
        for (size_t k = 0; k < n; k++)
            if (length < strlen(strings[k]) && memcmp(text + size - length, strings[k], length) == 0) return length;
    return 0;
}

/* Feeds pieces of 1..most bytes and compares what is final after each piece. */
static void check(const char *text, const char *const *strings, size_t n, uint64_t seed, size_t most) {
    hdi_stop stop;
    size_t size = strlen(text), at = 0, cut = 0;
    long want = find(text, strings, n);
    bool stopped = false;
    assert_int_equal(hdi_stop_init(&stop, strings, n), HD_OK);
    while (at < size && !stopped) {
        size_t piece = 1 + (size_t)(hdi_random_uniform(seed, at) * (float)most);
        if (piece > size - at) piece = size - at;
        stopped = hdi_stop_push(&stop, text + at, piece, &cut);
        at += piece;
        if (!stopped) assert_int_equal(cut, held(text, at, strings, n));
    }
    assert_int_equal(stopped, want >= 0);
    if (stopped) assert_int_equal(at - cut, want);
    hdi_stop_deinit(&stop);
}

static void known_texts(void **state) {
    (void)state;
    const char *one[] = {"\n\nUser:"}, *many[] = {"abcd", "bc", "cde"}, *same[] = {"aab"},
               *wide[] = {"\xe2\x82\xac!", "\xc3\xb6"};
    for (size_t most = 1; most < 12; most++) {
        check("Hello\n\nUse this\n\n\nUser: no", one, 1, most, most);
        check("xxabxabcdx", many, 3, most, most);
        check("aaaaaaabc", same, 1, most, most);
        check("5 \xe2\x82\xac, \xe2\x82\xac!", wide, 2, most, most);
        check("nothing", NULL, 0, most, most);
    }
}

static void random_texts(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        char text[MOST + 1], strings[3][8];
        const char *pointers[3] = {strings[0], strings[1], strings[2]};
        size_t size = (size_t)(hdi_random_uniform(seed, 0) * MOST);
        for (size_t i = 0; i < size; i++) text[i] = (char)('a' + (int)(hdi_random_uniform(seed, i + 1) * 2));
        text[size] = 0;
        for (size_t k = 0; k < 3; k++) {
            size_t length = 2 + (size_t)(hdi_random_uniform(seed, 100 + k) * 6);
            for (size_t i = 0; i < length; i++)
                strings[k][i] = (char)('a' + (int)(hdi_random_uniform(seed, 200 + 8 * k + i) * 2));
            strings[k][length < 7 ? length : 7] = 0;
        }
        check(text, pointers, 1 + seed % 3, seed, 1 + seed % 5);
    }
}

static void bad_strings_are_refused(void **state) {
    (void)state;
    hdi_stop stop;
    char longest[HDI_STOP_MAX_BYTES + 2];
    const char *empty[] = {"x", ""}, *invalid[] = {"\xc3"}, *none[] = {NULL}, *lengthy[] = {longest}, *many[65];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    for (int i = 0; i < 65; i++) many[i] = "x";
    assert_int_equal(hdi_stop_init(&stop, empty, 2), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "stop string 1 has 0 bytes"));
    assert_int_equal(hdi_stop_init(&stop, invalid, 1), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "stop string 0 is not valid UTF-8"));
    assert_int_equal(hdi_stop_init(&stop, none, 1), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_stop_init(&stop, lengthy, 1), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "1025 bytes; 1 to 1024"));
    assert_int_equal(hdi_stop_init(&stop, many, 65), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "65 stop strings; at most 64"));
    longest[HDI_STOP_MAX_BYTES] = 0;
    for (int n = 0; n < 2; n++) {
        hdi_memory_fail_after(n);
        assert_int_equal(hdi_stop_init(&stop, lengthy, 1), HD_OUT_OF_MEMORY);
        hdi_memory_fail_after(-1);
    }
    assert_int_equal(hdi_stop_init(&stop, lengthy, 1), HD_OK);
    hdi_stop_deinit(&stop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(bad_strings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
