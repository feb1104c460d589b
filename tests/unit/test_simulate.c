/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: cases that can be worked out by hand, one-shot all-reduces against LogGP's formula, stages that stand for each
 * other, plans that stand still, and what is refused. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "graph/exchange.h"
#include "model/calibrate.h"
#include "support/tiny_model.h"
#include "task/simulate.h"

enum { K = 32, BYTES = K * 4, MOST = 8 };

/* A step takes a second; links are given. */
static hd_sim_machine seconds_a_step(hd_sim_link link) {
    hd_sim_machine m = {.inside = link, .between = link};
    for (int k = 0; k < HD_SIM_CLASS_COUNT; k++) m.rates[k].step = 1;
    return m;
}

static const hd_sim_link slow = {.latency = 16, .overhead = 0.25, .gap = 2, .byte = 0.125};

static void assert_near(double got, double expected) {
    if (fabs(got - expected) > 1e-9 * fabs(expected)) fail_msg("%.12g and not %.12g", got, expected);
}

/* ---- plans by hand ---- */

typedef struct maker {
    hd_graph *g;
    hd_dim n;
    hd_value a, b;
} maker;

static maker begin(int rank, int ranks) {
    maker m = {.n = K};
    assert_int_equal(hd_graph_create(&m.g), HD_OK);
    if (ranks) hdi_graph_set_ranks(m.g, rank, ranks);
    if (ranks) hdi_graph_segment(m.g, 1024);
    m.a = hd_graph_input(m.g, "a", HD_DTYPE_F32, 1, &m.n);
    m.b = hd_graph_input(m.g, "b", HD_DTYPE_F32, 1, &m.n);
    return m;
}

static hd_plan *end(maker *m, hd_value y) {
    hd_plan *plan;
    if (y) hd_graph_output(m->g, "y", y);
    hd_status status = hd_compile(m->g, &plan);
    if (status != HD_OK) fail_msg("%s", hd_last_error());
    hd_graph_destroy(m->g);
    return plan;
}

static hd_value far(maker *m, int rank, uint32_t event, uint64_t place) {
    return hdi_graph_remote(m->g, rank, event, place, HD_DTYPE_F32, 1, &m->n);
}

/* Simulates plans, which it destroys. The path's names are borrowed from them: not to be looked at. */
static hd_sim_result *simulate(hd_plan *const *plans, int n, const hd_sim_machine *machine, int runs) {
    const hd_plan *all[MOST] = {0};
    hd_sim_plans *set;
    hd_sim_result *result;
    for (int i = 0; i < n; i++) all[i] = plans[i];
    assert_int_equal(hd_sim_plans_create(all, n, &set), HD_OK);
    hd_status status = hd_simulate(set, machine, runs, &result);
    if (status != HD_OK) fail_msg("%s", hd_last_error());
    hd_sim_plans_destroy(set);
    for (int i = 0; i < n; i++) hd_plan_destroy(plans[i]);
    return result;
}

static double time_of(hd_plan *const *plans, int n, const hd_sim_machine *machine, int runs) {
    hd_sim_result *r = simulate(plans, n, machine, runs);
    double seconds = r->seconds;
    hd_sim_result_destroy(r);
    return seconds;
}

/* ---- one rank ---- */

static hd_plan *chain(void) {
    maker m = begin(0, 0);
    hd_value x = hd_graph_add(m.g, m.a, m.b);
    x = hd_graph_mul(m.g, x, m.b);
    return end(&m, hd_graph_add(m.g, x, m.a));
}

static void a_chain_takes_the_sum_of_its_steps(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    hd_plan *plan = chain();
    (void)state;
    hd_sim_result *r = simulate(&plan, 1, &m, 1);
    assert_near(r->seconds, 3);
    assert_near(r->rank[0].busy, 3);
    assert_near(r->rank[0].waiting, 0);
    assert_int_equal(r->n_path, 3);
    assert_near(r->path_kernels, 3);
    assert_int_equal(r->messages, 0);
    hd_sim_result_destroy(r);
    plan = chain();
    r = simulate(&plan, 1, &m, 5);
    assert_near(r->seconds, 15);
    assert_near(r->first_run, 3);
    assert_int_equal(r->steps, 15);
    hd_sim_result_destroy(r);
}

