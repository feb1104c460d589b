/* SPDX-License-Identifier: Apache-2.0 */
/* Small tokenizers of every kind against what the reference library makes of awkward texts: ids with and without the
 * post-processor, decoded text with and without special tokens, at once and streamed. Data and its layout:
 * tests/golden/tokenizer_golden.py. */
#include <jansson.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "text/tokenizer.h"

static json_t *golden;

static int load_golden(void **state) {
    (void)state;
    golden = json_load_file(HEDDLE_SOURCE_DIR "/tests/golden/tokenizer_golden.json", JSON_ALLOW_NUL, NULL);
    return golden ? 0 : -1;
}

static int drop_golden(void **state) {
    (void)state;
    json_decref(golden);
    return 0;
}

/* The whole tokenizer.json of an entry: its parts over those of its base. A new reference. */
static json_t *whole_file(const char *name) {
    size_t i;
    json_t *entry;
    json_array_foreach(golden, i, entry) {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) != 0) continue;
        const char *base = json_string_value(json_object_get(entry, "base"));
        json_t *parts = json_object_get(entry, "parts");
        if (!base) return json_deep_copy(parts);
        json_t *whole = whole_file(base), *model = json_incref(json_object_get(whole, "model"));
        json_object_update(whole, parts);
        if (json_object_get(parts, "model")) {
            json_object_update(model, json_object_get(parts, "model"));
            json_object_set(whole, "model", model);
        }
        json_decref(model);
        return whole;
    }
    fail_msg("no golden tokenizer \"%s\"", name);
    return NULL;
}

static hd_tokenizer *make(const char *name) {
    json_t *whole = whole_file(name);
    char *text = json_dumps(whole, JSON_COMPACT);
    hdi_tokenizer_file file = {.data = text, .size = strlen(text), .name = name};
    hd_tokenizer *tokenizer;
    if (hdi_tokenizer_parse(&file, NULL, NULL, &tokenizer) != HD_OK) fail_msg("%s", hd_last_error());
    free(text);
    json_decref(whole);
    return tokenizer;
}

static void check_ids(const hd_tokenizer *t, const char *name, const json_t *text, bool special, const json_t *want) {
    int32_t *ids;
    size_t count;
    hd_status status = hd_tokenizer_encode(t, json_string_value(text), json_string_length(text), special, &ids, &count);
    if (status != HD_OK) fail_msg("%s: %s", name, hd_last_error());
    for (size_t i = 0; i < count && i < json_array_size(want); i++)
        if (ids[i] != json_integer_value(json_array_get(want, i)))
            fail_msg("%s: \"%s\": id %zu is %d, not %lld", name, json_string_value(text), i, ids[i],
                     (long long)json_integer_value(json_array_get(want, i)));
    if (count != json_array_size(want))
        fail_msg("%s: \"%s\": %zu ids, not %zu", name, json_string_value(text), count, json_array_size(want));
    hd_free(ids);
}

static void stream(const hd_tokenizer *t, const int32_t *ids, size_t count, bool skip_special, hdi_buffer *out) {
    hd_detokenizer *d;
    const char *text;
    size_t size;
    assert_int_equal(hd_detokenizer_create(t, skip_special, &d), HD_OK);
    for (size_t i = 0; i <= count; i++) {
        if (i < count)
            assert_int_equal(hd_detokenizer_push(d, ids[i], &text, &size), HD_OK);
        else
            assert_int_equal(hd_detokenizer_finish(d, &text, &size), HD_OK);
        assert_true(hdi_utf8_valid(text, size));
        assert_int_equal(hdi_buffer_add(out, text, size), HD_OK);
    }
    hd_detokenizer_destroy(d);
}

