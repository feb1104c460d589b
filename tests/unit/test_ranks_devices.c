/* SPDX-License-Identifier: Apache-2.0 */
/* Ranks on devices: plans whose ranks read each other's results in device memory and wait on the device, by every executor, as
 * threads and as processes. Each rank's results are those of one rank that does all of it on the same device, bit for bit, and
 * the CPU's but for rounding. Ranks that do not come, or fail, are reported. HEDDLE_TEST_DEVICE=cuda:0: all ranks on that card.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "graph/exchange.h"
#include "runtime/storage.h"
#include "support/devices.h"
#include "task/executor.h"
#include "unit/forked_ranks.h"

/* ThreadSanitizer knows the GPU threads of the host vendor, and takes minutes for what takes seconds without it. */
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 1, SIZES = 2, PROCESSES = 0 };
#else
enum { ROUNDS = 2, SIZES = 4, PROCESSES = 2 };
#endif
enum { N = 32, WIDE = 32, MOST = 7, LAYERS = 3, BUFFERS = 2, FEW = 4, MAX_RANKS = 4, IN_A_ROW = 3 };
static const uint64_t place_bytes = MOST * N * sizeof(float);

static const hd_device *device; /* of the test that runs */

/* ---- the graphs ---- */

typedef struct builder {
    hd_graph *g;
    int32_t rank, ranks; /* rank -1: all of it */
    hd_dim rows;
    uint64_t others;
} builder;

static hd_value weight(const builder *b, const char *what, int layer, int32_t rank, int64_t rows, int64_t cols) {
    char name[32];
    snprintf(name, sizeof name, "%s%d.%d", what, layer, rank);
    return hd_graph_weight(b->g, name, HD_DTYPE_F32, false, 2, (int64_t[]){rows, cols});
}

/* Rank `rank`'s part of a layer: its columns of the first product, its rows of the second. Side by side, so that the persistent
 * executor makes a program of the two where the second waits for nobody. */
static hd_value part_of(const builder *b, hd_value x, int layer, int32_t rank) {
    hd_value wide = hd_graph_linear(b->g, hd_graph_gelu(b->g, x, true), weight(b, "up", layer, rank, WIDE, N), 0, 1);
    return hd_graph_linear(b->g, wide, weight(b, "down", layer, rank, N, WIDE), 0, 1);
}

/* The sum of what all ranks have: in pairs. */
static hd_value sum_of(const builder *b, const hd_value *parts, int32_t n) {
    if (n == 1) return parts[0];
    return hd_graph_add(b->g, sum_of(b, parts, n / 2), sum_of(b, parts + n / 2, n - n / 2));
}

/* The layer's parts: this rank's own, published at `place`, and the others', seen there. */
static void exchange(const builder *b, hd_value x, int layer, int place, bool first, hd_value parts[MAX_RANKS]) {
    char name[32];
    const hd_dim shape[] = {b->rows, N};
    snprintf(name, sizeof name, "layer %d", layer);
    uint32_t event = b->rank < 0 ? 0 : hdi_graph_event(b->g, name, 1);
    for (int32_t r = 0; r < b->ranks; r++) {
        if (b->rank >= 0 && b->rank != r) {
            parts[r] = hdi_graph_remote(b->g, r, event, (uint64_t)place * place_bytes, HD_DTYPE_F32, 2, shape);
            continue;
        }
        parts[r] = part_of(b, x, layer, r);
        if (b->rank < 0) continue;
        hdi_graph_publish(b->g, parts[r], event, (uint64_t)place * place_bytes, b->others);
        for (int32_t o = 0; first && o < b->ranks; o++) /* nobody still reads what the run before left there */
            if (o != r) hdi_graph_guard(b->g, parts[r], HDI_EVENT_END, o, 1);
    }
}

/* LAYERS x (product, product, sum of all ranks), in two places by turns, and one more for FEW rows and more. A place is written
 * again when the others have come past its readers, which the layer between says. */
