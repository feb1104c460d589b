/* SPDX-License-Identifier: Apache-2.0 */
/* Every executor on every device against the serial one on the CPU: a plan with states, products and groups, for sizes that come
 * once, again and again, and after other memory was bound. */
#include <math.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "compile/plan.h"
#include "runtime/storage.h"
#include "support/devices.h"
#include "task/executor.h"

enum { N = 64, WIDE = 96, MOST = 24, PAGES = 3, PAGE = 16 };

static const hd_device *device; /* of the test that runs */

/* Two layers of norm, gate and up, product with a residual, and a cache that each run writes. */
static hd_plan *make_plan(void) {
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim rows = hd_graph_symbol(g, "rows", 0, MOST);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){rows, N});
    hd_value slots = hd_graph_input(g, "slots", HD_DTYPE_I32, 1, &rows);
    hd_value gain = hd_graph_weight(g, "gain", HD_DTYPE_F32, false, 1, (int64_t[]){N});
    hd_value gate = hd_graph_weight(g, "gate", HD_DTYPE_F32, false, 2, (int64_t[]){WIDE, N});
    hd_value up = hd_graph_weight(g, "up", HD_DTYPE_BF16, false, 2, (int64_t[]){WIDE, N});
    hd_value down = hd_graph_weight(g, "down", HD_DTYPE_F32, false, 2, (int64_t[]){N, WIDE});
    for (int layer = 0; layer < 2; layer++) {
        hd_value y = hd_graph_rms_norm(g, x, gain, 1e-5f);
        y = hd_graph_swiglu(g, hd_graph_linear(g, y, gate, 0, 1), hd_graph_linear(g, y, up, 0, 1));
        x = hd_graph_add(g, x, hd_graph_linear(g, y, down, 0, 8));
    }
    hd_value cache = hd_graph_state(g, "cache", HD_DTYPE_F32, 4, (int64_t[]){PAGES, PAGE, 2, N / 2});
    (void)hd_graph_kv_write(g, cache, hd_graph_reshape(g, x, 3, (hd_dim[]){rows, 2, N / 2}), slots);
    hd_graph_output(g, "y", hd_graph_softmax(g, x));
    hd_graph_output(g, "x out", x);
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    hd_graph_destroy(g);
    return plan;
}

/* The memory of one executor, on its device, filled from the same host values. */
static const struct {
    const char *name;
    size_t bytes;
} bound[] = {{"x", MOST *N * 4},    {"slots", MOST * 4},          {"gain", N * 4}, {"gate", WIDE *N * 4}, {"up", WIDE *N * 2},
             {"down", N *WIDE * 4}, {"cache", PAGES *PAGE *N * 4}};
enum { BOUND = sizeof bound / sizeof *bound };

static _Alignas(64) uint8_t values[BOUND][WIDE * N * 4];

typedef struct running {
    hd_executor *executor;
    hdi_storage *memory[BOUND];
} running;

static void fill_values(uint64_t seed) {
    for (int i = 0; i < BOUND; i++)
        for (size_t k = 0; k < bound[i].bytes / 4; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            float v = (float)(seed >> 40) * 0x1p-23f - 1;
            uint32_t halves = 0x3d003e00u ^ (uint32_t)(seed >> 33 & 0x807f807fu); /* two small bf16 */
            if (strcmp(bound[i].name, "up") == 0)
                memcpy(values[i] + 4 * k, &halves, 4);
            else
                memcpy(values[i] + 4 * k, &v, 4);
        }
    for (int32_t k = 0; k < MOST; k++) ((int32_t *)(void *)values[1])[k] = k % 5 == 4 ? -1 : (k * 7 + 3) % (PAGES * PAGE);
}

static void upload(running *r, int i) {
    assert_int_equal(hdi_copy(r->memory[i]->device, r->memory[i]->data, hdi_device_cpu(), values[i], bound[i].bytes), HD_OK);
}

static void bind_all(running *r) {
    for (int i = 0; i < BOUND; i++) {
        hdi_storage *old = r->memory[i];
        assert_int_equal(hdi_storage_create(r->executor->device, bound[i].bytes, &r->memory[i]), HD_OK);
        upload(r, i);
        assert_int_equal(hd_executor_bind(r->executor, bound[i].name, r->memory[i]->data, bound[i].bytes), HD_OK);
        hdi_storage_release(old);
    }
}

static running start(const hd_plan *plan, const hd_executor_options *options) {
    running r = {0};
    if (hd_executor_create(plan, options, &r.executor) != HD_OK) fail_msg("%s", hd_last_error());
    bind_all(&r);
    return r;
}

static void stop(running *r) {
    hd_executor_destroy(r->executor);
    for (int i = 0; i < BOUND; i++) hdi_storage_release(r->memory[i]);
}

