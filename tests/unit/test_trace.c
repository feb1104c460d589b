/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of every executor on every device: nothing missing, nothing overlapping, times that were, costs that add up; a full
 * trace, files that cannot be written, and who may go first. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "unit/cmocka_all.h"
#include "unit/good.h"

#include "base/memory.h"
#include "runtime/storage.h"
#include "support/devices.h"
#include "task/tracer.h"

enum { N = 64, WIDE = 96, MOST = 24, HEADS = 2, WIDTH = N / HEADS, PAGES = 3, PAGE = 16, RUNS = 5 };
enum { CLOCKS_APART = 2000000 }; /* nanoseconds that a device's clock may seem off the host's */

static const hd_device *device; /* of the test that runs */

/* Norm, gate and up, product with a residual, then attention over a cache: some groups, and costs that depend on data. */
static hd_plan *make_plan(void) {
    hd_graph *g;
    hd_plan *plan;
    assert_int_equal(hd_graph_create(&g), HD_OK);
    hd_dim rows = hd_graph_symbol(g, "rows", 0, MOST);
    hd_value x = hd_graph_input(g, "x", HD_DTYPE_F32, 2, (hd_dim[]){rows, N});
    hd_value token_seq = hd_graph_input(g, "token_seq", HD_DTYPE_I32, 1, &rows);
    hd_value positions = hd_graph_input(g, "positions", HD_DTYPE_I32, 1, &rows);
    hd_value table = hd_graph_input(g, "table", HD_DTYPE_I32, 2, (hd_dim[]){1, PAGES});
    hd_value gain = hd_graph_weight(g, "gain", HD_DTYPE_F32, false, 1, (int64_t[]){N});
    hd_value gate = hd_graph_weight(g, "gate", HD_DTYPE_F32, false, 2, (int64_t[]){WIDE, N});
    hd_value up = hd_graph_weight(g, "up", HD_DTYPE_F32, false, 2, (int64_t[]){WIDE, N});
    hd_value down = hd_graph_weight(g, "down", HD_DTYPE_F32, false, 2, (int64_t[]){N, WIDE});
    hd_value cache = hd_graph_state(g, "cache", HD_DTYPE_F32, 4, (int64_t[]){PAGES, PAGE, HEADS, WIDTH});
    hd_value y = hd_graph_rms_norm(g, x, gain, 1e-5f);
    hd_value gated = hd_graph_linear(g, y, gate, 0, 1); /* in this order: a group */
    y = hd_graph_swiglu(g, gated, hd_graph_linear(g, y, up, 0, 1));
    y = hd_graph_add(g, x, hd_graph_linear(g, y, down, 0, 8));
    const hd_attention_options options = {.scale = 1};
    y = hd_graph_attention(g, hd_graph_reshape(g, y, 3, (hd_dim[]){rows, HEADS, WIDTH}), cache, cache, table, token_seq,
                           positions, &options);
    hd_graph_output(g, "y", y);
    assert_int_equal(hd_compile(g, &plan), HD_OK);
    hd_graph_destroy(g);
    return plan;
}

enum { STEPS = 7 }; /* norm, gate, up, swiglu, down, add, attention */

static const struct {
    const char *name;
    size_t bytes;
} bound[] = {{"x", MOST *N * 4},   {"token_seq", MOST * 4}, {"positions", MOST * 4},
             {"table", PAGES * 4}, {"gain", N * 4},         {"gate", WIDE *N * 4},
             {"up", WIDE *N * 4},  {"down", N *WIDE * 4},   {"cache", PAGES *PAGE *N * 4}};
enum { BOUND = sizeof bound / sizeof *bound };

static _Alignas(64) uint8_t values[BOUND][WIDE * N * 4];

typedef struct running {
    hd_plan *plan;
    hd_executor *executor;
    hdi_storage *memory[BOUND];
} running;

/* Numbers that do not matter; one sequence, tokens at 7, 8, ... of three pages. */
static void fill_values(void) {
    for (int i = 0; i < BOUND; i++)
        for (size_t k = 0; k < bound[i].bytes / 4; k++) {
            float v = (float)((k * 37 + (size_t)i) % 101) * 0.01f - 0.5f;
            memcpy(values[i] + 4 * k, &v, 4);
        }
    for (int32_t k = 0; k < MOST; k++) {
        ((int32_t *)(void *)values[1])[k] = 0;
        ((int32_t *)(void *)values[2])[k] = 7 + k;
        if (k < PAGES) ((int32_t *)(void *)values[3])[k] = k;
    }
}