static void costs_follow_bytes_and_operations(void **state) {
    hd_sim_machine m = {0};
    hd_plan *plan = chain();
    (void)state;
    m.rates[HD_SIM_OTHER] = (hd_sim_rates){.step = 1000, .byte = 1, .flop = 0.5};
    assert_near(time_of(&plan, 1, &m, 1), 3 * (1000 + 3 * BYTES + 0.5 * K)); /* two read, one written; an operation each */
}

static hd_plan *fork_and_join(void) {
    maker m = begin(0, 0);
    hd_value x = hd_graph_add(m.g, m.a, m.b);
    hd_value y = hd_graph_mul(m.g, x, m.a), z = hd_graph_mul(m.g, x, m.b);
    hd_graph_output(m.g, "x", x); /* so that neither takes its memory */
    return end(&m, hd_graph_add(m.g, y, z));
}

static void workers_share_what_is_ready(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    hd_plan *plan = fork_and_join();
    (void)state;
    assert_near(time_of(&plan, 1, &m, 1), 4); /* one worker: all four, one after the other */
    plan = fork_and_join();
    m.workers = 2;
    hd_sim_result *r = simulate(&plan, 1, &m, 1);
    assert_near(r->seconds, 3);
    assert_near(r->rank[0].busy, 4);
    assert_near(r->rank[0].waiting, 2);
    assert_near(r->waiting, 2.0 / 6);
    assert_int_equal(r->n_path, 3);
    hd_sim_result_destroy(r);
}

static void conditions_leave_steps_out(void **state) {
    (void)state;
    for (int rows = 4; rows <= 8; rows += 4) {
        hd_sim_machine m = seconds_a_step(slow);
        hd_graph *g;
        hd_plan *plan;
        hd_sim_plans *set;
        hd_sim_result *r;
        assert_int_equal(hd_graph_create(&g), HD_OK);
        hd_dim shape[2] = {hd_graph_symbol(g, "rows", 1, 16), K};
        hd_value a = hd_graph_input(g, "a", HD_DTYPE_F32, 2, shape);
        hd_value x = hd_graph_add(g, a, a);
        hd_graph_output(g, "x", x);
        hdi_graph_when(g, shape[0], 8, 17);
        hd_graph_output(g, "y", hd_graph_mul(g, x, x));
        hdi_graph_when(g, 0, 0, 0);
        assert_int_equal(hd_compile(g, &plan), HD_OK);
        hd_graph_destroy(g);
        assert_int_equal(hd_sim_plans_create((const hd_plan *const *)&plan, 1, &set), HD_OK);
        assert_int_equal(hd_simulate(set, &m, 1, &r), HD_INVALID_ARGUMENT);
        assert_non_null(strstr(hd_last_error(), "rows has no value"));
        assert_int_equal(hd_sim_plans_set(set, "rows", 17), HD_INVALID_ARGUMENT);
        assert_int_equal(hd_sim_plans_set(set, "columns", 1), HD_NOT_FOUND);
        assert_int_equal(hd_sim_plans_set(set, "rows", rows), HD_OK);
        assert_int_equal(hd_simulate(set, &m, 2, &r), HD_OK);
        assert_near(r->seconds, rows < 8 ? 2 : 4);
        hd_sim_result_destroy(r);
        hd_sim_plans_destroy(set);
        hd_plan_destroy(plan);
    }
}

/* ---- messages ---- */

enum { EVENT_A = 1, EVENT_B };

/* Rank 0 makes something of what rank 1 made of what rank 0 made. */
static hd_plan *ping_pong(int rank) {
    maker m = begin(rank, 2);
    hd_value x;
    hdi_graph_event(m.g, "ping", 1);
    hdi_graph_event(m.g, "pong", 1);
    if (rank == 0) {
        x = hd_graph_add(m.g, m.a, m.b);
        hdi_graph_publish(m.g, x, EVENT_A, 0, 2);
        hdi_graph_guard(m.g, x, HDI_EVENT_END, 1, 1);
        x = hd_graph_mul(m.g, far(&m, 1, EVENT_B, 0), m.b);
    } else {
        x = hd_graph_mul(m.g, far(&m, 0, EVENT_A, 0), m.a);
        hdi_graph_publish(m.g, x, EVENT_B, 0, 1);
        hdi_graph_guard(m.g, x, HDI_EVENT_END, 0, 1);
    }
    hdi_graph_end(m.g, rank == 0 ? 2 : 1);
    return end(&m, rank == 0 ? x : 0);
}

