/* SPDX-License-Identifier: Apache-2.0 */
/* Domains, windows and signals of the transport "local" with threads as ranks, so that ThreadSanitizer sees both ends. */
#include <dirent.h>
#include <sys/stat.h>

#include "unit/comm_threads.h"

#include "comm/timeouts.h"

/* ---- meeting ---- */

static void ranks_know_themselves(rank_t *self) {
    CHECK(hd_domain_rank(self->domain) == self->rank && hd_domain_ranks(self->domain) == self->ranks);
    CHECK(strcmp(hd_domain_transport(self->domain), "local") == 0);
    OK(hd_domain_check(self->domain));
}

static void all_meet(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= MAX; ranks++) run_well(ranks, ranks_know_themselves);
}

static void wrong_options_are_refused(void **state) {
    (void)state;
    hd_domain *domain;
    static const struct {
        hd_domain_options options;
        const char *says;
    } wrong[] = {
        {{.name = "a", .rank = 0, .ranks = 0}, "1 to 64"},
        {{.name = "a", .rank = 0, .ranks = 65}, "1 to 64"},
        {{.name = "a", .rank = 2, .ranks = 2}, "ranks are 0 to 1"},
        {{.name = "a", .rank = -1, .ranks = -1}, "1 to 64"},
        {{.name = NULL, .rank = 0, .ranks = 1}, "no name"},
        {{.name = "", .rank = 0, .ranks = 1}, "no name"},
        {{.name = "a/b", .rank = 0, .ranks = 1}, "no name"},
        {{.name = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345", .rank = 0, .ranks = 1}, "no name"},
        {{.name = "a", .rank = 0, .ranks = 1, .timeout_ms = -5}, "deadline"},
        {{.transport = "pigeon", .name = "a", .rank = 0, .ranks = 1}, "pigeon"},
    };
    for (size_t i = 0; i < HDI_COUNTOF(wrong); i++) {
        domain = (hd_domain *)1;
        assert_int_not_equal(hd_domain_create(&wrong[i].options, &domain), HD_OK);
        if (!strstr(hd_last_error(), wrong[i].says)) fail_msg("\"%s\" lacks \"%s\"", hd_last_error(), wrong[i].says);
        assert_null(domain);
    }
    hd_domain_destroy(NULL);
    hd_window_destroy(NULL);
}

static void missing_ranks_are_named(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    rank_t all[2] = {{.name = name, .rank = 0, .ranks = 4, .timeout_ms = 150},
                     {.name = name, .rank = 2, .ranks = 4, .timeout_ms = 150}};
    run_all(all, 2);
    for (int i = 0; i < 2; i++) assert_says(&all[i], "ranks 1, 3 of 4 did not come within 0.3 s");
    rank_t alone = {.name = name, .rank = 1, .ranks = 4, .timeout_ms = 100};
    run_all(&alone, 1);
    assert_says(&alone, "rank 0 of 4 did not come within 0.2 s");
}

static void ranks_that_do_not_fit_are_told(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    rank_t twice[3] = {{.name = name, .rank = 0, .ranks = 3, .timeout_ms = 5000},
                       {.name = name, .rank = 1, .ranks = 3, .timeout_ms = 5000},
                       {.name = name, .rank = 1, .ranks = 3, .timeout_ms = 5000}};
    run_all(twice, 3);
    for (int i = 0; i < 3; i++) assert_says(&twice[i], "as rank 1: processes");
    rank_t sizes[2] = {{.name = name, .rank = 0, .ranks = 3, .timeout_ms = 5000},
                       {.name = name, .rank = 1, .ranks = 2, .timeout_ms = 5000}};
    run_all(sizes, 2);
    for (int i = 0; i < 2; i++) assert_says(&sizes[i], "for a domain of 2 ranks, and rank 0 for one of 3");
    rank_t zeros[2] = {{.name = name, .rank = 0, .ranks = 2, .timeout_ms = 300},
                       {.name = name, .rank = 0, .ranks = 2, .timeout_ms = 300}};
    run_all(zeros, 2);
    assert_says(&zeros[strstr(zeros[0].message, "did not come") ? 1 : 0], "is in use on this machine");
}

/* ---- collectives ---- */

static uint8_t pattern(int32_t rank, size_t i, int round) {
    return (uint8_t)((size_t)rank * 31 + i * 7 + (size_t)round * 13 + (i >> 8));
}

static void gather_odd_sizes(rank_t *self) {
    static const size_t sizes[] = {0, 1, 3, 8, 63, 64, 65, 4095, 4096, 4097, 12289, 100003};
    for (int round = 0; round < 3; round++)
        for (size_t s = 0; s < HDI_COUNTOF(sizes); s++) {
            size_t n = sizes[s];
            uint8_t *mine = malloc(n + 1), *all = malloc(n * (size_t)self->ranks + 1);
            for (size_t i = 0; i < n; i++) mine[i] = pattern(self->rank, i, round);
            all[n * (size_t)self->ranks] = 0x5a;
            OK(hd_domain_allgather(self->domain, mine, n, all));
            for (int32_t r = 0; r < self->ranks; r++)
                for (size_t i = 0; i < n; i++) CHECK(all[(size_t)r * n + i] == pattern(r, i, round));
            CHECK(all[n * (size_t)self->ranks] == 0x5a);
            free(mine);
            free(all);
        }
}

static void allgather_of_any_size(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= 4; ranks++) run_well(ranks, gather_odd_sizes);
}

static int shared_turns[MAX]; /* no atomics: barriers order them */
static void barrier_turns(rank_t *self) {
    for (int turn = 1; turn <= 2000; turn++) {
        shared_turns[self->rank] = turn;
        OK(hd_domain_barrier(self->domain));
        for (int r = 0; r < self->ranks; r++) CHECK(shared_turns[r] == turn);
        OK(hd_domain_barrier(self->domain));
    }
}

static void barriers_order_memory(void **state) {
    (void)state;
    run_well(2, barrier_turns);
    run_well(4, barrier_turns);
}

static void different_calls(rank_t *self) {
    char all[64];
    keep(self, self->rank == 1 ? hd_domain_allgather(self->domain, "abcdefg", 8, all) : hd_domain_barrier(self->domain));
}

static void different_calls_end_the_domain(void **state) {
    (void)state;
    rank_t all[3];
    run(3, 20000, different_calls, all);
    for (int i = 0; i < 3; i++) {
        assert_says(&all[i], "all ranks must make the same calls");
        assert_says(&all[i], "an allgather of 8 bytes");
    }
}

/* ---- windows ---- */

static void windows_are_zero(rank_t *self) {
    for (int turn = 0; turn < 20; turn++) {
        hd_window *window;
        size_t bytes = turn % 3 == 0 ? 1 : turn % 3 == 1 ? 4096 : 300001;
        OK(hd_window_create(self->domain, NULL, bytes, 3, &window));
        for (int32_t r = 0; r < self->ranks; r++) {
            const uint8_t *theirs = hd_window_segment(window, r);
            CHECK((uintptr_t)theirs % 64 == 0);
            for (size_t i = 0; i < bytes; i++) CHECK(theirs[i] == 0);
            for (uint32_t s = 0; s < 3; s++) CHECK(hd_signal_value(window, r, s) == 0);
        }
        OK(hd_domain_barrier(self->domain));
        memset(hd_window_segment(window, self->rank), 0xff, bytes);
        for (int32_t r = 0; r < self->ranks; r++) OK(hd_signal_raise(window, r, (uint32_t)turn % 3, 7));
        OK(hd_domain_barrier(self->domain));
        hd_window_destroy(window);
    }
}

static void windows_are_zero_at_first(void **state) {
    (void)state;
    run_well(1, windows_are_zero);
    run_well(3, windows_are_zero);
}

static void different_windows(rank_t *self) {
    hd_window *window;
    keep(self, hd_window_create(self->domain, NULL, self->rank == 2 ? 128 : 64, 1, &window));
    OK(hd_domain_barrier(self->domain)); /* nothing else is lost */
}

static void windows_must_be_asked_for_alike(void **state) {
    (void)state;
    rank_t all[3];
    run(3, 60000, different_windows, all);
    for (int i = 0; i < 3; i++) assert_says(&all[i], "of 64 bytes and 1 signals on cpu on rank 0, and of 128 bytes");
}

static void wrong_calls(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 64, 2, &window));
    CHECK(hd_put_signal(window, 1, 0, 65, 0, 1) == HD_INVALID_ARGUMENT);
    CHECK(hd_put_signal(window, 1, SIZE_MAX, 2, 0, 1) == HD_INVALID_ARGUMENT);
    CHECK(hd_put_signal(window, 2, 0, 64, 0, 1) == HD_INVALID_ARGUMENT);
    CHECK(hd_put_signal(window, -1, 0, 64, 0, 1) == HD_INVALID_ARGUMENT);
    CHECK(hd_put_signal(window, 1, 0, 64, 2, 1) == HD_INVALID_ARGUMENT);
    CHECK(hd_put(window, 1, 60, 5) == HD_INVALID_ARGUMENT);
    CHECK(hd_signal_raise(window, 1, 9, 1) == HD_INVALID_ARGUMENT);
    CHECK(hd_signal_wait(window, 5, 0, 1, NULL) == HD_INVALID_ARGUMENT);
    CHECK(!hd_signal_test(window, 7, 0, 1) && hd_signal_value(window, 0, 99) == 0 && !hd_window_segment(window, 2));
    OK(hd_put(window, 1 - self->rank, 0, 64));
    OK(hd_window_quiet(window));
    OK(hd_domain_barrier(self->domain));
    hd_window_destroy(window);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    run_well(2, wrong_calls);
}