static running start(hd_executor_kind kind) {
    const hd_executor_options options = {.kind = kind, .threads = 3, .device = device};
    running r = {.plan = make_plan()};
    fill_values();
    assert_int_equal(hd_plan_steps(r.plan), STEPS);
    if (hd_executor_create(r.plan, &options, &r.executor) != HD_OK) fail_msg("%s", hd_last_error());
    for (int i = 0; i < BOUND; i++) {
        assert_int_equal(hdi_storage_create(device, bound[i].bytes, &r.memory[i]), HD_OK);
        assert_int_equal(hdi_copy(device, r.memory[i]->data, hdi_device_cpu(), values[i], bound[i].bytes), HD_OK);
        assert_int_equal(hd_executor_bind(r.executor, bound[i].name, r.memory[i]->data, bound[i].bytes), HD_OK);
    }
    return r;
}

static void stop(running *r) {
    hd_executor_destroy(r->executor);
    hd_plan_destroy(r->plan);
    for (int i = 0; i < BOUND; i++) hdi_storage_release(r->memory[i]);
}

static void run(running *r, int rows) {
    good(hd_executor_set(r->executor, "rows", rows));
    good(hd_executor_run(r->executor));
}

static hd_trace *trace_of(running *r, size_t spans, bool whole_runs) {
    const hd_trace_options options = {.spans = spans, .whole_runs = whole_runs};
    hd_trace *trace;
    good(hd_trace_create(&options, &trace));
    good(hd_executor_set_trace(r->executor, trace));
    hdi_tracer_mirror(r->executor, "token_seq", values[1]);
    hdi_tracer_mirror(r->executor, "positions", values[2]);
    return trace;
}

/* Spans lie between `from` and `to` (of the trace's clock), in order, and never over each other on a lane. */
static void check_times(const hd_trace *trace, int64_t from, int64_t to) {
    int64_t end[64] = {0};
    int64_t slack = device == hdi_device_cpu() ? 0 : CLOCKS_APART;
    assert_true(trace->n_lanes <= 64);
    for (size_t i = 0; i < trace->n; i++) {
        const hdi_span *s = &trace->spans[i];
        assert_true(i == 0 || trace->spans[i - 1].begin <= s->begin);
        assert_true(s->begin <= s->end);
        if (s->begin < from - slack || s->end > to + slack)
            fail_msg("a span from %lld to %lld ns, but the runs were from %lld to %lld", (long long)s->begin, (long long)s->end,
                     (long long)from, (long long)to);
        assert_true(end[s->lane] <= s->begin);
        end[s->lane] = s->end;
    }
}

/* What the steps cost together, of `rows` tokens: by hand. Groups that are run as one leave out what they hand on. */
static void expected_cost(int rows, double *bytes, double *flops) {
    double r = rows, keys = 7 + r, pairs = r * 7 + r * (r + 1) / 2;
    *bytes = 4 * ((2 * r * N + N) + 2 * (WIDE * r + N * r + WIDE * N) + 3 * r * WIDE + (N * r + WIDE * r + WIDE * N) + 3 * r * N +
                  2 * r * N + 2 * keys * N);
    *flops = 4 * r * N + 2 * 2 * r * N * WIDE + 5 * r * WIDE + 2 * r * N * WIDE + r * N + 2 * pairs * 2 * N;
}

static void sum_kinds(hd_trace *trace, double *bytes, double *flops, uint64_t *steps) {
    hd_trace_kind *kinds;
    size_t n;
    good(hd_trace_kinds(trace, 0, &kinds, &n));
    *bytes = *flops = 0;
    *steps = 0;
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(kinds[i].device, device);
        assert_int_equal(kinds[i].phase, HD_TRACE_OTHER);
        assert_false(kinds[i].partial);
        assert_true(i == 0 || kinds[i - 1].seconds >= kinds[i].seconds);
        *bytes += kinds[i].bytes;
        *flops += kinds[i].flops;
        *steps += kinds[i].steps;
    }
    hd_free(kinds);
}

/* The groups that a device runs as one: how many steps fewer that makes, and bytes. */
static bool has_groups(void) { return device->vtable->launch_group != NULL; }