static hd_plan *make_plan(int32_t rank, int32_t ranks) {
    builder b = {.rank = rank, .ranks = ranks};
    hd_value parts[MAX_RANKS], x;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&b.g), HD_OK);
    if (rank >= 0) {
        hdi_graph_set_ranks(b.g, rank, ranks);
        b.others = ((1ull << ranks) - 1) & ~(1ull << rank);
        hdi_graph_end(b.g, b.others);
        hdi_graph_segment(b.g, (BUFFERS + 1) * place_bytes);
    }
    b.rows = hd_graph_symbol(b.g, "rows", 1, MOST);
    x = hd_graph_input(b.g, "x", HD_DTYPE_F32, 2, (hd_dim[]){b.rows, N});
    for (int layer = 0; layer < LAYERS; layer++) {
        exchange(&b, x, layer, layer % BUFFERS, layer < BUFFERS, parts);
        x = hd_graph_add(b.g, x, sum_of(&b, parts, ranks));
    }
    hd_graph_output(b.g, "y", x);
    hdi_graph_when(b.g, b.rows, FEW, MOST + 1);
    exchange(&b, x, LAYERS, BUFFERS, true, parts);
    hd_graph_output(b.g, "more", sum_of(&b, parts, ranks));
    hdi_graph_when(b.g, b.rows, 0, 0);
    if (hd_compile(b.g, &plan) != HD_OK) fail_msg("%s", hd_last_error());
    hd_graph_destroy(b.g);
    return plan;
}

/* ---- one rank ---- */

typedef struct running {
    const hd_device *device;
    hd_plan *plan;
    hd_executor *executor;
    hdi_storage *memory[64];
    int n;
    hdi_storage *x;
} running;

/* Values that follow from a name: the same on all ranks. */
static void fill(float *to, size_t n, const char *name, uint64_t seed) {
    for (; *name; name++) seed = (seed ^ (unsigned char)*name) * 1099511628211u;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        to[i] = ((float)(seed >> 40) * 0x1p-23f - 1) * 0.25f;
    }
}

static hd_status upload(const running *r, hdi_storage *to, const char *name, uint64_t seed, size_t bytes) {
    float *values;
    HD_TRY(hdi_alloc(&values, bytes / sizeof(float), sizeof *values, "a test's values"));
    fill(values, bytes / sizeof(float), name, seed);
    hd_status status = hdi_copy(r->device, to->data, hdi_device_cpu(), values, bytes);
    hdi_free(values);
    return status;
}

static hd_status start(running *r, const hd_device *on, int32_t rank, int32_t ranks, hd_executor_kind kind, hd_domain *domain) {
    *r = (running){.device = on, .plan = make_plan(rank, ranks)};
    const hd_executor_options options = {.kind = kind, .device = on, .domain = domain};
    HD_TRY(hd_executor_create(r->plan, &options, &r->executor));
    for (uint32_t i = 1; i < r->plan->n_slots; i++) {
        const hdi_plan_slot *slot = &hdi_plan_slots(r->plan)[i];
        if (slot->kind == HDI_SLOT_SEGMENT) continue;
        const char *name = hdi_plan_name(r->plan, slot->name);
        hdi_storage **memory = &r->memory[r->n++];
        HD_TRY(hdi_storage_create(on, slot->bytes, memory));
        HD_TRY(upload(r, *memory, name, 1, slot->bytes));
        HD_TRY(hd_executor_bind(r->executor, name, (*memory)->data, slot->bytes));
        if (strcmp(name, "x") == 0) r->x = *memory;
    }
    return HD_OK;
}

static void stop(running *r) {
    hd_executor_destroy(r->executor);
    for (int i = 0; i < r->n; i++) hdi_storage_release(r->memory[i]);
    hd_plan_destroy(r->plan);
    *r = (running){0};
}

static hd_status fetch(const running *r, const char *name, int rows, float *out) {
    void *data;
    HD_TRY(hd_executor_output(r->executor, name, &data));
    return hdi_copy(hdi_device_cpu(), out, r->device, data, (size_t)rows * N * sizeof(float));
}

/* Several runs, one behind the other, of each of some sizes; the results of the last. */
static hd_status run_rows(const running *r, int rows, uint64_t seed, int times, float *y, float *more) {
    HD_TRY(upload(r, r->x, "x", seed, MOST * N * sizeof(float)));
    HD_TRY(hd_executor_set(r->executor, "rows", rows));
    for (int i = 0; i < times; i++) HD_TRY(hd_executor_run(r->executor));
    HD_TRY(hd_executor_synchronize(r->executor));
    HD_TRY(fetch(r, "y", rows, y));
    return rows >= FEW ? fetch(r, "more", rows, more) : HD_OK;
}

