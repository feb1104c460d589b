/* SPDX-License-Identifier: Apache-2.0 */
/* One rank of the tests of a transport over processes, started by mpirun: ranks [CASE] [MILLISECONDS].
 *
 *   traffic  puts of many sizes with checked bytes, signals, allgather, barrier, a second domain after the first
 *   speed    put_signal to and fro between ranks 0 and 1: JSON lines
 *   absent   the last rank does not come to a barrier: all others fail with a sentence that names it
 *   abort    the last rank aborts: all hear its sentence
 *   run      traffic until it is killed from outside
 *
 * A rank that fails as the case wants ends with 0; after "run" with 3 and the sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "heddle/comm.h"

enum { SEGMENT = 8 << 20, HALF = SEGMENT / 2, ROUNDS = 150 };

static int32_t me, ranks, timeout_ms = 5000;

static void need(bool good, const char *what) {
    if (good) return;
    fprintf(stderr, "rank %d: FAILED: %s (%s)\n", me, what, hd_last_error());
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static hd_domain *join(void) {
    hd_domain *domain;
    const hd_domain_options options = {.transport = "mpi", .rank = -1, .ranks = -1, .timeout_ms = timeout_ms};
    need(hd_domain_create(&options, &domain) == HD_OK, "create");
    me = hd_domain_rank(domain);
    ranks = hd_domain_ranks(domain);
    return domain;
}

static hd_window *window_of(hd_domain *domain, size_t bytes, uint32_t signals) {
    hd_window *window;
    need(hd_window_create(domain, NULL, bytes, signals, &window) == HD_OK, "window");
    return window;
}

/* The same on all ranks: what rank `from` puts in a round. */
static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

static size_t size_of(uint32_t from, uint32_t round) {
    static const size_t odd[] = {0, 1, 3, 63, 64, 65, 4095, 4096, 8191, 8192, 8193, 65537, 1000003, 3145729};
    uint32_t r = mix(from * 7919u + round);
    return round % 4 == 0 ? odd[r % (sizeof odd / sizeof odd[0])] : r % 20000;
}

static void fill(unsigned char *at, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) at[i] = (unsigned char)(seed + i * 31 + (i >> 8));
}

static bool is_filled(const unsigned char *at, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++)
        if (at[i] != (unsigned char)(seed + i * 31 + (i >> 8))) return false;
    return true;
}

/* Each round every rank puts to every other rank, half a segment a parity; signal 0 says "here", 1 "read". A part goes without a
 * signal of its own first: the later signal covers it. */
static bool traffic(hd_window *window, uint32_t first, uint32_t rounds) {
    for (uint32_t round = first; round < first + rounds; round++) {
        size_t at = (round & 1) * HALF + mix(round) % 1000, n = size_of((uint32_t)me, round), part = n / 3;
        unsigned char *mine = hd_window_segment(window, me);
        for (int32_t to = 0; round >= 2 && to < ranks; to++) /* before it is written over */
            if (to != me && hd_signal_wait(window, to, 1, round - 1, "read") != HD_OK) return false;
        fill(mine + at, n, (uint32_t)me * 1000003u + round);
        for (int32_t to = 0; to < ranks; to++) {
            if (to == me) continue;
            if (round % 3 == 0 && hd_put(window, to, at, part) != HD_OK) return false;
            size_t skip = round % 3 == 0 ? part : 0;
            if (hd_put_signal(window, to, at + skip, n - skip, 0, round + 1) != HD_OK) return false;
        }
        for (int32_t from = 0; from < ranks; from++) {
            if (from == me) continue;
            if (hd_signal_wait(window, from, 0, round + 1, "here") != HD_OK) return false;
            need(hd_signal_value(window, from, 0) <= (uint64_t)round + 2, "a signal ran ahead");
            const unsigned char *theirs = hd_window_segment(window, from);
            need(is_filled(theirs + at, size_of((uint32_t)from, round), (uint32_t)from * 1000003u + round), "bytes");
            if (hd_signal_raise(window, from, 1, round + 1) != HD_OK) return false;
        }
    }
    return true;
}

