/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs compiled and run: random graphs against a plan in which every value has memory of its own, on the serial and the
 * threaded executor, for several sizes of one plan; and what is refused. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "graph/graph.h"
#include "heddle/compile.h"

/* Large enough that every worker gets a share: row-wise kernels hand out about 4096 elements at a time. */
enum { N = 600, MAX_ROWS = 40, MAX_VALUES = 60 };

static uint64_t seed;
static uint32_t rnd(uint32_t below) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

static const hd_executor_options one_after_the_other = {.kind = HD_EXECUTOR_SERIAL},
                                 two_threads = {.kind = HD_EXECUTOR_THREADS, .threads = 2},
                                 two_tasks = {.kind = HD_EXECUTOR_TASKS, .threads = 2};

/* A random program over [rows, N] values: what each makes from which earlier ones. */
typedef struct program {
    int n;
    struct {
        int op, a, b; /* op 0: input, 1: add, 2: mul, 3: rms_norm, 4: swiglu, 5: view there and back */
    } step[MAX_VALUES];
    int out[3];
} program;

static program random_program(int n) {
    program p = {.n = n, .out = {n - 1, 2, (int)rnd((uint32_t)n)}};
    p.step[2].op = 1; /* x0 is always used */
    for (int i = 3; i < n; i++) {
        p.step[i].op = 1 + (int)rnd(5);
        p.step[i].a = rnd(4) ? i - 1 - (int)rnd(i > 4 ? 4 : (uint32_t)i - 1) : (int)rnd((uint32_t)i);
        p.step[i].b = (int)rnd((uint32_t)i);
    }
    return p;
}

static hd_graph *build(const program *p, bool every) {
    hd_graph *g;
    hd_value v[MAX_VALUES];
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim rows = hd_graph_symbol(g, "rows", 0, MAX_ROWS), shape[2] = {rows, N}, cube[3] = {rows, 4, N / 4};
    hd_value w = hd_graph_weight(g, "w", HD_DTYPE_F32, false, 1, (int64_t[]){N});
    v[0] = hd_graph_input(g, "x0", HD_DTYPE_F32, 2, shape);
    v[1] = hd_graph_input(g, "x1", HD_DTYPE_F32, 2, shape);
    for (int i = 2; i < p->n; i++) {
        hd_value a = v[p->step[i].a], b = v[p->step[i].b];
        switch (p->step[i].op) {
        case 1:
            v[i] = hd_graph_add(g, a, b);
            break;
        case 2:
            v[i] = hd_graph_mul(g, a, b);
            break;
        case 3:
            v[i] = hd_graph_rms_norm(g, a, w, 1e-5f);
            break;
        case 4:
            v[i] = hd_graph_swiglu(g, a, b);
            break;
        default:
            v[i] = hd_graph_reshape(g, hd_graph_reshape(g, a, 3, cube), 2, shape);
            break;
        }
    }
    for (int i = 0; i < p->n; i++) {
        char name[16];
        snprintf(name, sizeof name, "v%d", i);
        if (every || i == p->out[0] || i == p->out[1] || i == p->out[2]) hd_graph_output(g, name, v[i]);
    }
    assert_int_equal(hd_graph_status(g), HD_OK);
    return g;
}

/* An executor of a program with its inputs bound. `every`: every value is an output, so that none dies and none shares memory. */
typedef struct running {
    hd_plan *plan;
    hd_executor *executor;
} running;

static float x0[MAX_ROWS * N], x1[MAX_ROWS * N], gain[N];

static running start(const program *p, bool every, hd_executor_kind kind, int threads) {
    running r;
    hd_graph *g = build(p, every);
    assert_int_equal(hd_compile(g, &r.plan), HD_OK);
    hd_graph_destroy(g);
    assert_int_equal(hd_executor_create(r.plan, &(hd_executor_options){.kind = kind, .threads = threads}, &r.executor), HD_OK);
    assert_int_equal(hd_executor_bind(r.executor, "x0", x0, sizeof x0), HD_OK);
    hd_status unused = hd_executor_bind(r.executor, "x1", x1, sizeof x1); /* pruned away when nothing needs them */
    assert_true(unused == HD_OK || unused == HD_NOT_FOUND);
    unused = hd_executor_bind(r.executor, "w", gain, sizeof gain);
    assert_true(unused == HD_OK || unused == HD_NOT_FOUND);
    return r;
}

