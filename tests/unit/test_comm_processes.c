/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "local" with processes as ranks: what only processes can do is die, freeze and stand in each other's way. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/wait.h"
#include "comm/domain.h"
#include "comm/local_meet.h"

enum { MAX = 4, SLOW = 20 }; /* seconds that mean: it hung */

/* What a child leaves for the test: in memory that both map. */
typedef struct result {
    hd_status status;
    char message[1024];
    int64_t took_ns;
    double value, least, put; /* ns */
    _Atomic int stage;
} result;

typedef struct rank {
    const char *name;
    int32_t rank, ranks, timeout_ms;
    hd_domain *domain;
    result *out, *all;
} rank_t;

typedef void (*body_fn)(rank_t *self);

static result *results; /* [MAX] */
static pid_t children[MAX];

#define CHECK(cond)                                                                          \
    do {                                                                                     \
        if (!(cond)) {                                                                       \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #cond, hd_last_error()); \
            _exit(9);                                                                        \
        }                                                                                    \
    } while (0)
#define OK(call) CHECK((call) == HD_OK)

static void keep(rank_t *self, hd_status status) {
    self->out->status = status;
    snprintf(self->out->message, sizeof self->out->message, "%s", status == HD_OK ? "" : hd_last_error());
}

static void be_rank(rank_t *self, body_fn body) {
    int64_t begin = hdi_now_ns();
    hd_domain_options options = {.name = self->name, .rank = self->rank, .ranks = self->ranks, .timeout_ms = self->timeout_ms};
    alarm(4 * SLOW);
    hd_status status = hd_domain_create(&options, &self->domain);
    if (status != HD_OK)
        keep(self, status);
    else
        body(self);
    hd_domain_destroy(self->domain);
    self->out->took_ns = hdi_now_ns() - begin;
    _exit(0);
}

static void start(const char *name, int ranks, int timeout_ms, body_fn body) {
    memset(results, 0, MAX * sizeof *results);
    for (int i = 0; i < ranks; i++) {
        rank_t self = {.name = name, .rank = i, .ranks = ranks, .timeout_ms = timeout_ms, .out = &results[i], .all = results};
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) be_rank(&self, body);
    }
}

/* Waits for all; a child that did not end well fails the test, but those of the bit mask `lost`. */
static void finish(int ranks, unsigned lost) {
    for (int i = 0; i < ranks; i++) {
        int status;
        if (!children[i]) continue; /* waited for already */
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        if (!(lost >> i & 1) && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            fail_msg("rank %d ended with %#x", i, (unsigned)status);
        children[i] = 0;
    }
}

static void run(int ranks, int timeout_ms, body_fn body) {
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    start(name, ranks, timeout_ms, body);
    finish(ranks, 0);
}

static void assert_says(int rank, const char *part) {
    if (results[rank].status == HD_OK || !strstr(results[rank].message, part))
        fail_msg("rank %d said \"%s\" (%d), not \"%s\"", rank, results[rank].message, (int)results[rank].status, part);
}

static void reach(rank_t *self, int stage) { atomic_store(&self->out->stage, stage); }
static void await_stage(int ranks, int stage) {
    for (int i = 0; i < ranks; i++)
        for (int turn = 0; atomic_load(&results[i].stage) < stage; turn++) {
            if (turn > SLOW * 1000) fail_msg("rank %d does not get on", i);
            usleep(1000);
        }
}

/* ---- memory and signals ---- */

enum { WORDS = 100 };

static void exchange(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, WORDS * sizeof(int32_t), 2, &window));
    int32_t *mine = hd_window_segment(window, self->rank);
    for (int round = 1; round <= 2000; round++) {
        for (int i = 0; i < WORDS; i++) mine[i] = (i - WORDS / 2) * round + self->rank;
        for (int32_t r = 0; r < self->ranks; r++)
            if (r != self->rank) OK(hd_put_signal(window, r, 0, WORDS * sizeof(int32_t), 0, (uint64_t)round));
        for (int32_t r = 0; r < self->ranks; r++) {
            if (r == self->rank) continue;
            OK(hd_signal_wait(window, r, 0, (uint64_t)round, NULL));
            const int32_t *theirs = hd_window_segment(window, r);
            for (int i = 0; i < WORDS; i++) CHECK(theirs[i] == (i - WORDS / 2) * round + r);
            OK(hd_signal_raise(window, r, 1, (uint64_t)round));
        }
        for (int32_t r = 0; r < self->ranks; r++)
            if (r != self->rank) OK(hd_signal_wait(window, r, 1, (uint64_t)round, NULL));
    }
    hd_window_destroy(window);
}

static void payloads_pass_between_processes(void **state) {
    (void)state;
    run(2, 60000, exchange);
    run(4, 60000, exchange); /* more ranks than some machines have cores */
}