static void run(running *r, int rows, bool once) {
    assert_int_equal(hd_executor_set(r->executor, "rows", rows), HD_OK);
    hd_status status = once ? hdi_executor_run_once(r->executor) : hd_executor_run(r->executor);
    if (status == HD_OK) status = hd_executor_synchronize(r->executor);
    if (status != HD_OK) fail_msg("%s", hd_last_error());
}

static void fetch(const running *r, const char *output, float *to, size_t bytes) {
    void *data = output ? NULL : r->memory[BOUND - 1]->data;
    if (output) assert_int_equal(hd_executor_output(r->executor, output, &data), HD_OK);
    assert_int_equal(hdi_copy(hdi_device_cpu(), to, r->executor->device, data, bytes), HD_OK);
}

/* CPU kernels give the same bits anywhere; a GPU's sum in another order, and its products of many rows round x to the 16 bits of
 * a bf16 weight: a few thousandths of the largest element. */
static void same(const float *want, const float *got, size_t n, int rows) {
    double near = rows > 16 ? 1e-2 : 1e-4, most = 1;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)want[i])); /* sums cancel: errors are as large as what is summed */
    bool exact = device->type == HD_DEVICE_CPU || device == remote_device();
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)want[i] - (double)got[i]);
        if (exact ? memcmp(&want[i], &got[i], 4) != 0 : !(off <= near * most))
            fail_msg("element %zu is %g, not %g", i, (double)got[i], (double)want[i]);
    }
}

static void compare(running *want, running *got, int rows, bool once) {
    static float a[PAGES * PAGE * N], b[PAGES * PAGE * N];
    run(want, rows, false);
    run(got, rows, once);
    for (const char **name = (const char *[]){"y", "x out", NULL};; name++) {
        size_t bytes = *name ? (size_t)rows * N * 4 : sizeof a;
        fetch(want, *name, a, bytes);
        fetch(got, *name, b, bytes);
        same(a, b, bytes / 4, *name ? rows : MOST); /* the cache holds what runs of any size left */
        if (!*name) break;
    }
}

static void kinds_agree_with_the_serial_one(void **state) {
    (void)state;
    static const int sizes[] = {1, MOST, 1, 7, 1, 1, 0, 7, 7, MOST, MOST, 1};
    hd_plan *plan = make_plan();
    for (int kind = 0; kind < HD_EXECUTOR_KIND_COUNT; kind++) {
        const hd_executor_options options = {.kind = (hd_executor_kind)kind, .threads = kind == HD_EXECUTOR_TASKS ? 5 : 3, .device = device};
        if (!hd_executor_kind_runs_on(options.kind, device)) continue;
        fill_values(1);
        running want = start(plan, &(hd_executor_options){.kind = HD_EXECUTOR_SERIAL}), got = start(plan, &options);
        for (size_t i = 0; i < HDI_COUNTOF(sizes); i++) {
            fill_values(2 + i); /* inputs and weights change where they lie; the cache keeps what runs wrote */
            for (int k = 0; k < BOUND - 1; k++) upload(&want, k), upload(&got, k);
            if (i == 5) bind_all(&want), bind_all(&got); /* recorded addresses are void */
            compare(&want, &got, sizes[i], i == 3 || i == 9);
        }
        stop(&got);
        stop(&want);
    }
    hd_plan_destroy(plan);
}

/* More sets of sizes than are kept. */
static void many_sizes_come_and_go(void **state) {
    (void)state;
    hd_plan *plan;
    hd_graph *g;
    hd_executor *e;
    hdi_storage *x;
    float host[2 * 64], back[2 * 64];
    const hd_executor_options options = {.kind = HD_EXECUTOR_GRAPH, .device = device};
    if (!hd_executor_kind_runs_on(HD_EXECUTOR_GRAPH, device)) skip();
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim rows = hd_graph_symbol(g, "rows", 1, 64);
    hd_value v = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){rows, 2});
    hd_graph_output(g, "y", hd_graph_add(g, v, v));
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    hd_graph_destroy(g);
    assert_int_equal(hd_executor_create(plan, &options, &e), HD_OK);
    assert_int_equal(hdi_storage_create(device, sizeof host, &x), HD_OK);
    assert_int_equal(hd_executor_bind(e, "x", x->data, sizeof host), HD_OK);
    for (int round = 0; round < 3 * 64; round++) {
        int n = 1 + round / 3 % 64;
        void *y;
        for (int i = 0; i < 2 * n; i++) host[i] = (float)(round + i);
        assert_int_equal(hdi_copy(device, x->data, hdi_device_cpu(), host, sizeof host), HD_OK);
        assert_int_equal(hd_executor_set(e, "rows", n), HD_OK);
        assert_int_equal(hd_executor_run(e), HD_OK);
        assert_int_equal(hd_executor_synchronize(e), HD_OK);
        assert_int_equal(hd_executor_output(e, "y", &y), HD_OK);
        assert_int_equal(hdi_copy(hdi_device_cpu(), back, device, y, (size_t)n * 8), HD_OK);
        for (int i = 0; i < 2 * n; i++) assert_true(back[i] == 2 * host[i]);
    }
    hd_executor_destroy(e);
    hdi_storage_release(x);
    hd_plan_destroy(plan);
}

