/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of who waits for whom: chains, circles, ranks that are gone or say nothing. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "comm/wait_report.h"

static hdi_rank_report waits(int32_t rank, int32_t other) {
    return (hdi_rank_report){rank, HDI_RANK_WAITS, "layers.3.mlp", 10.2, other, 12, 17, 16};
}

static hdi_rank_report does(int32_t rank, hdi_rank_doing doing) { return (hdi_rank_report){rank, doing, "head", 3, 0, 0, 0, 0}; }

static void check(const hdi_rank_report *ranks, size_t n, const char *last) {
    char *text;
    assert_int_equal(hdi_wait_report(ranks, n, &text), HD_OK);
    size_t size = strlen(text);
    assert_true(size > strlen(last));
    assert_string_equal(text + size - strlen(last), last);
    hdi_free(text);
}

static void culprits_are_named(void **state) {
    (void)state;
    check((hdi_rank_report[]){waits(0, 1), waits(1, 2), does(2, HDI_RANK_GONE)}, 3,
          "\nculprit: rank 2 is gone, and 2 ranks wait for it\n");
    check((hdi_rank_report[]){does(2, HDI_RANK_RUNS), waits(0, 2)}, 2,
          "\nculprit: rank 2 still runs head, and 1 rank waits for it\n");
    check((hdi_rank_report[]){waits(3, 0), waits(0, 2), waits(2, 1), waits(1, 0)}, 4,
          "\nculprit: ranks wait for each other in a circle: 0 -> 2 -> 1 -> 0\n");
    check((hdi_rank_report[]){waits(0, 0)}, 1, "\nculprit: ranks wait for each other in a circle: 0 -> 0\n");
    check((hdi_rank_report[]){waits(0, 7), waits(1, 7)}, 2, "\nculprit: rank 7 says nothing, and 2 ranks wait for it\n");
    /* as many wait for each: the one that is gone */
    check((hdi_rank_report[]){waits(0, 1), does(1, HDI_RANK_RUNS), waits(2, 3), does(3, HDI_RANK_GONE)}, 4,
          "\nculprit: rank 3 is gone, and 1 rank waits for it\n");
    check((hdi_rank_report[]){does(0, HDI_RANK_RUNS), does(1, HDI_RANK_STOPPED)}, 2, "\nno rank waits for another\n");
}

static void rows_say_what_is_known(void **state) {
    (void)state;
    char *text;
    hdi_rank_report ranks[] = {waits(1, 0), does(0, HDI_RANK_RUNS)};
    assert_int_equal(hdi_wait_report(ranks, 2, &text), HD_OK);
    assert_non_null(strstr(text, "waits for signal 12 of rank 0 in layers.3.mlp since 10.2 s: expected 17, seen 16\n"));
    assert_non_null(strstr(text, "runs head since 3.0 s\n"));
    hdi_free(text);
    ranks[1].rank = 1;
    assert_int_equal(hdi_wait_report(ranks, 2, &text), HD_INVALID_ARGUMENT);
    assert_null(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(culprits_are_named), cmocka_unit_test(rows_say_what_is_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