/* ---- signals ---- */

enum { WORDS = 40 };

/* Each to each other: a payload, then its signal; the receiver checks all of it, then says that it has read it. */
static void exchange(rank_t *self) {
    hd_window *window;
    int rounds = 3000;
    OK(hd_window_create(self->domain, NULL, WORDS * sizeof(int64_t), 2, &window));
    int64_t *mine = hd_window_segment(window, self->rank);
    for (int round = 1; round <= rounds; round++) {
        for (int i = 0; i < WORDS; i++) mine[i] = (int64_t)(i - WORDS / 2) * round * (self->rank + 1);
        for (int32_t r = 0; r < self->ranks; r++)
            if (r != self->rank) OK(hd_put_signal(window, r, 0, WORDS * sizeof(int64_t), 0, (uint64_t)round));
        for (int32_t r = 0; r < self->ranks; r++) {
            if (r == self->rank) continue;
            OK(hd_signal_wait(window, r, 0, (uint64_t)round, "exchange"));
            const int64_t *theirs = hd_window_segment(window, r);
            for (int i = 0; i < WORDS; i++) CHECK(theirs[i] == (int64_t)(i - WORDS / 2) * round * (r + 1));
            OK(hd_signal_raise(window, r, 1, (uint64_t)round));
        }
        for (int32_t r = 0; r < self->ranks; r++)
            if (r != self->rank) OK(hd_signal_wait(window, r, 1, (uint64_t)round, NULL));
        if (self->rank == round % self->ranks && round % 500 == 0) usleep(120000); /* the others fall asleep */
    }
    hd_window_destroy(window);
}

