/* SPDX-License-Identifier: Apache-2.0 */
/* The task runtime: plans longer and wider than its ring, on more workers than cores, run after run; and what a step costs.
 * `test_tasks --bench` prints that instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "graph/exchange.h"
#include "heddle/compile.h"
#include "task/tasks.h"
#include "task/trace.h"

enum { N = 64, ROWS = 16 };

static float x[ROWS * N], y[ROWS * N];

/* `width` chains of `length` products of the same two inputs, added up in the end: or one chain that now and then looks far back.
 */
static hd_plan *chains(int width, int length, int rows, bool far) {
    hd_graph *g;
    hd_plan *plan;
    hd_value sum = 0, old = 0;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim shape[2] = {rows ? rows : hd_graph_symbol(g, "rows", 0, ROWS), N};
    hd_value a = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), b = hd_graph_input(g, "y", HD_DTYPE_F32, 2, shape);
    for (int w = 0; w < width; w++) {
        hd_value v = a;
        for (int i = 0; i < length; i++) {
            v = i % 2 ? hd_graph_mul(g, v, b) : hd_graph_add(g, v, b);
            if (far && i % 100 == 0) {
                if (old) v = hd_graph_add(g, v, old);
                old = v;
            }
        }
        sum = sum ? hd_graph_add(g, sum, v) : v;
    }
    hd_graph_output(g, "z", sum);
    if (hd_compile(g, &plan) != HD_OK) fail_msg("%s", hd_last_error());
    hd_graph_destroy(g);
    return plan;
}

static hd_executor *start(const hd_plan *plan, hd_executor_kind kind, int threads) {
    hd_executor *e;
    if (hd_executor_create(plan, &(hd_executor_options){.kind = kind, .threads = threads}, &e) != HD_OK)
        fail_msg("%s", hd_last_error());
    assert_int_equal(hd_executor_bind(e, "x", x, sizeof x), HD_OK);
    assert_int_equal(hd_executor_bind(e, "y", y, sizeof y), HD_OK);
    return e;
}

static void fill(int seed) {
    for (int i = 0; i < ROWS * N; i++)
        x[i] = (float)((i * 37 + seed) % 101) / 50 - 1, y[i] = (float)((i * 53 + seed) % 97) / 48 - 1;
}

static void same(hd_executor *want, hd_executor *got, int rows) {
    void *a, *b;
    assert_int_equal(hd_executor_set(want, "rows", rows), HD_OK);
    assert_int_equal(hd_executor_set(got, "rows", rows), HD_OK);
    assert_int_equal(hd_executor_run(want), HD_OK);
    assert_int_equal(hd_executor_run(got), HD_OK);
    assert_int_equal(hd_executor_output(want, "z", &a), HD_OK);
    assert_int_equal(hd_executor_output(got, "z", &b), HD_OK);
    assert_memory_equal(a, b, (size_t)rows * N * sizeof(float));
}

/* Wider and longer than the ring, with waits that reach back further than it. */
static void plans_of_any_size_fit_the_ring(void **state) {
    (void)state;
    static const struct {
        int width, length;
        bool far;
    } shapes[] = {{1, 1000, true}, {100, 3, false}, {1, 1, false}, {7, 90, true}};
    static const int workers[] = {1, 2, 3, 8, 17};
    for (size_t s = 0; s < HDI_COUNTOF(shapes); s++) {
        hd_plan *plan = chains(shapes[s].width, shapes[s].length, 0, shapes[s].far);
        hd_executor *want = start(plan, HD_EXECUTOR_SERIAL, 1);
        for (size_t w = 0; w < HDI_COUNTOF(workers); w++)
            for (uint32_t ring = 1; ring <= HDI_RING_MOST; ring *= 8) {
                hd_executor *got = start(plan, HD_EXECUTOR_TASKS, workers[w]);
                hdi_tasks_free(got->tasks);
                assert_int_equal(hdi_tasks_make(got, workers[w], ring, &got->tasks), HD_OK);
                for (int run = 0; run < 6; run++) {
                    fill(run);
                    same(want, got, (int[]){1, ROWS, 0, 3}[run % 4]);
                }
                hd_executor_destroy(got);
            }
        hd_executor_destroy(want);
        hd_plan_destroy(plan);
    }
}

/* Chunks cover every item once, whatever the sizes. */
static void chunks_cover_each_item_once(void **state) {
    (void)state;
    static uint8_t seen[3][5000];
    for (int64_t items = 0; items < 5000; items = items * 2 + 1)
        for (int64_t grain = 1; grain <= 64; grain *= 4)
            for (int workers = 1; workers <= 1024; workers = workers * 3 + 1)
                for (int pieces = 1; pieces <= 3; pieces++) {
                    hdi_piece piece[3];
                    hdi_bound_step step = {.pieces = piece, .n_pieces = pieces};
                    for (int p = 0; p < pieces; p++) piece[p].work = (hdi_kernel_work){.items = items + p, .grain = grain};
                    hdi_chunks c = hdi_chunks_of(&step, workers);
                    memset(seen, 0, sizeof seen);
                    for (uint32_t i = 0; i < c.shares * c.pieces * c.parts; i++) {
                        int64_t begin, end;
                        int32_t p = hdi_chunk_items(&step, &c, i, &begin, &end);
                        assert_true(begin % grain == 0 && begin <= end);
                        for (int64_t k = begin; k < end; k++) seen[p][k]++;
                    }
                    for (int p = 0; p < pieces; p++)
                        for (int64_t k = 0; k < items + p; k++) assert_int_equal(seen[p][k], 1);
                }
}

