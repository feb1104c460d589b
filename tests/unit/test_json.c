/* SPDX-License-Identifier: Apache-2.0 */
/* The getters' pairs, and JSON that is broken, too deep, or too large for 64 bits. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/json.h"
#include "base/memory.h"

static json_t *parse(const char *text) {
    json_t *root = NULL;
    hd_status status = hdi_json_parse(text, strlen(text), "test.json", &root);
    if (status != HD_OK) print_error("%s\n", hd_last_error());
    assert_int_equal(status, HD_OK);
    return root;
}

static void refused(const char *text, size_t size, const char *a, const char *b) {
    json_t *root = NULL;
    assert_int_equal(hdi_json_parse(text, size, "test.json", &root), HD_CORRUPT);
    assert_null(root);
    if (!strstr(hd_last_error(), "test.json") || !strstr(hd_last_error(), a) || !strstr(hd_last_error(), b))
        fail_msg("\"%s\" lacks \"%s\" or \"%s\"", hd_last_error(), a, b);
}
#define REFUSED(text, a, b) refused(text, sizeof text - 1, a, b)

static void broken_text_is_placed(void **state) {
    (void)state;
    REFUSED("", "empty", "");
    REFUSED("{\n  \"a\": 1,\n}", "line 3", "column");
    REFUSED("{\"a\":1,\"a\":2}", "uplicate", "\"a\"");
    REFUSED("{\"a\":\"\xff\"}", "UTF-8", "line 1");
    REFUSED("{\"a\":\"\xed\xa0\x80\"}", "UTF-8", "");
    REFUSED("{\"a\":1", "line 1", "");
    REFUSED("{\"a\":1} x", "end of file", "");
    REFUSED("{\"a\":1e999}", "real number overflow", "");
    REFUSED("[NaN]", "line 1", "");
    REFUSED("{\"\\u0000\":1}", "NUL", "");
    REFUSED("\0\0\0", "line 1", "");
}

static void depth_is_limited(void **state) {
    (void)state;
    static char text[1 << 20];
    memset(text, '[', sizeof text);
    refused(text, sizeof text, "depth", "");
    for (size_t i = 0; i + 5 <= sizeof text; i += 5) memcpy(text + i, "{\"a\":", 5);
    refused(text, sizeof text - sizeof text % 5, "depth", "");
}

static void integers_and_reals(void **state) {
    (void)state;
    json_t *root = parse("{\"min\":-9223372036854775808,\"max\":9223372036854775807,\"f\":0.5,\"s\":\"x\",\"n\":null}");
    int64_t i = 7;
    double f = 7;
    assert_int_equal(hdi_json_get_i64(root, "test.json", "min", &i), HD_OK);
    assert_true(i == INT64_MIN);
    assert_int_equal(hdi_json_get_i64(root, "test.json", "max", &i), HD_OK);
    assert_true(i == INT64_MAX);
    assert_int_equal(hdi_json_get_f64(root, "test.json", "f", &f), HD_OK);
    assert_true(f == 0.5);
    assert_int_equal(hdi_json_get_f64(root, "test.json", "max", &f), HD_OK);
    assert_true(f == 9223372036854775808.0);
    assert_int_equal(hdi_json_get_i64(root, "test.json", "f", &i), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"f\" must be an integer of at most 64 bits but is 0.5");
    assert_int_equal(hdi_json_opt_i64(root, "test.json", "s", &i), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"s\" must be an integer but is a string");
    assert_int_equal(hdi_json_opt_f64(root, "test.json", "s", &f), HD_CORRUPT);
    assert_int_equal(hdi_json_get_i64(root, "test.json", "n", &i), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"n\" is null but is needed");
    assert_int_equal(hdi_json_get_f64(root, "test.json", "gone", &f), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"gone\" is missing");
    i = 7, f = 7;
    assert_int_equal(hdi_json_opt_i64(root, "test.json", "n", &i), HD_OK);
    assert_int_equal(hdi_json_opt_i64(root, "test.json", "gone", &i), HD_OK);
    assert_int_equal(hdi_json_opt_f64(root, "test.json", "gone", &f), HD_OK);
    assert_true(i == 7 && f == 7);
    json_decref(root);
}

static void integers_beyond_64_bits_become_reals(void **state) {
    (void)state;
    json_t *root = parse("{\"a\":1000000000000000019884624838656,\"b\":[-99999999999999999999, 1.5e3, 12],"
                         "\"c\":\"\\\" 99999999999999999999\",\"d\":9223372036854775808,\"e\":9223372036854775807}");
    int64_t i = 0;
    double f = 0;
    const json_t *b;
    const char *c;
    assert_int_equal(hdi_json_get_f64(root, "test.json", "a", &f), HD_OK);
    assert_true(f == 1e30);
    assert_int_equal(hdi_json_get_i64(root, "test.json", "a", &i), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"a\" must be an integer of at most 64 bits but is 1e+30");
    assert_int_equal(hdi_json_get_array(root, "test.json", "b", &b), HD_OK);
    assert_true(json_real_value(json_array_get(b, 0)) == -1e20);
    assert_true(json_real_value(json_array_get(b, 1)) == 1500);
    assert_int_equal(json_integer_value(json_array_get(b, 2)), 12);
    assert_int_equal(hdi_json_get_string(root, "test.json", "c", &c), HD_OK);
    assert_string_equal(c, "\" 99999999999999999999");
    assert_int_equal(hdi_json_get_i64(root, "test.json", "d", &i), HD_CORRUPT);
    assert_int_equal(hdi_json_get_i64(root, "test.json", "e", &i), HD_OK);
    assert_true(i == INT64_MAX);
    json_decref(root);
    REFUSED("[99999999999999999999, ]", "line 1", "");
    REFUSED("[99999999999999999999, \"", "line 1", "");
    REFUSED("[99999999999999999999, \"\\", "line 1", "");
    REFUSED("[99999999999999999999, 1e999]", "overflow", "");
}

static void strings_flags_and_containers(void **state) {
    (void)state;
    json_t *root = parse("{\"s\":\"h\xc3\xa9\",\"z\":\"a\\u0000b\",\"t\":true,\"f\":false,\"o\":{\"k\":1},\"a\":[1],\"n\":null}");
    const char *s = "before";
    bool flag = false;
    const json_t *c = root;
    assert_int_equal(hdi_json_get_string(root, "test.json", "s", &s), HD_OK);
    assert_string_equal(s, "h\xc3\xa9");
    assert_int_equal(hdi_json_opt_string(root, "test.json", "n", &s), HD_OK);
    assert_string_equal(s, "h\xc3\xa9");
    assert_int_equal(hdi_json_opt_string(root, "test.json", "z", &s), HD_CORRUPT);
    assert_non_null(strstr(hd_last_error(), "NUL"));
    assert_int_equal(hdi_json_get_string(root, "test.json", "t", &s), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"t\" must be a string but is true");
    assert_int_equal(hdi_json_opt_bool(root, "test.json", "t", &flag), HD_OK);
    assert_true(flag);
    assert_int_equal(hdi_json_opt_bool(root, "test.json", "gone", &flag), HD_OK);
    assert_true(flag);
    assert_int_equal(hdi_json_opt_bool(root, "test.json", "f", &flag), HD_OK);
    assert_false(flag);
    assert_int_equal(hdi_json_opt_bool(root, "test.json", "s", &flag), HD_CORRUPT);
    assert_int_equal(hdi_json_get_object(root, "test.json", "o", &c), HD_OK);
    assert_int_equal(json_object_size(c), 1);
    assert_int_equal(hdi_json_opt_object(root, "test.json", "n", &c), HD_OK);
    assert_null(c);
    assert_int_equal(hdi_json_opt_object(root, "test.json", "a", &c), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: \"a\" must be an object but is an array");
    assert_int_equal(hdi_json_get_array(root, "test.json", "a", &c), HD_OK);
    assert_int_equal(hdi_json_opt_array(root, "test.json", "gone", &c), HD_OK);
    assert_null(c);
    assert_int_equal(hdi_json_get_array(root, "test.json", "o", &c), HD_CORRUPT);
    assert_int_equal(hdi_json_get_string(json_object_get(root, "a"), "test.json", "k", &s), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "test.json: must be an object with the key \"k\" but is an array");
    json_decref(root);
}

static void a_file_loads_up_to_the_limit(void **state) {
    (void)state;
    char path[] = "/tmp/heddle-json-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    json_t *root;
    fputs("{\"a\": 99999999999999999999}", f);
    fclose(f);
    assert_int_equal(hdi_json_load(path, 1000, &root), HD_OK);
    json_decref(root);
    assert_int_equal(hdi_json_load(path, 10, &root), HD_CORRUPT);
    assert_non_null(strstr(hd_last_error(), path));
    hd_status status = HD_OUT_OF_MEMORY;
    int n = 0;
    for (; n < 100 && status != HD_OK; n++) {
        hdi_memory_fail_after(n);
        status = hdi_json_load(path, 1000, &root);
        hdi_memory_fail_after(-1);
        assert_true(status == HD_OK || (status == HD_OUT_OF_MEMORY && !root));
    }
    assert_int_equal(status, HD_OK);
    json_decref(root);
    remove(path);
    assert_int_equal(hdi_json_load(path, 1000, &root), HD_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_text_is_placed),        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(integers_and_reals),           cmocka_unit_test(integers_beyond_64_bits_become_reals),
        cmocka_unit_test(strings_flags_and_containers), cmocka_unit_test(a_file_loads_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