static const float *run(running *r, int rows, int value) {
    char name[16];
    void *data;
    assert_int_equal(hd_executor_set(r->executor, "rows", rows), HD_OK);
    assert_int_equal(hd_executor_run(r->executor), HD_OK);
    snprintf(name, sizeof name, "v%d", value);
    assert_int_equal(hd_executor_output(r->executor, name, &data), HD_OK);
    return data;
}

static void stop(running *r) {
    hd_executor_destroy(r->executor);
    hd_plan_destroy(r->plan);
}

static void compare(const program *p, running *plain, running *other) {
    static const int sizes[] = {1, MAX_ROWS, 0, 7, 7};
    for (size_t s = 0; s < HDI_COUNTOF(sizes); s++) {
        for (int i = 0; i < MAX_ROWS * N; i++) x0[i] = (float)rnd(2000) / 1000 - 1, x1[i] = (float)rnd(2000) / 1000 - 1;
        for (int i = 0; i < N; i++) gain[i] = (float)rnd(2000) / 1000 - 1;
        for (int o = 0; o < 3; o++) {
            const float *want = run(plain, sizes[s], p->out[o]), *got = run(other, sizes[s], p->out[o]);
            assert_memory_equal(want, got, sizeof *want * (size_t)sizes[s] * N);
        }
    }
}

static void sharing_memory_and_threads_change_no_bit(void **state) {
    (void)state;
    for (int round = 0; round < 40; round++) {
        seed = 1000 + (uint64_t)round;
        program p = random_program(4 + (int)rnd(MAX_VALUES - 4));
        running plain = start(&p, true, HD_EXECUTOR_SERIAL, 1);
        running serial = start(&p, false, HD_EXECUTOR_SERIAL, 1);
        running threads = start(&p, false, HD_EXECUTOR_THREADS, 1 + round % 4);
        compare(&p, &plain, &serial);
        running tasks = start(&p, false, HD_EXECUTOR_TASKS, (int[]){1, 2, 3, 4, 7, 16}[round % 6]);
        compare(&p, &plain, &threads);
        compare(&p, &plain, &tasks);
        compare(&p, &plain, &tasks); /* again */
        stop(&tasks);
        stop(&plain);
        stop(&serial);
        stop(&threads);
    }
}

/* Whether two operands of a plan may meet in memory at the symbols' maxima. */
static bool may_meet(const hd_plan *plan, const hdi_plan_operand *a, const hdi_plan_operand *b) {
    int64_t bytes = (int64_t)MAX_ROWS * N * (int64_t)sizeof(float);
    if (a->slot != b->slot || a->slot < 0) return false;
    if (hdi_plan_slots(plan)[a->slot].kind != HDI_SLOT_ARENA) return true;
    return a->offset < b->offset + bytes && b->offset < a->offset + bytes;
}

/* The waits, followed to their end, order every two steps of which one writes where the other reads or writes: no schedule that
 * respects them can go wrong, whatever the timing. */