static void check_runs(hd_executor_kind kind, bool whole_runs) {
    static const int rows[RUNS] = {1, 1, MOST, 1, 7};
    double bytes, flops, want_bytes = 0, want_flops = 0, handed_on_by_all = 0, handed_on_by_few = 0;
    uint64_t steps;
    running r = start(kind);
    run(&r, 1); /* not traced */
    hd_trace *trace = trace_of(&r, 0, whole_runs);
    int64_t from = hdi_now_ns() - trace->start;
    for (int i = 0; i < RUNS; i++) {
        double b, f;
        run(&r, rows[i]);
        expected_cost(rows[i], &b, &f);
        want_bytes += b;
        want_flops += f;
        double handed_on = 4.0 * rows[i] * (3 * N + 4 * WIDE + 2 * N); /* the norm's result twice, gate, up, down */
        handed_on_by_all += handed_on;
        handed_on_by_few += rows[i] < 16 ? handed_on : 0;
    }
    good(hd_executor_synchronize(r.executor));
    int64_t to = hdi_now_ns() - trace->start;
    sum_kinds(trace, &bytes, &flops, &steps);
    check_times(trace, from, to);
    assert_int_equal(trace->lost, 0);
    assert_true(flops / want_flops > 1 - 1e-12 && flops / want_flops < 1 + 1e-12);
    if (whole_runs || !has_groups()) {
        assert_int_equal(steps, whole_runs ? RUNS : RUNS * STEPS);
        assert_true(bytes / want_bytes > 1 - 1e-12 && bytes / want_bytes < 1 + 1e-12);
    } else { /* less moves when a group hands its results on by itself */
        double handed_on = steps == 3 * RUNS ? handed_on_by_all : handed_on_by_few; /* many rows may go step by step */
        if (steps != 3 * RUNS && steps != 3 * (RUNS - 1) + STEPS) fail_msg("%d launches", (int)steps);
        assert_true(bytes / (want_bytes - handed_on) > 1 - 1e-12 && bytes / (want_bytes - handed_on) < 1 + 1e-12);
    }
    assert_int_equal(trace->stepped, !whole_runs && (kind == HD_EXECUTOR_GRAPH || kind == HD_EXECUTOR_PERSISTENT));
    good(hd_executor_set_trace(r.executor, NULL));
    size_t n = trace->n;
    run(&r, 1);
    good(hd_executor_synchronize(r.executor));
    good(hdi_trace_settle(trace));
    assert_int_equal(trace->n, n);
    hd_trace_destroy(trace);
    stop(&r);
}

static void runs_are_recorded(void **state) {
    (void)state;
    for (int kind = 0; kind < HD_EXECUTOR_KIND_COUNT; kind++) {
        if (!hd_executor_kind_runs_on((hd_executor_kind)kind, device)) continue;
        check_runs((hd_executor_kind)kind, false);
        check_runs((hd_executor_kind)kind, true);
    }
}

static hd_executor_kind any_kind(void) { return device == hdi_device_cpu() ? HD_EXECUTOR_THREADS : HD_EXECUTOR_STREAM; }

static void traced_results_are_the_same(void **state) {
    (void)state;
    static float plain[MOST * N], traced[MOST * N];
    running r = start(any_kind());
    void *y;
    run(&r, MOST);
    good(hd_executor_synchronize(r.executor));
    good(hd_executor_output(r.executor, "y", &y));
    good(hdi_copy(hdi_device_cpu(), plain, device, y, sizeof plain));
    hd_trace *trace = trace_of(&r, 0, false);
    run(&r, MOST);
    good(hd_executor_synchronize(r.executor));
    good(hdi_copy(hdi_device_cpu(), traced, device, y, sizeof traced));
    assert_memory_equal(plain, traced, sizeof plain);
    stop(&r); /* with the trace still on */
    hd_trace_info info;
    good(hd_trace_get_info(trace, &info));
    assert_true(info.spans >= 3);
    hd_trace_destroy(trace);
}

/* A run that does not fit is left out whole; what was recorded stays, and the runs go on. */
static void a_full_trace_says_so(void **state) {
    (void)state;
    running r = start(any_kind());
    size_t room = device == hdi_device_cpu() ? 2 * 3 * STEPS : 3 * STEPS;
    hd_trace *trace = trace_of(&r, room, false);
    hd_trace_info info;
    for (int i = 0; i < 8; i++) run(&r, MOST);
    good(hd_trace_get_info(trace, &info));
    assert_int_equal(info.room, room);
    assert_true(info.spans > 0 && info.spans <= room);
    assert_true(info.lost >= 4 * STEPS);
    hd_trace_clear(trace);
    run(&r, 1);
    good(hd_trace_get_info(trace, &info));
    assert_true(info.spans >= 3 && info.lost == 0);
    hd_trace_destroy(trace); /* before the executor */
    run(&r, 1);
    good(hd_executor_synchronize(r.executor));
    stop(&r);
}