static void payloads_come_before_their_signals(void **state) {
    (void)state;
    for (int ranks = 2; ranks <= 4; ranks++) run_well(ranks, exchange);
}

static void never_falls(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 8, 1, &window));
    if (self->rank == 0) {
        for (uint64_t v = 1; v <= 20000; v++) {
            OK(hd_signal_raise(window, 1, 0, v));
            if (v % 3 == 0) OK(hd_signal_raise(window, 1, 0, v / 2));
        }
    } else {
        for (uint64_t seen = 0, now; seen < 20000; seen = now) {
            now = hd_signal_value(window, 0, 0);
            CHECK(now >= seen);
        }
    }
    OK(hd_domain_barrier(self->domain));
    if (self->rank == 0) OK(hd_signal_raise(window, 1, 0, UINT64_MAX));
    if (self->rank == 1) OK(hd_signal_wait(window, 0, 0, UINT64_MAX, NULL));
    OK(hd_domain_barrier(self->domain));
    hd_window_destroy(window);
}

static void signals_only_rise(void **state) {
    (void)state;
    run_well(2, never_falls);
}

/* A sleeper must be woken by the raise, not by the end of its nap: a lost wake-up costs HDI_TIMEOUT_BEAT each time. */
static void wake_up(rank_t *self) {
    hd_window *window;
    enum { TURNS = 60 };
    OK(hd_window_create(self->domain, NULL, 0, 1, &window));
    int64_t late = 0;
    static _Atomic int64_t raised;
    for (uint64_t turn = 1; turn <= TURNS; turn++) {
        if (self->rank == 0) {
            usleep(8000 + (useconds_t)turn * 17);
            atomic_store(&raised, hdi_now_ns());
            OK(hd_signal_raise(window, 1, 0, turn));
            OK(hd_signal_wait(window, 1, 0, turn, NULL));
        } else {
            OK(hd_signal_wait(window, 0, 0, turn, NULL));
            late += hdi_now_ns() - atomic_load(&raised) > 20000000;
            OK(hd_signal_raise(window, 0, 0, turn));
        }
    }
    CHECK(late < TURNS / 4);
    hd_window_destroy(window);
}

static void sleepers_are_woken(void **state) {
    (void)state;
    run_well(2, wake_up);
}

/* ---- timeouts, names, leaks ---- */