static void sleep_and_wake(void **state) {
    (void)state;
    hd_plan *plan = chains(8, 20, 0, false);
    hd_executor *want = start(plan, HD_EXECUTOR_SERIAL, 1), *got = start(plan, HD_EXECUTOR_TASKS, 4);
    for (int run = 0; run < 300; run++) {
        fill(run);
        same(want, got, ROWS);
        if (run % 100 == 0) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    hd_executor_destroy(got);
    hd_executor_destroy(want);
    hd_plan_destroy(plan);
}

/* ---- what a step costs ---- */

static int by_value(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

/* A chain in which each step can be done in another way, by `others` steps, that is not gone. */
static hd_plan *two_ways(int length, int others) {
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim shape[2] = {hd_graph_symbol(g, "rows", 1, ROWS), N};
    hd_value v = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), b = hd_graph_input(g, "y", HD_DTYPE_F32, 2, shape);
    for (int i = 0; i < length; i++) {
        hd_value one, two = v;
        hdi_graph_when(g, shape[0], 0, 2);
        one = i % 2 ? hd_graph_mul(g, v, b) : hd_graph_add(g, v, b);
        hdi_graph_when(g, shape[0], 2, ROWS + 1);
        for (int k = 0; k < others; k++) two = hd_graph_mul(g, two, b);
        if (others) hdi_graph_merge(g, two, one);
        v = others ? two : one;
    }
    hdi_graph_when(g, 0, 0, 0);
    hd_graph_output(g, "z", hd_graph_add(g, v, v));
    if (hd_compile(g, &plan) != HD_OK) fail_msg("%s", hd_last_error());
    hd_graph_destroy(g);
    return plan;
}

enum { SETTINGS = 5, ROUNDS = 21, BENCH_RUNS = 5 };

static const struct {
    hd_executor_kind kind;
    int threads;
} settings[SETTINGS] = {
    {HD_EXECUTOR_SERIAL, 1}, {HD_EXECUTOR_THREADS, 1}, {HD_EXECUTOR_TASKS, 1}, {HD_EXECUTOR_THREADS, 2}, {HD_EXECUTOR_TASKS, 2}};

/* Nanoseconds a run of the plans in all settings, interleaved: medians. */
static void measure(hd_plan *const *plans, int n, double (*median)[SETTINGS]) {
    static double time[2][SETTINGS][ROUNDS];
    hd_executor *e[2][SETTINGS];
    for (int p = 0; p < n; p++)
        for (int i = 0; i < SETTINGS; i++) e[p][i] = start(plans[p], settings[i].kind, settings[i].threads);
    for (int round = 0; round < ROUNDS; round++)
        for (int j = 0; j < n * SETTINGS; j++) {
            double *at = &time[j % n][j / n][round];
            if (plans[j % n]->n_symbols) assert_int_equal(hd_executor_set(e[j % n][j / n], "rows", 1), HD_OK);
            for (int run = 0; run <= BENCH_RUNS; run++) {
                if (run == 1) *at = -(double)hdi_now_ns();
                assert_int_equal(hd_executor_run(e[j % n][j / n]), HD_OK);
            }
            *at = (*at + (double)hdi_now_ns()) / BENCH_RUNS;
        }
    for (int j = 0; j < n * SETTINGS; j++) {
        qsort(time[j % n][j / n], ROUNDS, sizeof(double), by_value);
        median[j % n][j / n] = time[j % n][j / n][ROUNDS / 2];
        hd_executor_destroy(e[j % n][j / n]);
    }
}

static const char *text_of(int setting) {
    static char text[32];
    snprintf(text, sizeof text, "%-8s %d worker%s", hd_executor_kind_name(settings[setting].kind), settings[setting].threads,
             settings[setting].threads == 1 ? " " : "s");
    return text;
}

static int bench(void) {
    enum { LENGTH = 1000, OTHERS = 4 };
    hd_plan *chain = chains(1, LENGTH, 1, false), *ways[2] = {two_ways(LENGTH, 0), two_ways(LENGTH, OTHERS)};
    double time[2][SETTINGS];
    fill(0);
    measure(&chain, 1, time);
    printf("%u dependent steps of %d numbers; medians of %d, interleaved\n", chain->n_steps, N, ROUNDS);
    for (int i = 0; i < SETTINGS; i++)
        printf("%s %7.1f ns a step, %+7.1f over serial\n", text_of(i), time[0][i] / chain->n_steps,
               (time[0][i] - time[0][0]) / chain->n_steps);
    measure(ways, 2, time);
    printf("steps that do not happen, %d beside each of %d that do\n", OTHERS, LENGTH);
    for (int i = 0; i < SETTINGS; i++) printf("%s %7.1f ns each\n", text_of(i), (time[1][i] - time[0][i]) / (LENGTH * OTHERS));
    hd_plan_destroy(chain);
    for (int i = 0; i < 2; i++) hd_plan_destroy(ways[i]);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_cover_each_item_once),
        cmocka_unit_test(plans_of_any_size_fit_the_ring),
        cmocka_unit_test(sleep_and_wake),
    };
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) return bench();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