/* Without the host's copies a device's attention has a cost that is known in part only. */
static void unseen_data_is_not_guessed(void **state) {
    (void)state;
    running r = start(any_kind());
    hd_trace *trace;
    hd_trace_kind *kinds;
    size_t n;
    good(hd_trace_create(NULL, &trace));
    good(hd_executor_set_trace(r.executor, trace));
    run(&r, 3);
    good(hd_trace_kinds(trace, 0, &kinds, &n));
    for (size_t i = 0; i < n; i++) {
        bool attention = strncmp(kinds[i].kernel, "attention", 9) == 0;
        assert_int_equal(kinds[i].partial, attention && !device->vtable->host_visible);
        if (strcmp(kinds[i].kernel, "linear_f32_f32") == 0)
            assert_true(strcmp(kinds[i].shape, "96 x 64") == 0 || strcmp(kinds[i].shape, "64 x 96") == 0);
        if (attention) assert_string_equal(kinds[i].shape, "2 x 32");
    }
    hd_free(kinds);
    stop(&r);
    hd_trace_destroy(trace);
}

/* ---- files ---- */

static char folder[64], path[96];

static void make_folder(void) {
    strcpy(folder, "/tmp/heddle-trace-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/trace.json", folder);
}

static void check_event(json_t *event, double *last, size_t *spans, size_t *names) {
    const char *ph = json_string_value(json_object_get(event, "ph"));
    assert_non_null(ph);
    assert_true(json_is_integer(json_object_get(event, "pid")) && json_is_integer(json_object_get(event, "tid")));
    if (strcmp(ph, "M") == 0) {
        *names += json_is_string(json_object_get(json_object_get(event, "args"), "name"));
        return;
    }
    json_t *args = json_object_get(event, "args");
    double at = json_number_value(json_object_get(event, "ts"));
    assert_string_equal(ph, "X");
    assert_true(json_is_real(json_object_get(event, "ts")) && at >= *last);
    assert_true(json_number_value(json_object_get(event, "dur")) >= 0);
    assert_true(json_is_string(json_object_get(event, "name")));
    assert_true(json_is_string(json_object_get(args, "kernel")) && json_number_value(json_object_get(args, "bytes")) > 0);
    if (json_number_value(json_object_get(event, "dur")) > 0)
        assert_true(json_number_value(json_object_get(args, "GB/s")) >= 0 && json_object_get(args, "GFLOP/s"));
    *last = at;
    ++*spans;
}

static void files_hold_the_spans(void **state) {
    (void)state;
    running r = start(any_kind());
    hd_trace *trace = trace_of(&r, 0, false);
    hd_trace_info info;
    double last = 0;
    size_t spans = 0, names = 0;
    for (int i = 0; i < RUNS; i++) run(&r, 4);
    make_folder();
    good(hd_trace_write(trace, path)); /* what still runs is waited for */
    good(hd_trace_get_info(trace, &info));
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json) fail_msg("line %d: %s", error.line, error.text);
    json_t *events = json_object_get(json, "traceEvents");
    for (size_t i = 0; i < json_array_size(events); i++) check_event(json_array_get(events, i), &last, &spans, &names);
    assert_true(spans > 0 && spans == info.spans);
    assert_int_equal(names, 1 + trace->n_lanes);
    json_decref(json);
    assert_int_equal(unlink(path) | rmdir(folder), 0); /* and no other file is there */
    hd_trace_destroy(trace);
    stop(&r);
}

