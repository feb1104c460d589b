/* SPDX-License-Identifier: Apache-2.0 */
/* Symbolic sizes: products are interned, overflow is caught at the symbols' maxima. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "graph/dim.h"

static void equal_products_are_one_handle(void **state) {
    (void)state;
    hdi_dims dims = {0};
    hdi_dim t, s, ts, st, t64, back;
    assert_int_equal(hdi_dims_symbol(&dims, "tokens", 1, 512, &t), HD_OK);
    assert_int_equal(hdi_dims_symbol(&dims, "sequences", 1, 8, &s), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, t, s, &ts), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, s, t, &st), HD_OK);
    assert_true(ts == st);
    assert_int_equal(hdi_dims_mul(&dims, t, 64, &t64), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, 64, t, &back), HD_OK);
    assert_true(t64 == back && t64 != t);
    assert_int_equal(hdi_dims_mul(&dims, t, 1, &back), HD_OK);
    assert_true(back == t);
    assert_int_equal(hdi_dims_mul(&dims, t, 0, &back), HD_OK);
    assert_int_equal(back, 0);
    int64_t values[2] = {7, 3};
    assert_int_equal(hdi_dims_eval(dims.products, ts, values), 21);
    assert_int_equal(hdi_dims_eval(dims.products, t64, values), 448);
    assert_int_equal(hdi_dims_eval(dims.products, 5, values), 5);
    assert_int_equal(hdi_dims_max(&dims, ts), 4096);
    char text[64];
    hdi_dims_text(&dims, t64, text, sizeof text);
    assert_string_equal(text, "64*tokens");
    hdi_dims_text(&dims, ts, text, sizeof text);
    assert_string_equal(text, "tokens*sequences");
    hdi_dims_clear(&dims);
}

static void bad_sizes_are_refused(void **state) {
    (void)state;
    hdi_dims dims = {0};
    hdi_dim big, out;
    assert_int_equal(hdi_dims_symbol(&dims, "big", 0, INT64_MAX / 2, &big), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, big, 2, &out), HD_OK);
    assert_int_equal(hdi_dims_mul(&dims, big, 3, &out), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "overflow"));
    assert_int_equal(hdi_dims_symbol(&dims, "big", 0, 1, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "backwards", 2, 1, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "below", -1, 1, &out), HD_INVALID_ARGUMENT);
    assert_int_equal(hdi_dims_symbol(&dims, "", 0, 1, &out), HD_INVALID_ARGUMENT);
    hdi_dims_clear(&dims);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_products_are_one_handle), cmocka_unit_test(bad_sizes_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