static int compare_i64(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* By batches, since what else the machine does falls into some of them: out->value is the median batch's turn. */
static void ping_pong(rank_t *self) {
    hd_window *window;
    enum { BATCHES = 51, TURNS = 400 };
    int64_t took[BATCHES];
    OK(hd_window_create(self->domain, NULL, 64, 1, &window));
    for (uint64_t turn = 0, batch = 0; batch < BATCHES; batch++) {
        int64_t begin = hdi_now_ns();
        for (uint64_t end = turn + TURNS; turn < end;) {
            turn++;
            if (self->rank == 0) OK(hd_put_signal(window, 1, 0, 64, 0, turn));
            OK(hd_signal_wait(window, 1 - self->rank, 0, turn, NULL));
            if (self->rank == 1) OK(hd_put_signal(window, 0, 0, 64, 0, turn));
        }
        took[batch] = hdi_now_ns() - begin;
    }
    qsort(took, BATCHES, sizeof *took, compare_i64);
    self->out->value = (double)took[BATCHES / 2] / TURNS;
    self->out->least = (double)took[0] / TURNS;
    OK(hd_domain_barrier(self->domain));
    int64_t begin = hdi_now_ns();
    if (self->rank == 0)
        for (uint64_t turn = 1; turn <= 100 * TURNS; turn++) OK(hd_put_signal(window, 1, 0, 64, 0, BATCHES * TURNS + turn));
    self->out->put = (double)(hdi_now_ns() - begin) / (100 * TURNS);
    hd_window_destroy(window);
}

static void round_trips_are_measured(void **state) {
    (void)state;
    run(2, 60000, ping_pong);
    print_message("a signal there and back: %.0f ns (median of batches; least %.0f); put_signal: %.1f ns\n", results[0].value,
                  results[0].least, results[0].put);
    assert_true(results[0].least < 1e6); /* a machine may have one core only: then each turn takes two switches */
}

/* ---- death, frost and strangers ---- */

static void waits_for_two(rank_t *self) {
    hd_window *window;
    OK(hd_window_create(self->domain, NULL, 64, 1, &window));
    OK(hd_domain_barrier(self->domain));
    reach(self, 1);
    if (self->rank == 2) { /* alive, until somebody does something to it */
        for (int i = 0; i < SLOW * 100 && hd_domain_check(self->domain) == HD_OK; i++) usleep(10000);
        keep(self, hd_domain_check(self->domain));
    } else if (self->rank == 1) {
        keep(self, hd_domain_barrier(self->domain));
    } else {
        keep(self, hd_signal_wait(window, 2, 0, 1, "decode"));
    }
    hd_window_destroy(window);
}

static void a_killed_rank_is_missed(void **state) {
    (void)state;
    char name[32], said[64];
    hd_domain_fresh_name(name, sizeof name);
    start(name, 3, 60000, waits_for_two);
    await_stage(3, 1);
    usleep(100000);
    snprintf(said, sizeof said, "rank 2 (process %d) is gone", (int)children[2]);
    int64_t begin = hdi_now_ns();
    kill(children[2], SIGKILL); /* and stays a zombie until finish */
    finish(2, 0);
    assert_true(hdi_now_ns() - begin < 5000000000); /* the deadline is 60 s */
    finish(3, 4);
    for (int i = 0; i < 2; i++) assert_says(i, said);
    assert_says(0, "in decode for signal 0 of rank 2");
}

static void a_frozen_rank_is_named_at_the_deadline(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    start(name, 3, 500, waits_for_two);
    await_stage(3, 1);
    kill(children[2], SIGSTOP);
    int64_t begin = hdi_now_ns();
    finish(2, 0);
    assert_true(hdi_now_ns() - begin < 5000000000);
    kill(children[2], SIGCONT);
    finish(3, 0);
    assert_says(0, ", stopped)");
    assert_says(1, ", stopped)");
    assert_says(2, "rank 2"); /* thawed, it hears what was said of it */
}

static void dies_alone(rank_t *self) {
    reach(self, 1);
    if (self->rank == 1) _exit(0); /* without a word: not the same as leaving */
    keep(self, hd_domain_barrier(self->domain));
}

static void a_rank_that_exits_without_leaving_is_gone(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    start(name, 2, 60000, dies_alone);
    finish(2, 0);
    assert_says(0, "is gone");
    assert_true(results[0].took_ns < 10000000000);
}

static int knock(const char *name) {
    struct sockaddr_un address;
    socklen_t size = hdi_meet_address(name, &address);
    for (int i = 0; i < 2000; i++) {
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(s, (struct sockaddr *)&address, size) == 0) return s;
        close(s);
        usleep(1000);
    }
    return -1;
}

static void passes(rank_t *self) { keep(self, hd_domain_barrier(self->domain)); }

