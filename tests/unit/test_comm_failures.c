/* SPDX-License-Identifier: Apache-2.0 */
/* How domains end with threads as ranks: deadlines, aborts, ranks that leave. Processes that die: test_comm_processes.c. */
#include "unit/comm_threads.h"

static void waits_in_vain(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 4, &window));
    if (self->rank == 2) OK(hd_signal_raise(window, 1, 3, 4));
    OK(hd_domain_barrier(self->domain));
    if (self->rank != 2) keep(self, hd_signal_wait(window, 2, 3, 5, "layers.3.mlp"));
    if (self->rank == 2) { /* in no wait: it hears of it in its next call */
        while (hd_domain_check(self->domain) == HD_OK) usleep(1000);
        keep(self, hd_signal_raise(window, 0, 0, 1));
    }
    CHECK(hd_domain_barrier(self->domain) == self->status && hd_domain_check(self->domain) == self->status);
    hd_window_destroy(window);
}

static void deadlines_name_everything(void **state) {
    (void)state;
    rank_t all[3];
    run(3, 300, waits_in_vain, all);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(all[i].status, HD_COMM);
        assert_says(&all[i], "s in layers.3.mlp for signal 3 of rank 2: expected 5, seen");
        assert_says(&all[i], "last signs of life: rank 2 (process");
        assert_true(all[i].took_ns < 5000000000);
    }
}

static bool in_a_circle;

/* Rank 0 waits for 1, which waits for 2, which waits for 0 or for nobody. */
static void waits_in_a_row(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 1, &window));
    OK(hd_domain_barrier(self->domain));
    if (self->rank > 0) usleep(600000); /* rank 0's deadline passes first, when the others have fallen asleep */
    if (self->rank < 2 || in_a_circle) keep(self, hd_signal_wait(window, (self->rank + 1) % 3, 0, 1, NULL));
    for (; self->status == HD_OK; usleep(1000)) keep(self, hd_domain_check(self->domain));
    hd_window_destroy(window);
}

static void the_culprit_is_named(void **state) {
    (void)state;
    for (in_a_circle = false;; in_a_circle = true) {
        rank_t all[3];
        run(3, 1500, waits_in_a_row, all);
        for (int i = 0; i < 3; i++)
            assert_says(&all[i], in_a_circle ? "culprit: ranks wait for each other in a circle: 0 -> 1 -> 2 -> 0; last signs"
                                             : "seen 0; culprit: rank 2 says nothing, and 2 ranks wait for it; last signs");
        if (in_a_circle) return;
    }
}

/* Rank 1 is stopped in a wait for rank 2, that is, gives no more signs of life. */
static void stops_in_a_wait(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 1, &window));
    OK(hd_domain_barrier(self->domain));
    if (self->rank == 1) hdi_domain_awaits_signal(self->domain, 2, 0);
    if (self->rank == 0) keep(self, hd_signal_wait(window, 1, 0, 1, NULL));
    for (; self->status == HD_OK; usleep(1000)) keep(self, hd_domain_check(self->domain));
    hd_window_destroy(window);
}

static void who_stops_in_a_wait_is_no_victim(void **state) {
    (void)state;
    rank_t all[3];
    run(3, 600, stops_in_a_wait, all);
    assert_says(&all[0], "for signal 0 of rank 1: expected 1, seen 0; last signs of life: rank 1 (process");
    assert_null(strstr(all[0].message, "awaits"));
}

static void aborts(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 1, &window));
    if (self->rank == 1) {
        usleep(200000); /* until the others are asleep */
        hd_domain_abort(self->domain, HD_DEVICE, "the card fell off the bus");
        hd_domain_abort(self->domain, HD_IO, "a second sentence");
        keep(self, hd_domain_check(self->domain));
    } else if (self->rank == 2) {
        keep(self, hd_domain_barrier(self->domain));
    } else {
        keep(self, hd_signal_wait(window, 1, 0, 1, NULL));
    }
    hd_window_destroy(window);
}

static void aborts_are_heard_by_all(void **state) {
    (void)state;
    rank_t all[4];
    run(4, 60000, aborts, all);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(all[i].status, HD_DEVICE);
        assert_says(&all[i], "rank 1: the card fell off the bus");
        assert_null(strstr(all[i].message, "second"));
        assert_true(all[i].took_ns < 10000000000); /* far below the deadline */
    }
}

static _Atomic int64_t aborted_at;
static atomic_int heard_late;
static void sleeps_until_the_end(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 1, &window));
    if (self->rank == 0) {
        usleep(15000 + (useconds_t)(hdi_now_ns() % 10000));
        atomic_store(&aborted_at, hdi_now_ns());
        hd_domain_abort(self->domain, HD_COMM, "enough");
        usleep(60000); /* leaving would wake them as well */
    } else {
        keep(self, self->rank == 1 ? hd_signal_wait(window, 0, 0, 1, NULL) : hd_domain_barrier(self->domain));
        if (hdi_now_ns() - atomic_load(&aborted_at) > 15000000) atomic_fetch_add(&heard_late, 1);
    }
    hd_window_destroy(window);
}

/* Not only when their naps end. */
static void sleepers_are_woken_by_an_abort(void **state) {
    (void)state;
    enum { TURNS = 30 };
    for (int turn = 0; turn < TURNS; turn++) {
        rank_t all[3];
        run(3, 60000, sleeps_until_the_end, all);
        for (int i = 1; i < 3; i++) assert_says(&all[i], "rank 0: enough");
    }
    assert_true(atomic_load(&heard_late) < TURNS * 2 / 4);
}

static void all_abort(rank_t *self) {
    char text[32];
    snprintf(text, sizeof text, "reason %d", self->rank);
    OK(hd_domain_barrier(self->domain));
    hd_domain_abort(self->domain, HD_COMM, text);
    keep(self, hd_domain_check(self->domain));
    for (int i = 0; i < 10; i++) CHECK(hd_domain_barrier(self->domain) == HD_COMM && strcmp(hd_last_error(), self->message) == 0);
}

static void the_first_abort_wins(void **state) {
    (void)state;
    for (int turn = 0; turn < 30; turn++) {
        rank_t all[4];
        run(4, 20000, all_abort, all);
        for (int i = 1; i < 4; i++) assert_string_equal(all[i].message, all[0].message);
    }
}

static void leaves_early(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 1, &window));
    if (self->rank == 0) OK(hd_signal_raise(window, 1, 0, 1));
    if (self->rank == 1) {
        usleep(100000);
        OK(hd_domain_check(self->domain)); /* nobody misses rank 0 yet */
        OK(hd_signal_wait(window, 0, 0, 1, NULL));
        keep(self, hd_signal_wait(window, 0, 0, 2, NULL));
    }
    hd_window_destroy(window);
}

static void who_waits_for_one_that_left_hears_it(void **state) {
    (void)state;
    rank_t all[2];
    run(2, 60000, leaves_early, all);
    assert_int_equal(all[0].status, HD_OK);
    assert_says(&all[1], "rank 0, which has left: expected 2, seen 1");
    assert_true(all[1].took_ns < 10000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_name_everything),
        cmocka_unit_test(the_culprit_is_named),
        cmocka_unit_test(who_stops_in_a_wait_is_no_victim),
        cmocka_unit_test(aborts_are_heard_by_all),
        cmocka_unit_test(sleepers_are_woken_by_an_abort),
        cmocka_unit_test(the_first_abort_wins),
        cmocka_unit_test(who_waits_for_one_that_left_hears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