static hd_status same_bits(const char *what, int rows, const float *have, const float *want) {
    for (int i = 0; i < rows * N; i++)
        HD_REQUIRE(memcmp(&have[i], &want[i], sizeof(float)) == 0, HD_DEVICE,
                   "%s of %d rows: number %d is %.9g, and of one rank %.9g", what, rows, i, (double)have[i], (double)want[i]);
    return HD_OK;
}

static hd_status alike(const char *what, int rows, const float *have, const float *want) {
    for (int i = 0; i < rows * N; i++)
        HD_REQUIRE(fabsf(have[i] - want[i]) <= 1e-4f * (1 + fabsf(want[i])), HD_DEVICE,
                   "%s of %d rows: number %d is %.9g, and on the CPU %.9g", what, rows, i, (double)have[i], (double)want[i]);
    return HD_OK;
}

/* The three of a rank: as one of several, all of it on the same device, and on the CPU. */
typedef struct trio {
    running rank, one, cpu;
} trio;

static hd_status compare(trio *t) {
    static const int sizes[] = {1, MOST, 3, 1};
    static _Thread_local float y[3][MOST * N], more[3][MOST * N];
    for (int round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < SIZES; k++) {
            int rows = sizes[k];
            uint64_t seed = 100 + (uint64_t)round * 10 + k;
            HD_TRY(run_rows(&t->one, rows, seed, 1, y[1], more[1]));
            HD_TRY(run_rows(&t->cpu, rows, seed, 1, y[2], more[2]));
            HD_TRY(run_rows(&t->rank, rows, seed, IN_A_ROW, y[0], more[0]));
            HD_TRY(same_bits("y", rows, y[0], y[1]));
            HD_TRY(alike("y", rows, y[0], y[2]));
            if (rows < FEW) continue;
            HD_TRY(same_bits("more", rows, more[0], more[1]));
            HD_TRY(alike("more", rows, more[0], more[2]));
        }
    return HD_OK;
}

static hd_status run_kind(hd_domain *domain, const hd_device *on, hd_executor_kind kind) {
    trio t = {0};
    hd_status status;
    int32_t ranks = hd_domain_ranks(domain);
    HD_TRY_GOTO(start(&t.one, on, -1, ranks, HD_EXECUTOR_STREAM, NULL));
    HD_TRY_GOTO(start(&t.cpu, hdi_device_cpu(), -1, ranks, HD_EXECUTOR_SERIAL, NULL));
    HD_TRY_GOTO(start(&t.rank, on, hd_domain_rank(domain), ranks, kind, domain));
    HD_TRY_GOTO(compare(&t)); /* others may still read this rank's segment */
fail:
    if (status != HD_OK)
        fprintf(stderr, "rank %d, %s: %s\n", hd_domain_rank(domain), hd_executor_kind_name(kind), hd_last_error());
    if (status != HD_OK) hd_domain_abort(domain, status, hd_last_error());
    stop(&t.rank), stop(&t.one), stop(&t.cpu);
    return status;
}

/* A rank's whole life; each in a thread or process of its own. */
static hd_status live(const char *name, int32_t rank, int32_t ranks, const hd_device *on) {
    static const hd_executor_kind kinds[] = {HD_EXECUTOR_STREAM, HD_EXECUTOR_GRAPH, HD_EXECUTOR_PERSISTENT};
    hd_domain *domain;
    const hd_domain_options options = {.name = name, .rank = rank, .ranks = ranks};
    hd_status status = hd_domain_create(&options, &domain);
    if (status != HD_OK) {
        fprintf(stderr, "rank %d: %s\n", rank, hd_last_error());
        return status;
    }
    for (size_t k = 0; k < HDI_COUNTOF(kinds) && status == HD_OK; k++)
        if (hd_executor_kind_runs_on(kinds[k], on)) status = run_kind(domain, on, kinds[k]);
    hd_domain_destroy(domain);
    return status;
}

/* ---- as threads ---- */

typedef struct thread_rank {
    pthread_t thread;
    char name[64];
    int32_t rank, ranks;
    hd_status status;
    hd_status (*body)(hd_domain *domain);
} thread_rank;

static void *live_in_thread(void *argument) {
    thread_rank *t = argument;
    t->status = live(t->name, t->rank, t->ranks, device);
    return NULL;
}

