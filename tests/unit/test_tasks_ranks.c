/* SPDX-License-Identifier: Apache-2.0 */
/* The task runtime between ranks that are threads, over the local transport: sums over ranks, run after run; and what the others
 * hear when a rank stays away, leaves or gives up. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "graph/exchange.h"
#include "heddle/compile.h"
#include "unit/rank_chain.h"

enum { RANKS = 3, ITEMS = 3 * 4096, RUNS = 200, SOON_MS = 1500, BAD_RUN = 7 };

/* AWAY_IN_A_ROW: the plans of rank_chain.h, and rank 2 does not run. */
typedef enum ending { WELL, STAYS_AWAY, LEAVES, GIVES_UP, AWAY_IN_A_ROW } ending;

typedef struct rank {
    int32_t index, workers;
    ending last_rank; /* what rank 2 does in run BAD_RUN */
    const char *name;
    const pthread_barrier_t *heard;
    hd_status status;
    char message[1024];
    double seconds;
    float x[ITEMS];
} rank;

static hd_plan *make_plan(int32_t me) {
    hd_graph *g;
    hd_plan *plan = NULL;
    const hd_dim shape[2] = {3, ITEMS / 3};
    uint64_t others = ((1u << RANKS) - 1) & ~(1u << me);
    hd_value sum = 0;
    if (hd_graph_create(&g) != HD_OK) return NULL;
    hdi_graph_set_ranks(g, me, RANKS);
    uint32_t event = hdi_graph_event(g, "squares", 1);
    hdi_graph_segment(g, sizeof(float) * ITEMS);
    hdi_graph_end(g, others);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), square = hd_graph_mul(g, x, x), twice = hd_graph_add(g, x, x);
    hdi_graph_publish(g, square, event, 0, others);
    for (int32_t r = 0; r < RANKS; r++) {
        if (r != me) hdi_graph_guard(g, square, HDI_EVENT_END, r, 1);
        hd_value part = r == me ? square : hdi_graph_remote(g, r, event, 0, HD_DTYPE_F32, 2, shape);
        sum = sum ? hd_graph_add(g, sum, part) : part;
    }
    hd_graph_output(g, "y", hd_graph_add(g, sum, twice));
    if (hd_compile(g, &plan) != HD_OK) fprintf(stderr, "%s\n", hd_last_error());
    hd_graph_destroy(g);
    return plan;
}

static float input(int r, int run, int i) { return (float)((i * 31 + r * 7 + run * 13) % 17) / 8 - 1; }