/* Two layers of norm_linear and linear_add. */
static hd_plan *make_products(void) {
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){hd_graph_symbol(g, "rows", 1, MOST), N});
    hd_value gain = hd_graph_weight(g, "gain", HD_DTYPE_F32, false, 1, (int64_t[]){N});
    hd_value gate = hd_graph_weight(g, "gate", HD_DTYPE_F32, false, 2, (int64_t[]){WIDE, N});
    hd_value down = hd_graph_weight(g, "down", HD_DTYPE_F32, false, 2, (int64_t[]){N, WIDE});
    for (int layer = 0; layer < 2; layer++)
        x = hd_graph_add(g, x, hd_graph_linear(g, hd_graph_linear(g, hd_graph_rms_norm(g, x, gain, 1e-5f), gate, 0, 1), down, 0, 8));
    hd_graph_output(g, "y", hd_graph_softmax(g, x));
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    hd_graph_destroy(g);
    return plan;
}

static running start_products(const hd_plan *plan, const hd_executor_options *options) {
    running r = {0};
    assert_int_equal(hd_executor_create(plan, options, &r.executor), HD_OK);
    for (int i = 0; i < BOUND; i++) {
        hd_status status = HD_OK;
        assert_int_equal(hdi_storage_create(r.executor->device, bound[i].bytes, &r.memory[i]), HD_OK);
        upload(&r, i);
        status = hd_executor_bind(r.executor, bound[i].name, r.memory[i]->data, bound[i].bytes);
        assert_true(status == HD_OK || status == HD_NOT_FOUND);
    }
    return r;
}

/* One row: the groups of both layers are one launch of the persistent kernel, where a device has one; what comes behind is not. It
 * gives what the serial executor gives, run after run. */
static void one_row_is_one_program(void **state) {
    (void)state;
    hdi_programs *programs;
    static float want[2 * N], got[2 * N];
    const hd_executor_options options = {.kind = HD_EXECUTOR_PERSISTENT, .device = device};
    if (!hd_executor_kind_runs_on(options.kind, device)) skip();
    hd_plan *plan = make_products();
    fill_values(1);
    running r = start_products(plan, &options), serial = start_products(plan, &(hd_executor_options){.kind = HD_EXECUTOR_SERIAL});
    for (int rows = 1; rows <= 2; rows++) {
        run(&serial, rows, true);
        fetch(&serial, "y", want, (size_t)rows * N * 4);
        for (int i = 0; i < 4; i++) {
            run(&r, rows, false);
            fetch(&r, "y", got, (size_t)rows * N * 4);
            same(want, got, (size_t)rows * N, rows);
        }
        assert_int_equal(hdi_programs_create(r.executor, &programs), HD_OK);
        assert_int_equal(programs->n, rows == 1);
        if (rows == 1) assert_true(programs->programs[0].first == 0 && programs->programs[0].n == plan->n_steps - 1);
        hdi_programs_destroy(r.executor, programs);
    }
    stop(&serial);
    stop(&r);
    hd_plan_destroy(plan);
}

static void wrong_kinds_are_refused(void **state) {
    (void)state;
    hd_plan *plan = make_plan();
    hd_executor *e = NULL;
    for (int kind = 0; kind <= HD_EXECUTOR_KIND_COUNT; kind++) {
        const hd_executor_options options = {.kind = (hd_executor_kind)kind, .threads = 1, .device = device};
        if (hd_executor_kind_runs_on(options.kind, device)) continue;
        assert_int_equal(hd_executor_create(plan, &options, &e),
                         kind == HD_EXECUTOR_KIND_COUNT ? HD_INVALID_ARGUMENT : HD_UNSUPPORTED);
        assert_null(e);
    }
    const hd_executor_options options = {.kind = HD_EXECUTOR_STREAM, .device = device};
    assert_int_equal(hd_executor_create(plan, &options, &e), HD_OK);
    assert_int_equal(hd_executor_run(e), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_executor_set(e, "rows", 3), HD_OK);
    assert_int_equal(hd_executor_run(e), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "no memory yet"));
    hd_executor_destroy(e);
    hd_plan_destroy(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_agree_with_the_serial_one),
        cmocka_unit_test(many_sizes_come_and_go),
        cmocka_unit_test(one_row_is_one_program),
        cmocka_unit_test(wrong_kinds_are_refused),
    };
    int failed = 0;
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