static void every_conflict_is_ordered(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        static bool after[MAX_VALUES][MAX_VALUES];
        seed = 5000 + (uint64_t)round;
        program p = random_program(4 + (int)rnd(MAX_VALUES - 4));
        hd_graph *g = build(&p, false);
        hd_plan *plan;
        assert_int_equal(hd_compile(g, &plan), HD_OK);
        assert_int_equal(hd_plans_verify((const hd_plan *const[]){plan}, 1), HD_OK); /* which says the same in its own way */
        const hdi_plan_step *steps = hdi_plan_steps(plan);
        const hdi_plan_operand *operands = hdi_plan_operands(plan);
        memset(after, 0, sizeof after);
        for (uint32_t s = 0; s < plan->n_steps; s++)
            for (uint32_t i = 0; i < steps[s].n_waits; i++) {
                uint32_t w = hdi_plan_waits(plan)[steps[s].first_wait + i];
                assert_true(w < s && !after[s][w]); /* none that another implies */
                after[s][w] = true;
                for (uint32_t x = 0; x < w; x++) after[s][x] |= after[w][x];
            }
        for (uint32_t s = 0; s < plan->n_steps; s++)
            for (uint32_t t = 0; t < s; t++)
                for (uint32_t i = 0; i < steps[s].n_operands; i++)
                    for (uint32_t j = 0; j < steps[t].n_operands; j++) {
                        if (i > 0 && j > 0) continue; /* two readers; operand 0 is what these steps write */
                        if (may_meet(plan, &operands[steps[s].first_operand + i], &operands[steps[t].first_operand + j]))
                            assert_true(after[s][t]);
                    }
        hd_plan_destroy(plan);
        hd_graph_destroy(g);
    }
}

/* One short program by hand, so that the comparison above does not rest on a common mistake. */
static void a_program_gives_what_its_formula_says(void **state) {
    (void)state;
    program p = {.n = 6, .step = {[2] = {1, 0, 1}, [3] = {4, 2, 0}, [4] = {3, 3, 0}, [5] = {2, 4, 1}}, .out = {5, 4, 3}};
    running r = start(&p, false, HD_EXECUTOR_THREADS, 2);
    for (int i = 0; i < 2 * N; i++) x0[i] = sinf((float)i), x1[i] = cosf((float)i * 0.7f);
    for (int i = 0; i < N; i++) gain[i] = 1 + 0.1f * (float)i;
    const float *y = run(&r, 2, 5);
    for (int row = 0; row < 2; row++) {
        double v3[N], sum = 0;
        for (int i = 0; i < N; i++) {
            double a = (double)x0[row * N + i], sumv = a + (double)x1[row * N + i];
            v3[i] = a * sumv / (1 + exp(-sumv));
            sum += v3[i] * v3[i];
        }
        for (int i = 0; i < N; i++) {
            double want = v3[i] / sqrt(sum / N + 1e-5) * (double)gain[i] * (double)x1[row * N + i];
            assert_true(fabs((double)y[row * N + i] - want) <= 1e-5 * (1 + fabs(want)));
        }
    }
    stop(&r);
}

static void broadcasting_repeats_small_operands(void **state) {
    (void)state;
    static float x[3 * N], row[N], column[3], one[1] = {100};
    hd_graph *g;
    hd_plan *plan;
    hd_executor *e;
    void *y;
    for (int i = 0; i < 3 * N; i++) x[i] = (float)i;
    for (int i = 0; i < N; i++) row[i] = 0.25f * (float)i;
    for (int i = 0; i < 3; i++) column[i] = (float)(i + 1);
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim rows = hd_graph_symbol(g, "rows", 1, 3);
    hd_value v = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){rows, N});
    v = hd_graph_add(g, hd_graph_weight(g, "row", HD_DTYPE_F32, false, 1, (int64_t[]){N}), v);
    v = hd_graph_mul(g, v, hd_graph_input(g, "column", HD_DTYPE_F32, 2, (hd_dim[]){rows, 1}));
    v = hd_graph_add(g, v, hd_graph_weight(g, "one", HD_DTYPE_F32, false, 1, (int64_t[]){1}));
    hd_graph_output(g, "y", v);
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    assert_int_equal(hd_executor_create(plan, &one_after_the_other, &e), HD_OK);
    assert_int_equal(hd_executor_bind(e, "x", x, sizeof x), HD_OK);
    assert_int_equal(hd_executor_bind(e, "row", row, sizeof row), HD_OK);
    assert_int_equal(hd_executor_bind(e, "column", column, sizeof column), HD_OK);
    assert_int_equal(hd_executor_bind(e, "one", one, sizeof one), HD_OK);
    assert_int_equal(hd_executor_set(e, "rows", 3), HD_OK);
    assert_int_equal(hd_executor_run(e), HD_OK);
    assert_int_equal(hd_executor_output(e, "y", &y), HD_OK);
    for (int i = 0; i < 3 * N; i++) assert_true(((float *)y)[i] == (x[i] + row[i % N]) * column[i / N] + 100);
    hd_executor_destroy(e);
    hd_plan_destroy(plan);
    hd_graph_destroy(g);
}