static double way(const hd_sim_link *l) { return l->overhead + (BYTES - 1) * l->byte + l->latency + l->overhead; }

static void ping_pong_takes_three_steps_and_two_ways(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    hd_plan *plans[2] = {ping_pong(0), ping_pong(1)};
    (void)state;
    assert_int_equal(hd_plans_verify((const hd_plan *const *)plans, 2), HD_OK);
    hd_sim_result *r = simulate(plans, 2, &m, 1);
    assert_near(r->seconds, 3 + 2 * way(&slow));
    assert_near(r->rank[0].busy, 2);
    assert_near(r->rank[0].overhead, 2 * slow.overhead + slow.overhead); /* and it says that its run has ended */
    assert_int_equal(r->messages, 4);
    assert_int_equal(r->n_path, 3);
    assert_false(r->path[0].message);
    assert_true(r->path[1].message && r->path[2].message);
    assert_int_equal(r->path[0].rank, 0);
    assert_int_equal(r->path[1].rank, 1);
    assert_int_equal(r->path[2].rank, 0);
    assert_near(r->path_kernels, 3);
    hd_sim_result_destroy(r);
}

/* Each way's bytes are read by one step of the other rank, two of which are on the path. */
static void reading_other_ranks_memory_costs_more(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    hd_plan *plans[2] = {ping_pong(0), ping_pong(1)};
    double without = time_of(plans, 2, &m, 1);
    (void)state;
    m.read = 0.5;
    hd_plan *again[2] = {ping_pong(0), ping_pong(1)};
    assert_near(time_of(again, 2, &m, 1), without + 2 * BYTES * 0.5);
}

static void links_between_machines_are_others(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    (void)state;
    m.between = (hd_sim_link){.latency = 100, .overhead = 1, .gap = 3, .byte = 1};
    for (int per = 1; per <= 2; per++) {
        hd_plan *plans[2] = {ping_pong(0), ping_pong(1)};
        m.ranks_per_machine = per;
        assert_near(time_of(plans, 2, &m, 1), 3 + 2 * way(per == 1 ? &m.between : &m.inside));
    }
}

/* Rank 0 tells all others the same; what each makes of it is its output. */
static hd_plan *tell_all(int rank, int ranks) {
    maker m = begin(rank, ranks);
    hd_value x;
    hdi_graph_event(m.g, "told", 1);
    if (rank == 0) {
        x = hd_graph_add(m.g, m.a, m.b);
        hdi_graph_publish(m.g, x, EVENT_A, 0, ((1u << ranks) - 1) & ~1u);
        for (int r = 1; r < ranks; r++) hdi_graph_guard(m.g, x, HDI_EVENT_END, r, 1);
    } else {
        x = hd_graph_mul(m.g, far(&m, 0, EVENT_A, 0), m.a);
        hdi_graph_end(m.g, 1);
    }
    return end(&m, rank ? x : 0);
}

/* The last of n messages that leave one port one after the other is with its reader. */
static double last_of(int n, const hd_sim_link *l) {
    double apart = fmax(l->overhead, (BYTES - 1) * l->byte + l->gap);
    return way(l) + (n - 1) * apart;
}

static void messages_of_one_sender_follow_each_other(void **state) {
    static const hd_sim_link links[] = {
        {16, 0.25, 2, 0.125}, {16, 0.25, 0, 0.125}, {16, 0.25, 2, 0}, {16, 0.25, 0, 0}, {0, 0, 0, 0}};
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(links); i++) {
        hd_sim_machine m = seconds_a_step(links[i]);
        hd_plan *plans[5];
        for (int r = 0; r < 5; r++) plans[r] = tell_all(r, 5);
        assert_near(time_of(plans, 5, &m, 1), 2 + last_of(4, &links[i]));
    }
}

/* ---- all-reduces ---- */

