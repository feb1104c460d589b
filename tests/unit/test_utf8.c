/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 decoding against Unicode's table 3-7. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/utf8.h"

static void every_code_point_round_trips(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char bytes[4];
        uint32_t back = UINT32_MAX;
        int n = hdi_utf8_encode(cp, bytes);
        assert_int_equal(n, cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
        bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        assert_int_equal(hdi_utf8_decode(bytes, 4, &back) > 0, !surrogate);
        assert_int_equal(hdi_utf8_valid(bytes, (size_t)n), !surrogate);
        if (surrogate) continue;
        assert_int_equal(back, cp);
        for (int cut = 1; cut < n; cut++) {
            assert_int_equal(hdi_utf8_decode(bytes, (size_t)cut, &back), 0);
            assert_false(hdi_utf8_valid(bytes, (size_t)cut));
        }
    }
}

static void maximal_invalid_parts(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        int result;
    } cases[] = {
        {"\x80", -1},
        {"\xC0\xAF", -1},
        {"\xC1\xBF", -1},
        {"\xF5\x80", -1},
        {"\xFF", -1},
        {"\xC3(", -1},
        {"\xE0\x80\x80", -1},
        {"\xE0\xA0(", -2},
        {"\xED\xA0\x80", -1},
        {"\xF0\x8F\x80\x80", -1},
        {"\xF0\x90\x80(", -3},
        {"\xF4\x90\x80\x80", -1},
        {"\xE2\x82\xAC!", 3},
        {"\xF0\x9F\x98\x80!", 4},
        {"\xF1\x80\x80\x80", 4},
        {"\xE2\x82", 0},
        {"\xF0\x9F\x98", 0},
        {"\xC3", 0},
        {"\xF0", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t cp;
        assert_int_equal(hdi_utf8_decode(cases[i].bytes, strlen(cases[i].bytes), &cp), cases[i].result);
    }
    assert_true(hdi_utf8_valid("", 0));
    assert_true(hdi_utf8_valid("a\0b\xC3\xA9", 5));
    assert_false(hdi_utf8_valid("ab\xC3", 3));
    assert_false(hdi_utf8_valid("\xC3\xA9\xA9", 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(maximal_invalid_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
