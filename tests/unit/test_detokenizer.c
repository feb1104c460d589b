/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming detokenisation: text comes as soon as it is final and not before. That it adds up to what decoding at once gives
 * is checked for every golden tokenizer in test_tokenizer_golden.c, and here for random ids. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "text/tokenizer.h"

#define BYTE_LEVEL                                                                                                            \
    "{\"model\":{\"vocab\":{\"a\":0,\"\xC4\xA0"                                                                               \
    "b\":1,\"\xC3\xB0\xC5\x81\":2,\"\xC4\xBA\":3,\"\xC4\xA2\":4,\"<s>\":5,\"\xC3\xA2\":6,\"\xE2\x96\x81\":7},\"merges\":[]}," \
    "\"added_tokens\":[{\"id\":5,\"content\":\"<s>\",\"special\":true}],\"decoder\":{\"type\":\"ByteLevel\"}}"
#define LLAMA                                                                                                                   \
    "{\"model\":{\"vocab\":{\"<unk>\":0,\"<s>\":1,\"a\":2,\"\xE2\x96\x81\":3,\"\xE2\x96\x81"                                    \
    "b\":4,\"<0xC3>\":5,\"<0xA9>\":6,\"<0x0A>\":7},\"merges\":[]},\"added_tokens\":[{\"id\":1,\"content\":\"<s>\",\"special\":" \
    "true}],\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\xE2\x96\x81\"},"  \
    "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,"     \
    "\"stop\":1}]}}"

static hd_tokenizer *parse(const char *text) {
    hdi_tokenizer_file file = {text, strlen(text), "tokenizer.json"};
    hd_tokenizer *t;
    if (hdi_tokenizer_parse(&file, NULL, NULL, &t) != HD_OK) fail_msg("%s", hd_last_error());
    return t;
}

static void expect_push(hd_detokenizer *d, int32_t id, const char *want) {
    const char *text;
    size_t size;
    assert_int_equal(hd_detokenizer_push(d, id, &text, &size), HD_OK);
    if (size != strlen(want) || memcmp(text, want, size) != 0)
        fail_msg("id %d gives \"%.*s\", not \"%s\"", id, (int)size, text, want);
}

static void expect_finish(hd_detokenizer *d, const char *want) {
    const char *text;
    size_t size;
    assert_int_equal(hd_detokenizer_finish(d, &text, &size), HD_OK);
    if (size != strlen(want) || memcmp(text, want, size) != 0)
        fail_msg("the end gives \"%.*s\", not \"%s\"", (int)size, text, want);
}

static void bytes_wait_for_their_character(void **state) {
    (void)state;
    hd_tokenizer *t = parse(BYTE_LEVEL);
    hd_detokenizer *d;
    assert_int_equal(hd_detokenizer_create(t, true, &d), HD_OK);
    expect_push(d, 0, "a");
    expect_push(d, 1, " b");
    expect_push(d, 2, ""); /* F0 9F */
    expect_push(d, 3, ""); /* 98 */
    expect_push(d, 5, ""); /* special, left out */
    expect_push(d, 4, "\xF0\x9F\x98\x80");
    expect_push(d, 2, "");
    expect_push(d, 0,
                "\xEF\xBF\xBD"
                "a"); /* the character can no longer be finished */
    expect_push(d, 6, "");
    expect_finish(d, "\xEF\xBF\xBD");
    expect_push(d, 1, " b");           /* afresh */
    expect_push(d, 7, "\xE2\x96\x81"); /* not of the alphabet: stands for itself */
    expect_finish(d, "");
    hd_detokenizer_destroy(d);
    hd_detokenizer_destroy(NULL);
    hd_tokenizer_destroy(t);
}

static void byte_runs_and_stripped_spaces(void **state) {
    (void)state;
    hd_tokenizer *t = parse(LLAMA);
    hd_detokenizer *d;
    assert_int_equal(hd_detokenizer_create(t, false, &d), HD_OK);
    expect_push(d, 4, "b"); /* the first space of all is stripped */
    expect_push(d, 4, " b");
    expect_push(d, 3, ""); /* may be the last one, which is stripped */
    expect_push(d, 3, " ");
    expect_push(d, 2, " a");
    expect_push(d, 5, "");
    expect_push(d, 6, ""); /* a run of bytes is only final when it ends */
    expect_push(d, 2,
                "\xC3\xA9"
                "a");
    expect_push(d, 7, "");
    expect_push(d, 5, "");
    expect_push(d, 1, "\xEF\xBF\xBD\xEF\xBF\xBD<s>"); /* invalid as a whole: one U+FFFD a byte */
    expect_push(d, 3, "");
    expect_finish(d, "");
    expect_push(d, 3, "");
    expect_push(d, 2, "a"); /* the first again */
    expect_push(d, 7, "");
    expect_finish(d, "\n");
    hd_detokenizer_destroy(d);
    hd_tokenizer_destroy(t);
}

static void ids_out_of_range_are_errors(void **state) {
    (void)state;
    hd_tokenizer *t = parse(BYTE_LEVEL);
    hd_detokenizer *d;
    const char *text = NULL;
    size_t size = 1;
    assert_int_equal(hd_detokenizer_create(t, true, &d), HD_OK);
    expect_push(d, 2, "");
    assert_int_equal(hd_detokenizer_push(d, 8, &text, &size), HD_INVALID_ARGUMENT);
    assert_int_equal(size, 0);
    assert_non_null(text);
    assert_int_equal(hd_detokenizer_push(d, -1, &text, &size), HD_INVALID_ARGUMENT);
    expect_push(d, 3, "");
    expect_push(d, 4, "\xF0\x9F\x98\x80"); /* a refused id loses nothing */
    expect_finish(d, "");
    hd_detokenizer_destroy(d);
    hd_tokenizer_destroy(t);
}

static void random_ids_stream_as_they_decode(void **state) {
    (void)state;
    const char *const files[] = {BYTE_LEVEL, LLAMA};
    uint32_t random = 12345;
    for (size_t f = 0; f < HDI_COUNTOF(files); f++) {
        hd_tokenizer *t = parse(files[f]);
        for (int round = 0; round < 2000; round++) {
            int32_t ids[12];
            char *whole;
            const char *text;
            size_t size, whole_size, done = 0;
            hd_detokenizer *d;
            for (size_t i = 0; i < HDI_COUNTOF(ids); i++) {
                random = random * 1664525 + 1013904223;
                ids[i] = (int32_t)(random >> 16) % 8;
            }
            assert_int_equal(hd_tokenizer_decode(t, ids, HDI_COUNTOF(ids), round & 1, &whole, &whole_size), HD_OK);
            assert_int_equal(hd_detokenizer_create(t, round & 1, &d), HD_OK);
            for (size_t i = 0; i <= HDI_COUNTOF(ids); i++) {
                if (i < HDI_COUNTOF(ids))
                    assert_int_equal(hd_detokenizer_push(d, ids[i], &text, &size), HD_OK);
                else
                    assert_int_equal(hd_detokenizer_finish(d, &text, &size), HD_OK);
                assert_true(hdi_utf8_valid(text, size));
                assert_true(size <= whole_size - done);
                assert_memory_equal(whole + done, text, size);
                done += size;
            }
            assert_int_equal(done, whole_size);
            hd_detokenizer_destroy(d);
            hd_free(whole);
        }
        hd_tokenizer_destroy(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_wait_for_their_character),
        cmocka_unit_test(byte_runs_and_stripped_spaces),
        cmocka_unit_test(ids_out_of_range_are_errors),
        cmocka_unit_test(random_ids_stream_as_they_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