static double all_reduce(int ranks, const hd_sim_machine *m, int runs) {
    hd_sim_plans *set;
    hd_sim_result *r;
    assert_int_equal(hd_sim_plans_all_reduce(ranks, K, &set), HD_OK);
    hd_status status = hd_simulate(set, m, runs, &r);
    if (status != HD_OK) fail_msg("%s", hd_last_error());
    double seconds = r->seconds;
    hd_sim_result_destroy(r);
    hd_sim_plans_destroy(set);
    return seconds;
}

static void an_all_reduce_takes_what_loggp_says(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    (void)state;
    for (int ranks = 2; ranks <= 8; ranks++) assert_near(all_reduce(ranks, &m, 1), 1 + last_of(ranks - 1, &slow) + 1);
    double stage = last_of(7, &slow) + 1;
    assert_near(all_reduce(64, &m, 1), 1 + 2 * stage);
    assert_near(all_reduce(4096, &m, 1), 1 + 4 * stage);
    assert_near(all_reduce(48, &m, 1), 1 + stage + last_of(5, &slow) + 1); /* 8 x 6 */
    assert_true(all_reduce(64, &m, 3) >= 3 * 2 * stage);
}

/* An exchange of all with all, told by number: everybody's first message goes to rank 0, and its port takes one at a time. */
static hd_plan *exchange(int rank, int ranks) {
    maker m = begin(rank, ranks);
    uint64_t others = ((1u << ranks) - 1) & ~(1ull << rank);
    hdi_graph_event(m.g, "part", 1);
    hd_value x = hd_graph_add(m.g, m.a, m.b), y = x;
    hdi_graph_publish(m.g, x, EVENT_A, 0, others);
    hdi_graph_end(m.g, others);
    for (int r = 0; r < ranks; r++) {
        if (r == rank) continue;
        hdi_graph_guard(m.g, x, HDI_EVENT_END, r, 1);
        y = hd_graph_add(m.g, y, far(&m, r, EVENT_A, 0));
    }
    return end(&m, y);
}

static double time_exchange(bool rotate) {
    hd_sim_machine m = seconds_a_step(slow);
    hd_plan *plans[4];
    m.rotate = rotate;
    m.rates[HD_SIM_OTHER].step = 0;
    for (int r = 0; r < 4; r++) plans[r] = exchange(r, 4);
    assert_int_equal(hd_plans_verify((const hd_plan *const *)plans, 4), HD_OK);
    return time_of(plans, 4, &m, 1);
}

static void ports_take_one_message_at_a_time(void **state) {
    (void)state;
    double by_number = time_exchange(false), rotated = time_exchange(true);
    /* By number, rank 3 is everybody's last, and gets three at once: two more slots of its port, in which it takes in the first
     * two; rotated, it waits for rank 0's first, which comes last. */
    assert_near(by_number - rotated, 2 * ((BYTES - 1) * slow.byte + slow.gap) - 2 * slow.overhead);
}

/* ---- standing still ---- */

static hd_plan *waits_first(int rank) {
    maker m = begin(rank, 2);
    hdi_graph_event(m.g, "ping", 1);
    hdi_graph_event(m.g, "pong", 1);
    hd_value x = hd_graph_add(m.g, far(&m, 1 - rank, rank ? EVENT_A : EVENT_B, 0), m.b);
    hdi_graph_publish(m.g, x, rank ? EVENT_B : EVENT_A, 0, rank ? 1 : 2);
    hdi_graph_guard(m.g, x, HDI_EVENT_END, 1 - rank, 1);
    hdi_graph_end(m.g, rank ? 1 : 2);
    return end(&m, 0);
}

static void plans_that_stand_still_are_reported(void **state) {
    hd_sim_machine m = seconds_a_step(slow);
    (void)state;
    for (int workers = 1; workers <= 2; workers++) {
        hd_plan *plans[2] = {waits_first(0), waits_first(1)};
        hd_sim_plans *set;
        hd_sim_result *r;
        m.workers = workers;
        assert_int_equal(hd_sim_plans_create((const hd_plan *const *)plans, 2, &set), HD_OK);
        assert_int_equal(hd_simulate(set, &m, 3, &r), HD_CORRUPT);
        assert_null(r);
        assert_non_null(strstr(hd_last_error(),
                               "2 of 2 ranks stand still: rank 0 in run 1 before add (step 0), which waits for pong of "
                               "rank 1"));
        hd_sim_plans_destroy(set);
        for (int i = 0; i < 2; i++) hd_plan_destroy(plans[i]);
    }
}

