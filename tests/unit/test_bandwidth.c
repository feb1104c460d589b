/* SPDX-License-Identifier: Apache-2.0 */
/* The probes of memory and of operations: a rate that a machine can have, for any number of threads and awkward sizes, and errors for what cannot be.
 */
#include "unit/cmocka_all.h"

#include <string.h>

#include "heddle/device.h"
#include "support/devices.h"

static void test_rates_are_possible(void **state) {
    (void)state;
    const int32_t threads[] = {1, 2, 3, 5};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        double rate = 0;
        assert_int_equal(hd_measure_bandwidth(threads[i], ((size_t)48 << 20) + 12345, &rate), HD_OK);
        assert_true(rate > 1e7);  /* slower than any memory, even under a sanitizer */
        assert_true(rate < 1e13); /* faster than any cache: nothing was read */
    }
}

static void test_what_cannot_be(void **state) {
    (void)state;
    double rate = 1;
    assert_int_equal(hd_measure_bandwidth(0, 0, &rate), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "threads"));
    assert_int_equal(hd_measure_bandwidth(-3, 0, &rate), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_measure_bandwidth(100000, 0, &rate), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_measure_bandwidth(4, 1000, &rate), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "1000"));
    assert_true(rate == 0);
}

static void operations_are_measured(void **state) {
    (void)state;
    double one = 0, rate = 0;
    assert_int_equal(hd_measure_flops(1, &one), HD_OK);
    assert_true(one > 1e6 && one < 1e12); /* 64 operations a cycle at 6 GHz are 0.4e12 */
    assert_int_equal(hd_measure_flops(3, &rate), HD_OK);
    assert_true(rate > 1e6 && rate < 3e12);
    assert_int_equal(hd_measure_flops(0, &rate), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_measure_flops(1025, &rate), HD_INVALID_ARGUMENT);
}

static void copies_within_a_device_are_measured(void **state) {
    (void)state;
    const hd_device *device;
    double rate = 0;
    for (int i = 0; (device = test_devices(i)); i++) {
        if (hd_measure_copy(device, 1 << 20, &rate) != HD_OK) fail_msg("%s", hd_last_error());
        assert_true(rate > 1e6 && rate < 1e14);
    }
    assert_int_equal(hd_measure_copy(NULL, 0, &rate), HD_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_possible),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(operations_are_measured),
        cmocka_unit_test(copies_within_a_device_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
