/* SPDX-License-Identifier: Apache-2.0 */
/* The worker pool: every worker runs every round, and memory passes both ways, with fewer, as many and more workers than cores.
 */
#include <time.h>

#include "unit/cmocka_all.h"

#include "task/pool.h"

typedef struct shared {
    int64_t input;       /* written by the caller before a round */
    int64_t seen[64][8]; /* by worker, a cache line each */
} shared;

static void body(void *user, int worker) {
    shared *s = user;
    s->seen[worker][0] += s->input;
}

static void every_worker_runs_every_round(void **state) {
    (void)state;
    static const int counts[] = {1, 2, 3, 4, 9};
    for (size_t c = 0; c < HDI_COUNTOF(counts); c++) {
        hdi_pool *pool;
        shared s = {0};
        int64_t sum = 0;
        assert_int_equal(hdi_pool_create(counts[c], &pool), HD_OK);
        assert_int_equal(hdi_pool_workers(pool), counts[c]);
        for (int round = 1; round <= 500; round++) {
            s.input = round;
            sum += round;
            hdi_pool_run(pool, body, &s);
            for (int w = 0; w < counts[c]; w++) assert_int_equal(s.seen[w][0], sum);
            if (round % 100 == 0) { /* let them fall asleep once in a while */
                struct timespec nap = {.tv_nsec = 3000000};
                nanosleep(&nap, NULL);
            }
        }
        hdi_pool_destroy(pool);
    }
}

static void senseless_counts_are_refused(void **state) {
    (void)state;
    hdi_pool *pool = (hdi_pool *)1;
    assert_int_equal(hdi_pool_create(0, &pool), HD_INVALID_ARGUMENT);
    assert_null(pool);
    assert_int_equal(hdi_pool_create(100000, &pool), HD_INVALID_ARGUMENT);
    hdi_pool_destroy(NULL);
}

static void unused_pools_end(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        hdi_pool *pool;
        assert_int_equal(hdi_pool_create(4, &pool), HD_OK);
        hdi_pool_destroy(pool);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_worker_runs_every_round),
                                       cmocka_unit_test(senseless_counts_are_refused), cmocka_unit_test(unused_pools_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