static void files_that_cannot_be_written(void **state) {
    (void)state;
    running r = start(any_kind());
    hd_trace *trace = trace_of(&r, 0, false);
    char part[128];
    struct stat s;
    run(&r, 4);
    make_folder();
    assert_int_equal(hd_trace_write(trace, "/nowhere at all/trace.json"), HD_IO);
    assert_non_null(strstr(hd_last_error(), "No such file or directory"));
    assert_int_equal(hd_trace_write(trace, folder), HD_IO);
    assert_int_equal(hd_trace_write(trace, ""), HD_INVALID_ARGUMENT);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(hd_trace_write(trace, "/dev/full"), HD_IO);
        assert_non_null(strstr(hd_last_error(), "No space left on device"));
        assert_true(stat("/dev/full", &s) == 0 && S_ISCHR(s.st_mode));
    }
    FILE *f = fopen(path, "w"); /* the file that was there stays as it was when the new one fails */
    assert_non_null(f);
    fputs("old", f);
    fclose(f);
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(mkdir(part, 0700), 0);
    assert_int_equal(hd_trace_write(trace, path), HD_IO);
    assert_true(stat(path, &s) == 0 && s.st_size == 3);
    assert_int_equal(rmdir(part), 0);
    good(hd_trace_write(trace, path));
    assert_true(stat(path, &s) == 0 && s.st_size > 3);
    assert_int_equal(unlink(path) | rmdir(folder), 0);
    hd_trace_destroy(trace);
    stop(&r);
}

static void memory_runs_out(void **state) {
    (void)state;
    running r = start(any_kind());
    hd_status status = HD_OUT_OF_MEMORY;
    int64_t n = 0;
    for (; status == HD_OUT_OF_MEMORY; n++) {
        hd_trace *trace = NULL;
        hdi_memory_fail_after(n);
        status = hd_trace_create(&(hd_trace_options){.spans = 500}, &trace);
        if (status == HD_OK) status = hd_executor_set_trace(r.executor, trace);
        hdi_memory_fail_after(-1);
        run(&r, 2);
        good(hd_executor_synchronize(r.executor));
        hd_trace_destroy(trace);
    }
    good(status);
    assert_true(n > 5);
    stop(&r);
}

/* ---- several ranks ---- */

enum { NOTES = 3 };

/* What workers of a plan of several ranks would note: one more than there is room for, from worker 2. */
static hd_status note_some(hd_executor *executor, bool again) {
    hdi_tracer *t = executor->tracer;
    (void)again;
    int64_t begin = hdi_tracer_begin(t);
    hdi_tracer_wait(t, 1, 0, begin, 1, 12);
    hdi_tracer_end(t, 1, 0, hdi_tracer_begin(t), 1);
    hdi_tracer_sent(t, 1, 0, hdi_tracer_begin(t), 1, 4096);
    for (int i = 0; i < NOTES + 1; i++) hdi_tracer_sent(t, 2, 2, hdi_tracer_begin(t), 3, 100);
    return HD_OK;
}

static const hd_trace_kind *kind_called(const hd_trace_kind *kinds, size_t n, const char *kernel, const char *shape) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(kinds[i].kernel, kernel) == 0 && strcmp(kinds[i].shape, shape) == 0) return &kinds[i];
    fail_msg("no %s %s", kernel, shape);
    return NULL;
}

static hd_trace *noted_trace(running *r, int32_t rank) {
    const hd_trace_options options = {.spans = 200, .rank = rank};
    hd_trace *trace;
    good(hd_trace_create(&options, &trace));
    good(hdi_tracer_set(r->executor, trace, NOTES));
    good(hd_executor_set(r->executor, "rows", 3));
    good(hdi_run_traced(r->executor, false, note_some));
    return trace;
}

static void waits_and_transfers_are_kinds(void **state) {
    (void)state;
    if (device != hdi_device_cpu()) return; /* the host's workers note them */
    running r = start(HD_EXECUTOR_THREADS);
    hd_trace *trace = noted_trace(&r, 0);
    hd_trace_kind *kinds;
    size_t n;
    good(hd_trace_kinds(trace, 0, &kinds, &n));
    assert_int_equal(n, 4);
    const hd_trace_kind *wait = kind_called(kinds, n, "wait", "for rank 1");
    assert_true(wait->steps == 1 && wait->bytes == 0 && wait->flops == 0); /* no event's number is taken for operations */
    assert_true(kind_called(kinds, n, "transfer", "to rank 1")->bytes == 4096);
    const hd_trace_kind *sent = kind_called(kinds, n, "transfer", "to rank 3");
    assert_true(sent->steps == NOTES && sent->bytes == 100 * NOTES);
    assert_int_equal(trace->lost, 1);
    assert_int_equal(trace->n, 1 + 1 + 1 + NOTES);
    check_times(trace, 0, hdi_now_ns() - trace->start);
    hd_free(kinds);
    hd_trace_destroy(trace);
    stop(&r);
}