/* ---- models ---- */

static const hd_sim_shape small = {"small", 0, 64, 128, 8, 8, 8, 128, .weights = HD_DTYPE_BF16, .kv = HD_DTYPE_BF16};

static hd_sim_result *model(int layers, int tensor, int pipeline, int tokens, int runs, hd_sim_plans **set) {
    const hd_sim_step step = {1, tokens, 16};
    hd_sim_machine m = seconds_a_step(slow);
    hd_sim_shape shape = small;
    hd_sim_result *r = NULL;
    shape.layers = layers;
    m.ranks_per_machine = 8;
    m.between = (hd_sim_link){.latency = 30, .overhead = 0.5, .gap = 1, .byte = 0.25};
    hd_status status = hd_sim_plans_model(&shape, tensor, pipeline, 1, 0, &step, set);
    if (status == HD_OK) status = hd_simulate(*set, &m, runs, &r);
    if (status != HD_OK) fail_msg("%d x %d: %s", tensor, pipeline, hd_last_error());
    return r;
}

/* Three stages' plans laid out as many against plans of all stages: the same to the last bit. */
static void stages_that_stand_for_others_take_as_long(void **state) {
    static const int cuts[][2] = {{1, 3}, {1, 17}, {2, 9}, {4, 6}, {8, 4}, {8, 8}};
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(cuts); i++)
        for (int tokens = 1; tokens <= 300; tokens += 299) {
            const hd_sim_step step = {1, tokens, 16};
            const int64_t two_shot = i % 2 ? 4096 : -1;
            hd_sim_plans *real, *standing;
            hd_sim_shape shape = small;
            hd_sim_machine m = seconds_a_step(slow);
            shape.layers = 2 * cuts[i][1];
            m.ranks_per_machine = 5;
            m.between = (hd_sim_link){.latency = 30, .overhead = 0.5, .gap = 1, .byte = 0.25};
            assert_int_equal(hd_sim_plans_model(&shape, cuts[i][0], cuts[i][1], 4, two_shot, &step, &real), HD_OK);
            assert_int_equal(hdi_sim_plans_stand_in(&shape, cuts[i][0], cuts[i][1], 4, two_shot, &step, &standing), HD_OK);
            assert_int_equal(hd_sim_plans_steps(real), hd_sim_plans_steps(standing));
            for (int runs = 1; runs <= 3; runs++) {
                hd_sim_result *a, *b;
                assert_int_equal(hd_simulate(real, &m, runs, &a), HD_OK);
                assert_int_equal(hd_simulate(standing, &m, runs, &b), HD_OK);
                assert_true(a->seconds == b->seconds && a->messages == b->messages && a->bytes == b->bytes);
                assert_memory_equal(a->rank, b->rank, sizeof *a->rank * (size_t)a->ranks);
                hd_sim_result_destroy(a);
                hd_sim_result_destroy(b);
            }
            hd_sim_plans_destroy(real);
            hd_sim_plans_destroy(standing);
        }
}

/* Chunks of a long prompt ask nothing back, so that stages work on several; whoever asks waits for all stages. */
static void stages_overlap_where_nothing_is_asked_back(void **state) {
    const hd_sim_step step = {1, 64, 0};
    const int stages = 4, runs = 9;
    hd_sim_machine m = {.inside = {.latency = 1e-9}, .between = {.latency = 1e-9}};
    (void)state;
    for (int k = 0; k < HD_SIM_CLASS_COUNT; k++) m.rates[k].flop = 1e-9;
    for (int standing = 0; standing < 2; standing++)
        for (int rows = 0; rows < 2; rows++) {
            hd_sim_shape shape = small;
            hd_sim_plans *set;
            hd_sim_result *r;
            shape.layers = 2 * stages;
            assert_int_equal(standing ? hdi_sim_plans_stand_in(&shape, 1, stages, 1, 0, &step, &set)
                                      : hd_sim_plans_model(&shape, 1, stages, 1, 0, &step, &set),
                             HD_OK);
            assert_int_equal(hd_sim_plans_set(set, "rows", rows), HD_OK);
            assert_int_equal(hd_simulate(set, &m, runs, &r), HD_OK);
            double each = (r->seconds - r->first_run) / (runs - 1) / r->first_run;
            if (rows)
                assert_true(each > 0.97);
            else
                assert_true(each > 0.97 / stages && each < 1.1 / stages);
            hd_sim_result_destroy(r);
            hd_sim_plans_destroy(set);
        }
}