static void run_threads(int32_t ranks) {
    thread_rank t[MAX_RANKS];
    char name[64];
    hd_domain_fresh_name(name, sizeof name);
    for (int32_t r = 0; r < ranks; r++) {
        t[r] = (thread_rank){.rank = r, .ranks = ranks};
        snprintf(t[r].name, sizeof t[r].name, "%s", name);
        assert_int_equal(pthread_create(&t[r].thread, NULL, live_in_thread, &t[r]), 0);
    }
    for (int32_t r = 0; r < ranks; r++) pthread_join(t[r].thread, NULL);
    for (int32_t r = 0; r < ranks; r++) assert_int_equal(t[r].status, HD_OK);
}

static bool cannot(void) { return device->vtable->host_visible ? false : !device->vtable->memory_share; }

static void two_threads(void **state) {
    (void)state;
    if (cannot()) skip();
    run_threads(2);
}

static void four_threads(void **state) {
    (void)state;
    if (cannot()) skip();
    run_threads(4);
}

/* ---- as processes, forked before anything else ---- */

static bool alike_in_process(const char *name, int32_t rank, const hd_device *on) { return live(name, rank, 2, on) == HD_OK; }

static void two_processes(void **state) {
    (void)state;
    forked_ended_well(device);
}

/* ---- ranks that fail ---- */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct failing {
    char name[64];
    int32_t rank;
    int timeout_ms;
    bool aborts; /* rank 1: says why it leaves; else it just does not run */
    hd_status made, status, next;
    char text[1024];
    double took;
} failing;

static void *fail_in_thread(void *argument) {
    failing *f = argument;
    running r = {0};
    hd_domain *domain;
    const hd_domain_options options = {.name = f->name, .rank = f->rank, .ranks = 2, .timeout_ms = f->timeout_ms};
    f->made = hd_domain_create(&options, &domain);
    if (f->made != HD_OK) return NULL;
    f->made = start(&r, device, f->rank, 2, HD_EXECUTOR_STREAM, domain);
    if (f->rank == 1) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        if (f->aborts) hd_domain_abort(domain, HD_CORRUPT, "the third shard is torn");
        while (!f->aborts && hd_domain_check(domain) == HD_OK) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        f->status = hd_domain_check(domain);
    } else if (f->made == HD_OK) {
        double begin = seconds();
        f->made = hd_executor_set(r.executor, "rows", 2);
        if (f->made == HD_OK) f->made = hd_executor_run(r.executor);
        f->status = hd_executor_synchronize(r.executor);
        f->took = seconds() - begin;
    }
    snprintf(f->text, sizeof f->text, "%s", hd_last_error());
    if (f->rank == 0) f->next = hd_executor_run(r.executor);
    stop(&r);
    hd_domain_destroy(domain);
    return NULL;
}

static void run_failing(failing f[2], int timeout_ms, bool aborts) {
    pthread_t thread[2];
    char name[64];
    hd_domain_fresh_name(name, sizeof name);
    for (int32_t r = 0; r < 2; r++) {
        f[r] = (failing){.rank = r, .timeout_ms = timeout_ms, .aborts = aborts};
        snprintf(f[r].name, sizeof f[r].name, "%s", name);
        assert_int_equal(pthread_create(&thread[r], NULL, fail_in_thread, &f[r]), 0);
    }
    for (int32_t r = 0; r < 2; r++) pthread_join(thread[r], NULL);
    for (int32_t r = 0; r < 2; r++) assert_int_equal(f[r].made, HD_OK);
    printf("%s\n", f[0].text);
}

static void a_rank_that_does_not_come_is_named(void **state) {
    failing f[2];
    (void)state;
    if (device->vtable->host_visible || cannot()) skip();
    run_failing(f, 600, false);
    assert_int_equal(f[0].status, HD_COMM);
    assert_non_null(strstr(f[0].text, "for signal 1 of rank 1: expected 1, seen 0"));
    assert_non_null(strstr(f[0].text, "last signs of life: rank 1"));
    assert_true(f[0].took >= 0.5 && f[0].took < 5);
    assert_int_equal(f[0].next, HD_COMM);
    assert_int_equal(f[1].status, HD_COMM);
    assert_non_null(strstr(f[1].text, "for signal 1 of rank 1: expected 1, seen 0"));
}

static void a_rank_that_fails_ends_the_others_waits(void **state) {
    failing f[2];
    (void)state;
    if (device->vtable->host_visible || cannot()) skip();
    run_failing(f, 60000, true);
    assert_int_equal(f[0].status, HD_CORRUPT);
    assert_non_null(strstr(f[0].text, "rank 1: the third shard is torn"));
    assert_true(f[0].took < 10);
    assert_int_equal(f[0].next, HD_CORRUPT);
}