static void test_traffic(void) {
    for (int turn = 0; turn < 2; turn++) { /* a second domain of the same process */
        hd_domain *domain = join();
        hd_window *window = window_of(domain, SEGMENT, 3), *other = window_of(domain, 5, 0);
        need(traffic(window, 0, ROUNDS), "traffic");
        int64_t all[HD_MAX_RANKS], mine = (int64_t)me * me - 7;
        for (int i = 0; i < 50; i++) {
            need(hd_domain_allgather(domain, &mine, sizeof mine, all) == HD_OK, "allgather");
            for (int64_t r = 0; r < ranks; r++) need(all[r] == r * r - 7, "allgather's values");
            need(hd_domain_barrier(domain) == HD_OK, "barrier");
        }
        unsigned char *big = malloc((size_t)ranks * 100001), *own = malloc(100001);
        fill(own, 100001, (uint32_t)me);
        need(hd_domain_allgather(domain, own, 100001, big) == HD_OK, "a large allgather");
        for (int32_t r = 0; r < ranks; r++)
            need(is_filled(big + (size_t)r * 100001, 100001, (uint32_t)r), "a large allgather's bytes");
        free(big);
        free(own);
        need(hd_signal_raise(window, me, 2, 9) == HD_OK && hd_signal_raise(window, me, 2, 4) == HD_OK, "own signal");
        need(hd_signal_value(window, me, 2) == 9, "a signal fell");
        need(hd_window_quiet(window) == HD_OK, "quiet");
        hd_window_destroy(other);
        hd_window_destroy(window);
        hd_domain_destroy(domain);
    }
    printf("rank %d of %d: good\n", me, ranks);
}

static void test_speed(void) {
    hd_domain *domain = join();
    hd_window *window = window_of(domain, SEGMENT, 1);
    uint64_t count = 0;
    for (size_t bytes = 8; bytes <= 4 << 20; bytes *= 8) {
        int times = bytes < 100000 ? 2000 : 100;
        double best = 1e9;
        for (int set = 0; set < 5; set++) {
            need(hd_domain_barrier(domain) == HD_OK, "barrier");
            double begin = now();
            for (int i = 0; me < 2 && i < times; i++) {
                count++;
                if (me == 0) need(hd_put_signal(window, 1, 0, bytes, 0, count) == HD_OK, "put");
                need(hd_signal_wait(window, 1 - me, 0, count, "speed") == HD_OK, "wait");
                if (me == 1) need(hd_put_signal(window, 0, 0, bytes, 0, count) == HD_OK, "put");
            }
            double each = (now() - begin) / times / 2;
            if (each < best) best = each;
        }
        if (me == 0)
            printf("{\"what\": \"put_signal\", \"bytes\": %zu, \"us\": %.2f, \"MB_s\": %.0f}\n", bytes, best * 1e6,
                   (double)bytes / best * 1e-6);
    }
    hd_window_destroy(window);
    hd_domain_destroy(domain);
}

/* What went wrong is told, and must hold `word`. */
static void failed_well(hd_domain *domain, const char *word, double begin) {
    double took = now() - begin;
    printf("rank %d: %.2f s: %s\n", me, took, hd_last_error());
    fflush(stdout);
    need(strstr(hd_last_error(), word) != NULL, "the sentence does not say what it should");
    need(took < timeout_ms * 1e-3 * 1.5 + 1, "it took too long");
    need(hd_domain_check(domain) != HD_OK && hd_domain_barrier(domain) != HD_OK, "a failed domain goes on");
    hd_domain_destroy(domain);
}

static void test_absent(void) {
    hd_domain *domain = join();
    double begin = now();
    char word[32];
    snprintf(word, sizeof word, "rank %d to come", ranks - 1);
    if (me == ranks - 1) usleep((unsigned)timeout_ms * 1500);
    hd_status status = hd_domain_barrier(domain);
    /* The others had come before they gave up, so that the late one may pass; not twice. */
    if (me == ranks - 1 && status == HD_OK) status = hd_domain_barrier(domain);
    need(status != HD_OK, "the barrier must fail");
    failed_well(domain, word, me == ranks - 1 ? now() : begin); /* the late one hears the same sentence */
}