static void check_text(const hd_tokenizer *t, const char *name, const json_t *id_list, bool skip_special, const json_t *want) {
    size_t count = json_array_size(id_list), size;
    int32_t *ids;
    char *text;
    hdi_buffer streamed = {0};
    assert_int_equal(hdi_alloc(&ids, count, sizeof *ids, "ids"), HD_OK);
    for (size_t i = 0; i < count; i++) ids[i] = (int32_t)json_integer_value(json_array_get(id_list, i));
    assert_int_equal(hd_tokenizer_decode(t, ids, count, skip_special, &text, &size), HD_OK);
    if (size != json_string_length(want) || memcmp(text, json_string_value(want), size) != 0)
        fail_msg("%s: decoded \"%s\", not \"%s\"", name, text, json_string_value(want));
    stream(t, ids, count, skip_special, &streamed);
    assert_int_equal(streamed.size, size);
    if (size) assert_memory_equal(streamed.data, text, size);
    hdi_buffer_free(&streamed);
    hdi_free(ids);
    hd_free(text);
}

static const json_t *or_else(const json_t *value, const json_t *other) { return json_is_null(value) ? other : value; }

static void all_tokenizers_and_texts(void **state) {
    (void)state;
    size_t i, k, checked = 0;
    json_t *entry, *one;
    json_array_foreach(golden, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));
        hd_tokenizer *t = make(name);
        json_array_foreach(json_object_get(entry, "cases"), k, one) {
            const json_t *text = json_array_get(one, 0), *plain = json_array_get(one, 1);
            const json_t *special = or_else(json_array_get(one, 2), plain);
            const json_t *decoded = or_else(json_array_get(one, 3), text);
            check_ids(t, name, text, false, plain);
            check_ids(t, name, text, true, special);
            check_text(t, name, special, false, decoded);
            check_text(t, name, special, true, or_else(json_array_get(one, 4), decoded));
            checked++;
        }
        hd_tokenizer_destroy(t);
    }
    assert_in_range(checked, 500, 100000);
}

/* Every allocation that fails on the way gives an error, not a crash or a leak (the sanitizers look). */
static void check_failing_allocations(const char *name) {
    static const char text[] = "<s> don't 12\xCC\x81 stop\n\xE2\x98\x83";
    hd_tokenizer *t = make(name);
    int failures = 0;
    for (int64_t n = 0;; n++) {
        int32_t *ids = NULL;
        size_t count, size;
        char *back = NULL;
        hdi_memory_fail_after(n);
        hd_status status = hd_tokenizer_encode(t, text, sizeof text - 1, true, &ids, &count);
        if (status == HD_OK) status = hd_tokenizer_decode(t, ids, count, false, &back, &size);
        hdi_memory_fail_after(-1);
        hd_free(ids);
        hd_free(back);
        if (status == HD_OK) break;
        assert_int_equal(status, HD_OUT_OF_MEMORY);
        failures++;
    }
    assert_in_range(failures, 5, 1000);
    hd_tokenizer_destroy(t);
}

static void out_of_memory_in_encode_and_decode(void **state) {
    (void)state;
    check_failing_allocations("phi3");
    check_failing_allocations("qwen2");
    check_failing_allocations("metaspace-always");
}

static void out_of_memory_in_parse(void **state) {
    (void)state;
    json_t *whole = whole_file("affixes"), *qwen2 = whole_file("qwen2");
    json_object_set(whole, "pre_tokenizer", json_object_get(qwen2, "pre_tokenizer"));
    json_object_set(whole, "normalizer", json_object_get(qwen2, "normalizer"));
    char *text = json_dumps(whole, JSON_COMPACT);
    hdi_tokenizer_file file = {.data = text, .size = strlen(text), .name = "a file"};
    int failures = 0;
    for (int64_t n = 0; n < 400; n++) { /* it may succeed early: without room for machine code, expressions are interpreted */
        hd_tokenizer *t;
        hdi_memory_fail_after(n);
        hd_status status = hdi_tokenizer_parse(&file, NULL, NULL, &t);
        hdi_memory_fail_after(-1);
        assert_true(status == HD_OK || status == HD_OUT_OF_MEMORY);
        failures += status != HD_OK;
        hd_tokenizer_destroy(t);
    }
    assert_in_range(failures, 20, 399);
    free(text);
    json_decref(whole);
    json_decref(qwen2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tokenizers_and_texts),
        cmocka_unit_test(out_of_memory_in_encode_and_decode),
        cmocka_unit_test(out_of_memory_in_parse),
    };
    return cmocka_run_group_tests(tests, load_golden, drop_golden);
}