/* Sums of neighbours, n - 1 of them, and of those the later half: sizes and offsets that are sums and quotients. */
static void sizes_are_expressions(void **state) {
    (void)state;
    enum { MOST = 9, W = 3 };
    static float x[MOST * W];
    hd_graph *g;
    hd_plan *plan;
    hd_executor *e;
    void *y;
    char *text;
    for (int i = 0; i < MOST * W; i++) x[i] = (float)(i * i % 31) - 7;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim n = hd_graph_symbol(g, "n", 2, MOST), less = hd_graph_dim_sub(g, n, 1), half = hd_graph_dim_div(g, less, 2);
    hd_value v = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){n, W});
    hd_value sums = hd_graph_add(g, hd_graph_slice(g, v, 0, 0, less), hd_graph_slice(g, v, 0, 1, n));
    hd_value late = hd_graph_slice(g, sums, 0, half, less);
    hd_graph_output(g, "y", hd_graph_add(g, late, late));
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    assert_int_equal(hd_plan_print(plan, &text), HD_OK);
    assert_non_null(strstr(text, "f32[n - 1,3]"));
    hd_free(text);
    assert_int_equal(hd_executor_create(plan, &one_after_the_other, &e), HD_OK);
    assert_int_equal(hd_executor_bind(e, "x", x, sizeof x), HD_OK);
    for (int size = MOST; size >= 2; size--) {
        assert_int_equal(hd_executor_set(e, "n", size), HD_OK);
        assert_int_equal(hd_executor_run(e), HD_OK);
        assert_int_equal(hd_executor_output(e, "y", &y), HD_OK);
        int first = (size - 1) / 2 * W;
        for (int i = first; i < (size - 1) * W; i++) assert_true(((float *)y)[i - first] == 2 * (x[i] + x[i + W]));
    }
    hd_executor_destroy(e);
    hd_plan_destroy(plan);
    hd_value outside = hd_graph_slice(g, v, 0, 3, n); /* n may be 2 */
    assert_int_equal(outside, 0);
    assert_int_equal(hd_graph_status(g), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "slice: 3..n need not lie inside dim 0"));
    hd_graph_destroy(g);
}

static void memory_is_shared(void **state) {
    (void)state;
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim shape[2] = {hd_graph_symbol(g, "rows", 1, MAX_ROWS), N};
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape);
    for (int i = 0; i < 40; i++) x = hd_graph_add(g, x, x);
    hd_graph_output(g, "y", x);
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    assert_int_equal(hd_plan_steps(plan), 40);
    assert_in_range(hd_plan_arena_bytes(plan), 1, 2 * (MAX_ROWS * N * 4 + 64));
    hd_plan_destroy(plan);
    hd_graph_destroy(g);
}

static void unneeded_nodes_are_dropped(void **state) {
    (void)state;
    hd_graph *g;
    hd_plan *plan;
    char *text;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim shape[2] = {3, N};
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape), unused = hd_graph_input(g, "unused", HD_DTYPE_F32, 2, shape);
    (void)hd_graph_mul(g, unused, unused);
    hd_graph_scope(g, "here");
    hd_graph_output(g, "y", hd_graph_add(g, x, x));
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    assert_int_equal(hd_plan_steps(plan), 1);
    assert_int_equal(hd_plan_print(plan, &text), HD_OK);
    assert_non_null(strstr(text, "here.add"));
    assert_null(strstr(text, "unused"));
    hd_free(text);
    assert_int_equal(hd_graph_print(g, &text), HD_OK);
    assert_non_null(strstr(text, "output y = "));
    hd_free(text);
    hd_plan_destroy(plan);
    hd_graph_destroy(g);
}