static void test_abort(void) {
    hd_domain *domain = join();
    hd_window *window = window_of(domain, 64, 2);
    double begin = now();
    /* It may abort at once, when this one is still in the call. */
    if (me != ranks - 1 && hd_signal_raise(window, ranks - 1, 1, 1) != HD_OK)
        need(hd_domain_check(domain) == HD_EXHAUSTED, "raise");
    for (int32_t r = 0; me == ranks - 1 && r < ranks - 1; r++) need(hd_signal_wait(window, r, 1, 1, "others") == HD_OK, "others");
    if (me == ranks - 1) hd_domain_abort(domain, HD_EXHAUSTED, "the cups are empty");
    hd_status status = hd_signal_wait(window, 0, 0, 1, "tea");
    need(status == HD_EXHAUSTED, "the code");
    char word[64];
    snprintf(word, sizeof word, "rank %d: the cups are empty", ranks - 1);
    hd_window_destroy(window);
    failed_well(domain, word, begin);
}

/* How long ago the sentence has the last sign of life of a rank. */
static double age_of(int32_t rank) {
    char who[32];
    double age = 1e9;
    snprintf(who, sizeof who, "rank %d (process", rank);
    const char *at = strstr(hd_last_error(), who);
    if (at && (at = strchr(at, ')'))) (void)sscanf(at, ") %lf s ago", &age);
    return age;
}

/* Rank r waits for r + 1; the last one stands still, or waits for rank 0. Rank 0's deadline passes first, and all hear its
 * sentence. */
static void test_row(bool circle) {
    hd_domain *domain = join();
    hd_window *window = window_of(domain, 64, 2);
    char word[160], last[64];
    int n = snprintf(word, sizeof word,
                     circle ? "culprit: ranks wait for each other in a circle: 0"
                            : "culprit: rank %d says nothing, and %d ranks wait for it",
                     ranks - 1, ranks - 1);
    for (int r = 1; circle && r <= ranks; r++) n += snprintf(word + n, sizeof word - (size_t)n, " -> %d", r % ranks);
    snprintf(last, sizeof last, ", awaits signal 1 of rank %d", ranks - 1);
    need(hd_domain_barrier(domain) == HD_OK, "barrier");
    double begin = now();
    hd_status status = HD_OK;
    if (me > 0) usleep((unsigned)timeout_ms * 300);
    if (me < ranks - 1 || circle)
        status = hd_signal_wait(window, (me + 1) % ranks, 1, 1, "a row");
    else
        usleep((unsigned)timeout_ms * 1200); /* signs of life take no calls of the program's */
    for (; status == HD_OK; usleep(1000)) status = hd_domain_check(domain);
    hd_window_destroy(window);
    need(age_of(ranks - 1) < timeout_ms * 0.5e-3, "the last rank's signs of life are old");
    need(strstr(hd_last_error(), last) != NULL, "who waits for the last one is not told");
    failed_well(domain, word, begin);
}

static int test_run(void) {
    hd_domain *domain = join();
    hd_window *window = window_of(domain, SEGMENT, 2);
    printf("pid %d %d\n", me, (int)getpid());
    fflush(stdout);
    for (uint32_t round = 0;; round += 50)
        if (!traffic(window, round, 50)) break;
    fprintf(stderr, "rank %d: %s\n", me, hd_last_error());
    hd_window_destroy(window);
    hd_domain_destroy(domain);
    return 3;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "traffic";
    if (argc > 2) timeout_ms = atoi(argv[2]);
    if (strcmp(what, "run") == 0) return test_run();
    if (strcmp(what, "speed") == 0)
        test_speed();
    else if (strcmp(what, "absent") == 0)
        test_absent();
    else if (strcmp(what, "abort") == 0)
        test_abort();
    else if (strcmp(what, "row") == 0 || strcmp(what, "circle") == 0)
        test_row(strcmp(what, "circle") == 0);
    else
        test_traffic();
    return 0;
}