static void the_same_is_simulated_twice_alike(void **state) {
    hd_sim_plans *one, *two;
    (void)state;
    hd_sim_result *a = model(20, 8, 10, 5, 4, &one), *b = model(20, 8, 10, 5, 4, &two);
    assert_int_equal(hd_sim_plans_ranks(one), 80);
    assert_true(a->seconds > 0 && a->seconds == b->seconds && a->n_path == b->n_path && a->messages == b->messages);
    assert_memory_equal(a->rank, b->rank, sizeof *a->rank * 80);
    for (size_t i = 0; i < a->n_path; i++) {
        assert_string_equal(a->path[i].step, b->path[i].step);
        assert_true(a->path[i].begin == b->path[i].begin && a->path[i].rank == b->path[i].rank);
    }
    hd_sim_result_destroy(a);
    hd_sim_result_destroy(b);
    hd_sim_plans_destroy(one);
    hd_sim_plans_destroy(two);
}

/* ---- refusals ---- */

static void expect_shape(const hd_sim_shape *shape, int tensor, int pipeline, hd_sim_step step, hd_status expected) {
    hd_sim_plans *set;
    assert_int_equal(hd_sim_plans_model(shape, tensor, pipeline, 1, 0, &step, &set), expected);
    assert_null(set);
}

static void what_makes_no_sense_is_refused(void **state) {
    hd_sim_plans *set;
    hd_sim_result *r;
    hd_sim_shape shape = small;
    hd_sim_machine m = seconds_a_step(slow), bad = m;
    hd_plan *plan = chain(), *ping = ping_pong(0);
    const hd_plan *both[2] = {ping, ping};
    (void)state;
    assert_int_equal(hd_sim_plans_create((const hd_plan *const *)&plan, 1, &set), HD_OK);
    assert_int_equal(hd_simulate(set, &m, 0, &r), HD_INVALID_ARGUMENT);
    bad.rates[HD_SIM_OTHER].byte = -1;
    assert_int_equal(hd_simulate(set, &bad, 1, &r), HD_INVALID_ARGUMENT);
    bad = m;
    bad.between.latency = NAN;
    assert_int_equal(hd_simulate(set, &bad, 1, &r), HD_INVALID_ARGUMENT);
    bad = m;
    bad.workers = -1;
    assert_int_equal(hd_simulate(set, &bad, 1, &r), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_sim_plans_input(set, "positions", NULL, 0), HD_NOT_FOUND);
    hd_sim_plans_destroy(set);
    assert_int_equal(hd_sim_plans_create(both, 2, &set), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_sim_plans_create(both, 1, &set), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_sim_plans_create(both, 0, &set), HD_INVALID_ARGUMENT);
    hd_plan_destroy(plan);
    hd_plan_destroy(ping);
    assert_int_equal(hd_sim_plans_all_reduce(11, K, &set), HD_UNSUPPORTED);
    assert_int_equal(hd_sim_plans_all_reduce(8192, K, &set), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_sim_plans_all_reduce(8, 0, &set), HD_INVALID_ARGUMENT);
    shape.layers = 9;
    expect_shape(&shape, 3, 1, (hd_sim_step){1, 1, 0}, HD_UNSUPPORTED);
    expect_shape(&shape, 8, 10, (hd_sim_step){1, 1, 0}, HD_UNSUPPORTED); /* 9 layers over 10 stages */
    expect_shape(&shape, 8, 513, (hd_sim_step){1, 1, 0}, HD_UNSUPPORTED);
    expect_shape(&shape, 1, 1, (hd_sim_step){0, 1, 0}, HD_INVALID_ARGUMENT);
    expect_shape(&shape, 1, 1, (hd_sim_step){4096, 1 << 20, 0}, HD_INVALID_ARGUMENT);
    shape.kv_heads = 3;
    expect_shape(&shape, 1, 1, (hd_sim_step){1, 1, 0}, HD_INVALID_ARGUMENT);
    assert_int_equal(hd_sim_shape_find("llama1b", &shape), HD_NOT_FOUND);
    assert_non_null(strstr(hd_last_error(), "llama70b"));
    assert_int_not_equal(hd_sim_shape_read("/nonexistent", &shape), HD_OK);
}