static void the_first_failure_sticks(void **state) {
    (void)state;
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){3, N}),
             w = hd_graph_weight(g, "w", HD_DTYPE_F32, false, 1, (int64_t[]){N + 1});
    hd_graph_scope(g, "layers.7");
    assert_int_equal(hd_graph_rms_norm(g, x, w, 1e-5f), 0);
    assert_int_equal(hd_graph_add(g, x, x), 0);
    assert_int_equal(hd_graph_add(g, 12345, x), 0);
    assert_int_equal(hd_graph_status(g), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "layers.7"));
    assert_non_null(strstr(hd_last_error(), "rms_norm: weight is f32[601]; dim 0 must be 600"));
    assert_int_equal(hd_compile(g, &plan), HD_INVALID_ARGUMENT);
    hd_graph_destroy(g);
}

static void wrong_bindings_are_refused(void **state) {
    (void)state;
    hd_graph *g;
    hd_plan *plan;
    hd_executor *e;
    float x[5 * N] = {0};
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim shape[2] = {hd_graph_symbol(g, "rows", 1, 5), N};
    hd_value v = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape);
    hd_graph_output(g, "y", hd_graph_add(g, v, v));
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    hd_graph_destroy(g);
    assert_int_equal(hd_executor_create(plan, &(hd_executor_options){.kind = HD_EXECUTOR_THREADS}, &e), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_executor_create(plan, &two_threads, &e), HD_OK);
    assert_int_equal(hd_executor_run(e), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "rows"));
    assert_int_equal(hd_executor_set(e, "rows", 6), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_executor_set(e, "rows", 0), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_executor_set(e, "columns", 1), HD_NOT_FOUND);
    assert_int_equal(hd_executor_set(e, "rows", 5), HD_OK);
    assert_int_equal(hd_executor_run(e), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "x has no memory"));
    assert_int_equal(hd_executor_bind(e, "x", x, sizeof x - 1), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_executor_bind(e, "z", x, sizeof x), HD_NOT_FOUND);
    assert_int_equal(hd_executor_bind(e, "x", x, sizeof x), HD_OK);
    assert_int_equal(hd_executor_run(e), HD_OK);
    hd_executor_destroy(e);
    hd_plan_destroy(plan);
}

/* Every allocation fails once: nothing leaks (the sanitizer build sees) and the failure is reported. */
static void running_out_of_memory_is_survived(void **state) {
    (void)state;
    for (int64_t n = 0;; n++) {
        hd_graph *g = NULL;
        hd_plan *plan = NULL;
        hd_executor *e = NULL;
        hdi_memory_fail_after(n);
        hd_status status = hd_graph_create(&g);
        if (status == HD_OK) {
            hd_dim shape[2] = {hd_graph_symbol(g, "rows", 1, 5), N};
            hd_value v = hd_graph_input(g, "x", HD_DTYPE_F32, 2, shape);
            hd_graph_scope(g, "scope");
            for (int i = 0; i < 20; i++) v = hd_graph_add(g, v, hd_graph_mul(g, v, v));
            hd_graph_output(g, "y", v);
            status = hd_graph_status(g);
        }
        if (status == HD_OK) status = hd_compile(g, &plan);
        if (status == HD_OK) status = hd_executor_create(plan, n % 2 ? &two_threads : &two_tasks, &e);
        hdi_memory_fail_after(-1);
        hd_executor_destroy(e);
        hd_plan_destroy(plan);
        hd_graph_destroy(g);
        if (status == HD_OK) return;
        assert_int_equal(status, HD_OUT_OF_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sharing_memory_and_threads_change_no_bit),
        cmocka_unit_test(every_conflict_is_ordered),
        cmocka_unit_test(a_program_gives_what_its_formula_says),
        cmocka_unit_test(broadcasting_repeats_small_operands),
        cmocka_unit_test(sizes_are_expressions),
        cmocka_unit_test(memory_is_shared),
        cmocka_unit_test(unneeded_nodes_are_dropped),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(wrong_bindings_are_refused),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
