/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "base/status.h"

static void codes_have_texts(void **state) {
    (void)state;
    assert_string_equal(hd_status_text(HD_OK), "ok");
    assert_string_equal(hd_status_text(HD_CORRUPT), "corrupt data");
    assert_string_equal(hd_status_text((hd_status)HD_STATUS_COUNT), "unknown status");
    assert_string_equal(hd_status_text((hd_status)-1), "unknown status");
}

static void a_message_may_quote_the_last_one(void **state) {
    (void)state;
    assert_int_equal(hdi_fail(HD_IO, "inner %d", 1), HD_IO);
    assert_int_equal(hdi_fail(HD_CORRUPT, "outer: %s", hd_last_error()), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "outer: inner 1");
    assert_int_equal(hdi_fail_prefix(HD_CORRUPT, "%s", "file"), HD_CORRUPT);
    assert_string_equal(hd_last_error(), "file: outer: inner 1");
}

static void a_long_message_is_cut(void **state) {
    (void)state;
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    (void)hdi_fail(HD_IO, "%s", big);
    assert_in_range(strlen(hd_last_error()), 500, 1023);
    (void)hdi_fail_prefix(HD_IO, "%s", big);
    assert_in_range(strlen(hd_last_error()), 500, 1023);
}

static void *other_thread(void *seen) {
    *(int *)seen = hd_last_error()[0] == 0;
    (void)hdi_fail(HD_IO, "theirs");
    return NULL;
}

static void messages_are_per_thread(void **state) {
    (void)state;
    pthread_t thread;
    int fresh = 0;
    (void)hdi_fail(HD_IO, "mine");
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &fresh), 0);
    pthread_join(thread, NULL);
    assert_true(fresh);
    assert_string_equal(hd_last_error(), "mine");
}

static void allocation_failures_are_reported(void **state) {
    (void)state;
    int *p = NULL;
    assert_int_equal(hdi_alloc(&p, SIZE_MAX / 2, 4, "a test"), HD_OUT_OF_MEMORY);
    assert_non_null(strstr(hd_last_error(), "a test"));
    hdi_memory_fail_after(1);
    assert_int_equal(hdi_alloc(&p, 1, 4, "first"), HD_OK);
    hdi_free(p);
    assert_int_equal(hdi_calloc(&p, 1, 4, "second"), HD_OUT_OF_MEMORY);
    assert_int_equal(hdi_calloc(&p, 0, 4, "third"), HD_OK);
    assert_non_null(p);
    size_t cap = 0;
    assert_int_equal(hdi_grow(&p, &cap, 100, sizeof *p, "growth"), HD_OK);
    assert_in_range(cap, 100, 1000);
    hdi_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_texts),          cmocka_unit_test(a_message_may_quote_the_last_one),
        cmocka_unit_test(a_long_message_is_cut),     cmocka_unit_test(messages_are_per_thread),
        cmocka_unit_test(allocation_failures_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