static void timeouts_keep_their_order(void **state) {
    (void)state;
    static const int64_t waits[] = {10, 100, 999, 3000, 30000, 86400000};
    for (size_t i = 0; i < HDI_COUNTOF(waits); i++) {
        int64_t before = 0;
        for (int t = 0; t < HDI_TIMEOUT_COUNT; t++) {
            int64_t now = hdi_timeout_ns((hdi_timeout)t, waits[i] * 1000000);
            assert_true(now > before);
            before = now;
        }
    }
    int64_t ns;
    setenv("HEDDLE_TIMEOUT_MS", "1234", 1);
    assert_int_equal(hdi_timeout_of_wait(0, &ns), HD_OK);
    assert_int_equal(ns, 1234000000);
    assert_int_equal(hdi_timeout_of_wait(50, &ns), HD_OK);
    assert_int_equal(ns, 50000000);
    static const char *const bad[] = {"soon", "-1", "5", "12x", "999999999999", "1e3", " 100"};
    for (size_t i = 0; i < HDI_COUNTOF(bad); i++) {
        setenv("HEDDLE_TIMEOUT_MS", bad[i], 1);
        assert_int_equal(hdi_timeout_of_wait(0, &ns), HD_INVALID_ARGUMENT);
        assert_non_null(strstr(hd_last_error(), "HEDDLE_TIMEOUT_MS"));
    }
    unsetenv("HEDDLE_TIMEOUT_MS");
    assert_int_equal(hdi_timeout_of_wait(0, &ns), HD_OK);
    assert_int_equal(ns, 30000000000);
}

static int count_lines(const char *path, const char *with) {
    char line[512];
    int n = 0;
    FILE *file = fopen(path, "r");
    while (fgets(line, sizeof line, file)) n += strstr(line, with) != NULL;
    fclose(file);
    return n;
}

static void the_page_has_the_table(void **state) {
    (void)state;
    static const char *const rows[] = {
#define ROW(name, ms, share, what) "| " #name " | " #ms " | " #share "/240 | " what " |",
        HDI_TIMEOUT_LIST(ROW)
#undef ROW
    };
    for (size_t i = 0; i < HDI_COUNTOF(rows); i++)
        if (count_lines(HEDDLE_SOURCE_DIR "/docs/comm.md", rows[i]) != 1) fail_msg("docs/comm.md lacks %s", rows[i]);
}

static void fresh_names_differ(void **state) {
    (void)state;
    char a[32], b[32];
    hd_domain_fresh_name(a, sizeof a);
    hd_domain_fresh_name(b, sizeof b);
    assert_string_not_equal(a, b);
}

static int count_entries(const char *path) {
    int n = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder)) n++;
    if (folder) closedir(folder);
    return n;
}

/* Whether this process holds or maps a file with `text` in its name. (Another program may be at work in /dev/shm.) */
static bool holds(const char *text) {
    bool found = false;
    char path[64], target[256];
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        found = found || strstr(target, text);
    }
    return found || count_lines("/proc/self/maps", text) > 0;
}

static void many_windows(rank_t *self) {
    for (int i = 0; i < 300; i++) {
        hd_window *window;
        OK(hd_window_create(self->domain, NULL, 1 << 20, 2, &window));
        memset(hd_window_segment(window, self->rank), 1, 1 << 20);
        hd_window_destroy(window);
    }
    CHECK(holds("memfd:heddle") && !holds("/dev/shm")); /* no file that has a name */
    struct stat memory;                                 /* all of those together were 600 MiB: their memory has gone back */
    CHECK(fstat(((hdi_local *)self->domain->state)->fd, &memory) == 0);
    CHECK(memory.st_blocks * 512 < 8 << 20);
}

static void nothing_leaks(void **state) {
    (void)state;
    run_well(2, ranks_know_themselves);
    int fds = count_entries("/proc/self/fd");
    for (int turn = 0; turn < 1000; turn++) run_well(2, ranks_know_themselves);
    run_well(2, many_windows);
    assert_int_equal(count_entries("/proc/self/fd"), fds);
    assert_false(holds("memfd:heddle"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_meet),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(missing_ranks_are_named),
        cmocka_unit_test(ranks_that_do_not_fit_are_told),
        cmocka_unit_test(allgather_of_any_size),
        cmocka_unit_test(barriers_order_memory),
        cmocka_unit_test(different_calls_end_the_domain),
        cmocka_unit_test(windows_are_zero_at_first),
        cmocka_unit_test(windows_must_be_asked_for_alike),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(payloads_come_before_their_signals),
        cmocka_unit_test(signals_only_rise),
        cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(timeouts_keep_their_order),
        cmocka_unit_test(the_page_has_the_table),
        cmocka_unit_test(fresh_names_differ),
        cmocka_unit_test(nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