static void traces_are_put_together(void **state) {
    (void)state;
    if (device != hdi_device_cpu()) return;
    running r = start(HD_EXECUTOR_THREADS);
    hd_trace *other = noted_trace(&r, 1), *trace = noted_trace(&r, 0); /* the executor leaves the other */
    size_t own = trace->n, size, again_size;
    uint8_t *bytes, *again;
    good(hd_trace_export(other, (void **)&bytes, &size));
    good(hd_trace_import(trace, bytes, size, "rank 1", 5000));
    assert_int_equal(trace->n, own + other->n);
    for (size_t i = 0, k = 0; i < trace->n; i++) {
        const hdi_span *s = &trace->spans[i], *was;
        const hdi_trace_lane *lane = &trace->lanes[s->lane];
        if (!lane->import) continue;
        was = &other->spans[k++];
        assert_true(lane->device == NULL && lane->rank == 1);
        assert_int_equal(strncmp(lane->name, "rank 1: worker ", 15), 0);
        assert_int_equal(s->begin + trace->start, was->begin + other->start + 5000);
        assert_int_equal(s->end - s->begin, was->end - was->begin);
        assert_true(s->bytes == was->bytes && s->event == was->event && s->kind == was->kind && s->other == was->other);
        assert_true(s->first == was->first && s->begins == was->begins && s->workers == was->workers);
        assert_string_equal(trace->labels[s->label].name, other->labels[was->label].name);
    }
    good(hd_trace_export(trace, (void **)&again, &again_size)); /* what was imported is not handed on */
    assert_int_equal((again_size - size) % 176, 0);
    make_folder();
    good(hd_trace_write(trace, path));
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_decref(json);
    assert_int_equal(unlink(path) | rmdir(folder), 0);
    hd_free(again);
    hd_free(bytes);
    hd_trace_destroy(other);
    hd_trace_destroy(trace);
    stop(&r);
}

/* Cut anywhere, and with any byte of the header or of a span spoilt: no crash, and a refusal changes nothing. */
static void damaged_images_are_refused(void **state) {
    (void)state;
    if (device != hdi_device_cpu()) return;
    running r = start(HD_EXECUTOR_THREADS);
    hd_trace *other = noted_trace(&r, 1), *trace;
    uint8_t *bytes;
    size_t size, refused = 0;
    good(hd_trace_export(other, (void **)&bytes, &size));
    good(hd_trace_create(&(hd_trace_options){.spans = 8}, &trace));
    for (size_t n = 0; n < size; n += n < 64 ? 1 : 37) assert_int_equal(hd_trace_import(trace, bytes, n, "x", 0), HD_CORRUPT);
    assert_true(trace->n == 0 && trace->n_lanes == 0 && trace->n_labels == 0);
    for (size_t i = 0; i < size; i++) {
        if (i >= 48 && i + 48 * other->n < size) continue;
        uint8_t was = bytes[i];
        bytes[i] = 0xff;
        hd_status status = hd_trace_import(trace, bytes, size, "x", 0);
        assert_true(status == HD_OK || status == HD_CORRUPT);
        refused += status == HD_CORRUPT;
        for (size_t k = 0; k < trace->n; k++)
            assert_true(trace->spans[k].label < trace->n_labels && trace->spans[k].lane < trace->n_lanes &&
                        trace->spans[k].workers > 0 && trace->spans[k].kind < HDI_SPAN_KIND_COUNT);
        bytes[i] = was;
        hd_trace_destroy(trace);
        good(hd_trace_create(&(hd_trace_options){.spans = 8}, &trace));
    }
    assert_true(refused > 40);
    hd_free(bytes);
    hd_trace_destroy(trace);
    hd_trace_destroy(other);
    stop(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_recorded),       cmocka_unit_test(traced_results_are_the_same),
        cmocka_unit_test(a_full_trace_says_so),    cmocka_unit_test(unseen_data_is_not_guessed),
        cmocka_unit_test(files_hold_the_spans),    cmocka_unit_test(files_that_cannot_be_written),
        cmocka_unit_test(memory_runs_out),         cmocka_unit_test(waits_and_transfers_are_kinds),
        cmocka_unit_test(traces_are_put_together), cmocka_unit_test(damaged_images_are_refused),
    };
    int failed = 0;
    for (int i = 0; (device = test_devices(i)); i++) {
        printf("---- %s\n", hdi_device_text(device));
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed != 0;
}