static bool right(hd_executor *e, int me, int run) {
    void *y;
    if (hd_executor_output(e, "y", &y) != HD_OK) return false;
    for (int i = 0; i < ITEMS; i++) {
        float want = 0, own = input(me, run, i);
        for (int r = 0; r < RANKS; r++)
            want = r ? want + input(r, run, i) * input(r, run, i) : input(r, run, i) * input(r, run, i);
        if (((float *)y)[i] != want + (own + own)) return false;
    }
    return true;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static hd_status run_all(rank *me, hd_executor *e, hd_domain *domain) {
    for (int run = 1; run <= RUNS; run++) {
        if (me->last_rank != WELL && me->index == RANKS - 1 && run == BAD_RUN) {
            if (me->last_rank == GIVES_UP) hd_domain_abort(domain, HD_IO, "the disk is full");
            return HD_OK;
        }
        for (int i = 0; i < ITEMS; i++) me->x[i] = input(me->index, run, i);
        me->seconds = now();
        hd_status status = hd_executor_run(e);
        me->seconds = now() - me->seconds;
        if (status != HD_OK) return status;
        if (!right(e, me->index, run)) return hdi_fail(HD_CORRUPT, "run %d: a sum is wrong", run);
    }
    return HD_OK;
}

/* Rank 0's deadline passes first, when rank 1 waits for rank 2. */
static hd_status run_in_a_row(const rank *me, hd_executor *e, hd_domain *domain) {
    if (me->index == 1) usleep(200000);
    if (me->index != RANKS - 1) return hd_executor_run(e);
    while (hd_domain_check(domain) == HD_OK) usleep(1000);
    return hd_domain_check(domain);
}

static hd_status live(rank *me) {
    hd_domain *domain = NULL;
    hd_executor *e = NULL;
    bool in_a_row = me->last_rank == AWAY_IN_A_ROW;
    hd_plan *plan = in_a_row ? chain_plan(me->index) : make_plan(me->index);
    const hd_domain_options options = {.name = me->name,
                                       .rank = me->index,
                                       .ranks = RANKS,
                                       .timeout_ms = in_a_row || me->last_rank == STAYS_AWAY ? SOON_MS : 20000};
    hd_status status = plan ? HD_OK : HD_OUT_OF_MEMORY;
    if (status == HD_OK) status = hd_domain_create(&options, &domain);
    const hd_executor_options how = {.kind = HD_EXECUTOR_TASKS, .threads = me->workers, .domain = domain};
    if (status == HD_OK) status = hd_executor_create(plan, &how, &e);
    if (status == HD_OK) status = hd_executor_bind(e, "x", me->x, sizeof me->x);
    if (status == HD_OK) status = in_a_row ? run_in_a_row(me, e, domain) : run_all(me, e, domain);
    if (status != HD_OK) snprintf(me->message, sizeof me->message, "%s", hd_last_error());
    bool early = me->last_rank == LEAVES && me->index == RANKS - 1; /* the others hear of it because it goes */
    if (!early) pthread_barrier_wait((pthread_barrier_t *)me->heard);
    hd_executor_destroy(e);
    hd_domain_destroy(domain);
    if (early) pthread_barrier_wait((pthread_barrier_t *)me->heard);
    hd_plan_destroy(plan);
    return status;
}

static void *rank_main(void *user) {
    rank *me = user;
    me->status = live(me);
    return NULL;
}

static rank ranks[RANKS];

static void run_ranks(ending how, int32_t workers) {
    char name[64];
    pthread_t thread[RANKS];
    pthread_barrier_t heard;
    hd_domain_fresh_name(name, sizeof name);
    pthread_barrier_init(&heard, NULL, RANKS);
    memset(ranks, 0, sizeof ranks);
    for (int32_t r = 0; r < RANKS; r++) {
        ranks[r].index = r;
        ranks[r].workers = workers;
        ranks[r].last_rank = how;
        ranks[r].name = name;
        ranks[r].heard = &heard;
        assert_int_equal(pthread_create(&thread[r], NULL, rank_main, &ranks[r]), 0);
    }
    for (int32_t r = 0; r < RANKS; r++) pthread_join(thread[r], NULL);
    pthread_barrier_destroy(&heard);
}

static void sums_over_ranks(void **state) {
    (void)state;
    for (int32_t workers = 1; workers <= 4; workers++) {
        run_ranks(WELL, workers);
        for (int r = 0; r < RANKS; r++)
            if (ranks[r].status != HD_OK) fail_msg("rank %d: %s", r, ranks[r].message);
    }
}

/* The others fail soon enough, with a sentence that says what. */
static void others_hear(ending how, const char *what, double at_most) {
    for (int32_t workers = 1; workers <= 3; workers++) {
        run_ranks(how, workers);
        for (int r = 0; r < RANKS - 1; r++) {
            if (ranks[r].status == HD_OK) fail_msg("rank %d noticed nothing", r);
            if (!strstr(ranks[r].message, what)) fail_msg("rank %d: %s", r, ranks[r].message);
            if (ranks[r].seconds > at_most) fail_msg("rank %d heard of it after %.1f s", r, ranks[r].seconds);
        }
    }
}

static void a_rank_that_stays_away(void **state) {
    (void)state;
    others_hear(STAYS_AWAY, "of rank 2: expected 7, seen 6", 10);
}

static void a_rank_that_leaves(void **state) {
    (void)state;
    others_hear(LEAVES, "of rank 2, which has left: expected 7, seen 6", 10);
}

static void a_rank_that_gives_up(void **state) {
    (void)state;
    others_hear(GIVES_UP, "rank 2: the disk is full", 10);
}

static void who_it_hangs_on_is_named(void **state) {
    (void)state;
    others_hear(AWAY_IN_A_ROW,
                "for signal 1 of rank 1: expected 1, seen 0; culprit: rank 2 says nothing, and 2 ranks wait for it", 10);
    assert_non_null(strstr(ranks[0].message, ", awaits signal 2 of rank 2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_over_ranks),      cmocka_unit_test(a_rank_that_stays_away),   cmocka_unit_test(a_rank_that_leaves),
        cmocka_unit_test(a_rank_that_gives_up), cmocka_unit_test(who_it_hangs_on_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