static void strangers_do_no_harm(void **state) {
    (void)state;
    char name[32];
    int silent[100];
    hd_domain_fresh_name(name, sizeof name);
    rank_t zero = {.name = name, .rank = 0, .ranks = 2, .timeout_ms = 20000, .out = &results[0]};
    memset(results, 0, MAX * sizeof *results);
    children[0] = fork();
    if (children[0] == 0) be_rank(&zero, passes);
    for (int i = 0; i < 100; i++) { /* some say nothing, some nonsense, some half a hello, some go at once */
        silent[i] = knock(name);
        assert_true(silent[i] >= 0);
        if (i % 4 == 1) (void)!write(silent[i], "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", 54);
        if (i % 4 == 2) (void)!write(silent[i], HDI_MEET_MAGIC, 8);
        if (i % 4 == 3) close(silent[i]);
    }
    rank_t one = {.name = name, .rank = 1, .ranks = 2, .timeout_ms = 20000, .out = &results[1]};
    children[1] = fork();
    if (children[1] == 0) be_rank(&one, passes);
    finish(2, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(results[i].status, HD_OK);
        assert_true(results[i].took_ns < 10000000000);
    }
    for (int i = 0; i < 100; i++)
        if (i % 4 != 3) close(silent[i]);
}

static void another_version_is_refused(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    start(name, 1, 20000, passes); /* one rank is complete at once */
    finish(1, 0);
    memset(results, 0, MAX * sizeof *results);
    rank_t zero = {.name = name, .rank = 0, .ranks = 2, .timeout_ms = 20000, .out = &results[0]};
    children[0] = fork();
    if (children[0] == 0) be_rank(&zero, passes);
    int s = knock(name);
    hdi_hello hello = {HDI_MEET_MAGIC, hdi_meet_abi() + 1, 1, 2, (int32_t)getpid(), 0, 0};
    assert_int_equal(write(s, &hello, sizeof hello), sizeof hello);
    hdi_verdict verdict;
    assert_int_equal(recv(s, &verdict, sizeof verdict, MSG_WAITALL), sizeof verdict);
    assert_non_null(strstr(verdict.sentence, "another version of heddle"));
    close(s);
    finish(1, 0);
    assert_says(0, "another version of heddle");
}

static void a_guest_that_dies_ends_the_meeting(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    memset(results, 0, MAX * sizeof *results);
    rank_t zero = {.name = name, .rank = 0, .ranks = 3, .timeout_ms = 20000, .out = &results[0]};
    children[0] = fork();
    if (children[0] == 0) be_rank(&zero, passes);
    int s = knock(name);
    hdi_hello hello = {HDI_MEET_MAGIC, hdi_meet_abi(), 1, 3, (int32_t)getpid(), 0, 0};
    assert_int_equal(write(s, &hello, sizeof hello), sizeof hello);
    usleep(50000);
    close(s);
    finish(1, 0);
    assert_says(0, "went away while the ranks were meeting");
    assert_true(results[0].took_ns < 10000000000);
}

static void holds(rank_t *self) {
    OK(hd_domain_barrier(self->domain));
    reach(self, 1);
    for (int i = 0; i < SLOW * 100 && atomic_load(&self->all[0].stage) < 2; i++) usleep(10000);
}

static void a_name_in_use_is_told(void **state) {
    (void)state;
    char name[32];
    hd_domain *domain;
    hd_domain_fresh_name(name, sizeof name);
    start(name, 2, 60000, holds);
    await_stage(2, 1);
    hd_domain_options second = {.name = name, .rank = 0, .ranks = 2, .timeout_ms = 200};
    assert_int_equal(hd_domain_create(&second, &domain), HD_COMM);
    assert_non_null(strstr(hd_last_error(), "is in use on this machine"));
    second.rank = 1; /* it must not get into the other run, nor wait for ever */
    assert_int_equal(hd_domain_create(&second, &domain), HD_COMM);
    assert_non_null(strstr(hd_last_error(), "did not come"));
    atomic_store(&results[0].stage, 2);
    finish(2, 0);
}

static void killed_runs_leave_nothing(void **state) {
    (void)state;
    char name[32];
    hd_domain_fresh_name(name, sizeof name);
    for (int turn = 0; turn < 10; turn++) { /* the same name again and again: its holder is gone each time */
        start(name, 3, 60000, waits_for_two);
        await_stage(3, 1);
        for (int i = 0; i < 3; i++) kill(children[(i + turn) % 3], SIGKILL);
        finish(3, 7);
    }
    start(name, 2, 60000, passes);
    finish(2, 0);
    for (int i = 0; i < 2; i++) assert_int_equal(results[i].status, HD_OK);
}

int main(void) {
    results = mmap(NULL, MAX * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED) return 1;
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_pass_between_processes),
        cmocka_unit_test(round_trips_are_measured),
        cmocka_unit_test(a_killed_rank_is_missed),
        cmocka_unit_test(a_frozen_rank_is_named_at_the_deadline),
        cmocka_unit_test(a_rank_that_exits_without_leaving_is_gone),
        cmocka_unit_test(strangers_do_no_harm),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(a_guest_that_dies_ends_the_meeting),
        cmocka_unit_test(a_name_in_use_is_told),
        cmocka_unit_test(killed_runs_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
