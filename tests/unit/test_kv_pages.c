/* SPDX-License-Identifier: Apache-2.0 */
/* KV pages: none is given out twice, shared ones stay until their last holder lets go, all come back. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "engine/kv_pages.h"

static void pages_are_given_once(void **state) {
    (void)state;
    hdi_kv_pages p;
    bool seen[5] = {false};
    assert_int_equal(hdi_kv_pages_init(&p, 5), HD_OK);
    for (int i = 0; i < 5; i++) {
        int32_t page = hdi_kv_pages_take(&p);
        assert_in_range(page, 0, 4);
        assert_false(seen[page]);
        seen[page] = true;
    }
    assert_int_equal(hdi_kv_pages_take(&p), -1);
    assert_int_equal(hdi_kv_pages_used(&p), 5);
    hdi_kv_pages_drop(&p, 3);
    assert_int_equal(hdi_kv_pages_used(&p), 4);
    assert_int_equal(hdi_kv_pages_take(&p), 3);
    for (int i = 0; i < 5; i++) hdi_kv_pages_drop(&p, i);
    assert_int_equal(hdi_kv_pages_used(&p), 0);
    assert_int_equal(p.peak, 5);
    hdi_kv_pages_deinit(&p);
}

static void shared_pages_wait_for_the_last_holder(void **state) {
    (void)state;
    hdi_kv_pages p;
    assert_int_equal(hdi_kv_pages_init(&p, 1), HD_OK);
    int32_t page = hdi_kv_pages_take(&p);
    hdi_kv_pages_hold(&p, page);
    hdi_kv_pages_drop(&p, page);
    assert_int_equal(hdi_kv_pages_take(&p), -1);
    hdi_kv_pages_drop(&p, page);
    assert_int_equal(hdi_kv_pages_take(&p), page);
    hdi_kv_pages_deinit(&p);
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    for (int n = 0; n < 2; n++) {
        hdi_kv_pages p;
        hdi_memory_fail_after(n);
        assert_int_equal(hdi_kv_pages_init(&p, 8), HD_OUT_OF_MEMORY);
        hdi_memory_fail_after(-1);
        hdi_kv_pages_deinit(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_given_once),
        cmocka_unit_test(shared_pages_wait_for_the_last_holder),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