/* ---- what the host does with windows in a device's memory ---- */

static void *touch_window(void *argument) {
    thread_rank *t = argument;
    hd_domain *domain;
    hd_window *window = NULL;
    hd_status status;
    unsigned char bytes[64];
    const hd_domain_options options = {.name = t->name, .rank = t->rank, .ranks = 2};
    int32_t other = 1 - t->rank;
    t->status = hd_domain_create(&options, &domain);
    if (t->status != HD_OK) return NULL;
    HD_TRY_GOTO(hd_window_create(domain, device, 1000, 3, &window));
    HD_TRY_GOTO(hdi_copy(hdi_device_cpu(), bytes, device, hd_window_segment(window, other), sizeof bytes));
    for (int i = 0; i < 64; i++) HD_REQUIRE_GOTO(bytes[i] == 0 && hd_signal_value(window, other, 2) == 0, HD_DEVICE, "not zero");
    HD_TRY_GOTO(hd_domain_barrier(domain));
    memset(bytes, 7 + t->rank, sizeof bytes);
    HD_TRY_GOTO(hdi_copy(device, (uint8_t *)hd_window_segment(window, t->rank) + 936, hdi_device_cpu(), bytes, sizeof bytes));
    HD_TRY_GOTO(hd_put_signal(window, other, 936, sizeof bytes, 2, 5));
    HD_TRY_GOTO(hd_signal_raise(window, other, 2, 3)); /* falls behind */
    HD_TRY_GOTO(hd_signal_wait(window, other, 2, 5, "a test"));
    HD_REQUIRE_GOTO(hd_signal_value(window, other, 2) == 5 && !hd_signal_test(window, other, 1, 1), HD_DEVICE, "wrong signals");
    HD_TRY_GOTO(hdi_copy(hdi_device_cpu(), bytes, device, (uint8_t *)hd_window_segment(window, other) + 936, sizeof bytes));
    for (int i = 0; i < 64; i++) HD_REQUIRE_GOTO(bytes[i] == 7 + other, HD_DEVICE, "byte %d is %d", i, bytes[i]);
    HD_TRY_GOTO(hd_window_quiet(window));
    HD_TRY_GOTO(hd_domain_barrier(domain));
fail:
    if (status != HD_OK) fprintf(stderr, "rank %d: %s\n", t->rank, hd_last_error());
    t->status = status;
    hd_window_destroy(window);
    hd_domain_destroy(domain);
    return NULL;
}

static void windows_are_there_for_the_host_too(void **state) {
    thread_rank t[2];
    char name[64];
    (void)state;
    if (cannot()) skip();
    hd_domain_fresh_name(name, sizeof name);
    for (int32_t r = 0; r < 2; r++) {
        t[r] = (thread_rank){.rank = r, .ranks = 2};
        snprintf(t[r].name, sizeof t[r].name, "%s", name);
        assert_int_equal(pthread_create(&t[r].thread, NULL, touch_window, &t[r]), 0);
    }
    for (int32_t r = 0; r < 2; r++) pthread_join(t[r].thread, NULL);
    for (int32_t r = 0; r < 2; r++) assert_int_equal(t[r].status, HD_OK);
}

static void a_device_that_cannot_share_says_so(void **state) {
    hd_domain *domain;
    hd_window *window;
    char name[64];
    (void)state;
    if (!cannot()) skip();
    hd_domain_fresh_name(name, sizeof name);
    const hd_domain_options options = {.name = name, .rank = 0, .ranks = 1};
    assert_int_equal(hd_domain_create(&options, &domain), HD_OK);
    assert_int_equal(hd_window_create(domain, device, 100, 1, &window), HD_UNSUPPORTED);
    assert_non_null(strstr(hd_last_error(), "cannot share its memory with other ranks"));
    hd_domain_destroy(domain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads),
        cmocka_unit_test(four_threads),
        cmocka_unit_test(two_processes),
        cmocka_unit_test(a_rank_that_does_not_come_is_named),
        cmocka_unit_test(a_rank_that_fails_ends_the_others_waits),
        cmocka_unit_test(windows_are_there_for_the_host_too),
        cmocka_unit_test(a_device_that_cannot_share_says_so),
    };
    int failed = 0;
    if (PROCESSES) fork_ranks(2, alike_in_process);
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