/* ---- calibration ---- */

static void a_fit_finds_the_rates_of_exact_samples(void **state) {
    static const hd_sim_rates rates = {2e-6, 1e-10, 3e-12};
    hdi_sample samples[64];
    hdi_samples all = {.all = samples, .n = HDI_COUNTOF(samples)};
    hd_sim_rates found[HD_SIM_CLASS_COUNT];
    double error[HD_SIM_CLASS_COUNT];
    (void)state;
    for (size_t i = 0; i < all.n; i++) {
        double bytes = (double)(1000 * (1 + i * 37 % 29)), flops = (double)(50000 * (1 + i * 11 % 31));
        bool product = i % 2; /* the others have no fixed cost: a solution at the edge */
        samples[i] = (hdi_sample){product ? HD_SIM_PRODUCT_ROW : HD_SIM_OTHER, bytes, flops,
                                  (product ? rates.step : 0) + bytes * rates.byte + flops * rates.flop};
    }
    assert_int_equal(hdi_calibrate_fit(&all, found, error), HD_OK);
    assert_true(fabs(found[HD_SIM_PRODUCT_ROW].step / rates.step - 1) < 1e-6);
    assert_true(fabs(found[HD_SIM_PRODUCT_ROW].byte / rates.byte - 1) < 1e-6);
    assert_true(fabs(found[HD_SIM_PRODUCT_ROW].flop / rates.flop - 1) < 1e-6);
    assert_true(found[HD_SIM_OTHER].step < 1e-12 && fabs(found[HD_SIM_OTHER].flop / rates.flop - 1) < 1e-3);
    assert_true(error[HD_SIM_PRODUCT_ROW] < 1e-6);
    assert_true(found[HD_SIM_ATTENTION].step == 0 && error[HD_SIM_ATTENTION] == 0);
}

/* Times of a machine that others use prove nothing; that all runs are measured and predicted does. */
static void calibration_measures_and_predicts(void **state) {
    tiny_model tiny;
    hd_sim_calibration *c;
    (void)state;
    tiny_model_init(&tiny, "llama");
    char *folder = tiny_model_write(&tiny);
    assert_non_null(folder);
    hd_status status = hd_sim_calibrate(folder, 2, &c);
    if (status != HD_OK) fail_msg("%s", hd_last_error());
    assert_int_equal(c->n_predictions, 27);
    assert_true(c->samples > 0 && c->machine.inside.overhead > 0);
    for (size_t i = 0; i < c->n_predictions; i++) {
        assert_true(c->predictions[i].measured > 0 && c->predictions[i].predicted > 0);
        assert_true(c->predictions[i].predicted < 1 && c->predictions[i].ranks == (i < 19 ? 1 : 2));
    }
    hd_sim_calibration_destroy(c);
    tiny_model_remove(folder);
    assert_int_not_equal(hd_sim_calibrate("/nonexistent", 1, &c), HD_OK);
    assert_null(c);
    assert_int_equal(hd_sim_calibrate("/nonexistent", 0, &c), HD_INVALID_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_takes_the_sum_of_its_steps),
        cmocka_unit_test(costs_follow_bytes_and_operations),
        cmocka_unit_test(workers_share_what_is_ready),
        cmocka_unit_test(conditions_leave_steps_out),
        cmocka_unit_test(ping_pong_takes_three_steps_and_two_ways),
        cmocka_unit_test(reading_other_ranks_memory_costs_more),
        cmocka_unit_test(links_between_machines_are_others),
        cmocka_unit_test(messages_of_one_sender_follow_each_other),
        cmocka_unit_test(an_all_reduce_takes_what_loggp_says),
        cmocka_unit_test(ports_take_one_message_at_a_time),
        cmocka_unit_test(plans_that_stand_still_are_reported),
        cmocka_unit_test(stages_that_stand_for_others_take_as_long),
        cmocka_unit_test(stages_overlap_where_nothing_is_asked_back),
        cmocka_unit_test(the_same_is_simulated_twice_alike),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_fit_finds_the_rates_of_exact_samples),
        cmocka_unit_test(calibration_measures_and_predicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
