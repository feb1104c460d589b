/* SPDX-License-Identifier: Apache-2.0 */
/* What every device must do, run on each that this machine has and on the remote one of the tests. Results are those of the CPU.
 */
#include "unit/eager_util.h"

#include <pthread.h>

#include "conformance/late.h"
#include "conformance/ranks.h"
#include "conformance/remote_device.h"
#include "runtime/context.h"
#include "runtime/runtime.h"

static const hd_device *device; /* the one under test */
static double have[TEST_MAX], want[TEST_MAX];

static int set_up(void **state) {
    (void)state;
    OK(hd_set_device(device));
    return 0;
}

static int tear_down(void **state) {
    hd_memory_stats s;
    (void)state;
    OK(hd_synchronize());
    OK(hd_memory_get_stats(device, &s));
    assert_int_equal(s.in_use, 0);
    OK(hd_set_device(hdi_device_cpu()));
    return 0;
}

static void it_has_a_name_and_properties(void **state) {
    hd_device_properties p;
    const hd_device *again;
    (void)state;
    OK(hd_device_get_properties(device, &p));
    assert_true(p.name[0] && p.memory_bytes && p.units >= 1 && p.lanes >= 1);
    OK(hd_device_parse(hdi_device_text(device), &again));
    assert_ptr_equal(again, device);
    OK(hd_device_get(hd_device_get_type(device), hd_device_get_index(device), &again));
    assert_ptr_equal(again, device);
    assert_ptr_equal(hd_current_device(), device);
}

static void bytes_go_all_ways(void **state) {
    static const size_t sizes[] = {0, 1, 63, 4096, ((size_t)1 << 20) + 3};
    const hdi_device_vtable *v = device->vtable;
    (void)state;
    for (size_t k = 0; k < HDI_COUNTOF(sizes); k++)
        for (int async = 0; async < 2; async++) {
            size_t n = sizes[k];
            void *a, *b, *from, *to;
            hd_stream *s = hd_current_stream();
            OK(v->alloc(device, n, &a));
            OK(v->alloc(device, n, &b));
            OK(v->host_alloc(device, n, &from));
            OK(v->host_alloc(device, n, &to));
            assert_true((uintptr_t)a % 64 == 0 && (uintptr_t)b % 64 == 0 && (uintptr_t)from % 64 == 0);
            for (size_t i = 0; i < n; i++) ((unsigned char *)from)[i] = (unsigned char)(i * 131 + 7);
            if (n) memset(to, 0, n);
            if (async) {
                OK(v->copy_async(device, s->handle, a, from, n, HDI_COPY_H2D));
                OK(v->copy_async(device, s->handle, b, a, n, HDI_COPY_D2D));
                OK(v->set_async(device, s->handle, a, 0x3c, n));
                OK(v->copy_async(device, s->handle, to, b, n, HDI_COPY_D2H));
                OK(hd_stream_synchronize(s));
            } else {
                OK(v->copy(device, a, from, n, HDI_COPY_H2D));
                OK(v->copy(device, b, a, n, HDI_COPY_D2D));
                OK(v->set(device, a, 0x3c, n));
                OK(v->copy(device, to, b, n, HDI_COPY_D2H));
            }
            assert_memory_equal(to, from, n);
            OK(v->copy(device, to, a, n, HDI_COPY_D2H));
            for (size_t i = 0; i < n; i++) assert_int_equal(((unsigned char *)to)[i], 0x3c);
            OK(v->copy(device, to, from, n, HDI_COPY_H2H));
            assert_memory_equal(to, from, n);
            OK(v->free(device, a));
            OK(v->free(device, b));
            OK(v->host_free(device, from));
            OK(v->host_free(device, to));
        }
}

static void streams_keep_order_and_wait_for_events(void **state) {
    const hdi_device_vtable *v = device->vtable;
    hd_stream *one, *two;
    hd_event *ready, *never;
    hdi_block block;
    unsigned char *host;
    double ms = -1;
    (void)state;
    OK(hd_stream_create(device, &one));
    OK(hd_stream_create(device, &two));
    OK(hd_event_create(device, &ready));
    OK(hd_event_create(device, &never));
    OK(hdi_runtime_alloc(device, 1000, 0, &block));
    OK(v->host_alloc(device, 1000, (void **)&host));
    for (int round = 1; round <= 3; round++) {
        OK(v->set_async(device, one->handle, block.data, round + 40, 1000));
        OK(v->set_async(device, one->handle, block.data, round, 1000)); /* the later one wins */
        OK(hd_event_record(ready, one));
        OK(v->set_async(device, one->handle, block.data, 99, 0));
        OK(hd_event_wait(ready, two));
        OK(hd_event_wait(never, two));
        OK(v->copy_async(device, two->handle, host, block.data, 1000, HDI_COPY_D2H));
        OK(hd_stream_synchronize(two));
        for (int i = 0; i < 1000; i++) assert_int_equal(host[i], round);
    }
    OK(hd_event_synchronize(ready));
    OK(hd_event_synchronize(never));
    assert_int_equal(hd_event_elapsed(ready, never, &ms), HD_INVALID_ARGUMENT);
    OK(hd_event_record(never, one));
    OK(hd_event_elapsed(ready, never, &ms));
    assert_true(ms >= 0 && ms < 60000);
    OK(v->host_free(device, host));
    hdi_runtime_free(device, block);
    hd_event_destroy(ready), hd_event_destroy(never);
    hd_stream_destroy(one), hd_stream_destroy(two);
}

static void what_belongs_elsewhere_is_refused(void **state) {
    hd_stream *stream;
    hd_event *event;
    hd_tensor *here = test_tensor(device, HD_DTYPE_F32, false, 1, SHAPE(4)), *there;
    (void)state;
    if (device == hdi_device_cpu()) {
        hd_tensor_destroy(here);
        return;
    }
    OK(hd_stream_create(hdi_device_cpu(), &stream));
    OK(hd_event_create(device, &event));
    assert_int_equal(hd_set_stream(stream), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_event_record(event, stream), HD_INVALID_ARGUMENT);
    there = test_tensor(hdi_device_cpu(), HD_DTYPE_F32, false, 1, SHAPE(4));
    assert_int_equal(hd_add(here, here, there), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "bring them to one device"));
    hd_tensor_destroy(here), hd_tensor_destroy(there);
    hd_stream_destroy(stream), hd_event_destroy(event);
}

static void memory_has_accounts_and_limits(void **state) {
    hd_memory_stats s;
    hd_tensor *t, *u = NULL;
    (void)state;
    OK(hd_memory_trim(device));
    for (int kind = HD_ALLOCATOR_NAIVE; kind <= HD_ALLOCATOR_CACHING; kind++) {
        OK(hd_memory_configure(device, (hd_allocator_kind)kind, 100000));
        t = test_tensor(device, HD_DTYPE_F32, false, 1, SHAPE(100, 100));
        assert_int_equal(hd_memory_configure(device, HD_ALLOCATOR_NAIVE, 0), HD_INVALID_ARGUMENT);
        assert_int_equal(hd_tensor_create(SHAPE(200, 100), HD_DTYPE_F32, device, &u), HD_OUT_OF_MEMORY);
        assert_null(u);
        hd_tensor_destroy(t);
        t = test_tensor(device, HD_DTYPE_F32, false, 1, SHAPE(100, 100));
        OK(hd_memory_get_stats(device, &s));
        assert_true(s.in_use == 40000 && s.hits == (kind == HD_ALLOCATOR_CACHING) && s.limit == 100000);
        hd_tensor_destroy(t);
    }
    OK(hd_memory_configure(device, HD_ALLOCATOR_CACHING, 0));
    OK(hd_memory_get_stats(device, &s));
    assert_int_equal(s.reserved, 0);
}

static void tensors_travel(void **state) {
    static const int32_t order[] = {1, 2, 0};
    hd_tensor *t = test_tensor(hdi_device_cpu(), HD_DTYPE_F32, true, 3, SHAPE(5, 6, 7)), *turned, *there, *back, *turned_there,
              *flat, *half;
    float values[210];
    char *text;
    (void)state;
    OK(hd_tensor_permute(t, order, &turned));
    test_values(turned, want);
    for (int i = 0; i < 210; i++) values[i] = (float)want[i];
    OK(hd_tensor_to_device(turned, device, &there));
    assert_ptr_equal(hd_tensor_device(there), device);
    test_close("there", there, want, 0);
    OK(hd_tensor_to_device(there, hdi_device_cpu(), &back));
    test_close("back", back, want, 0);
    OK(hd_tensor_permute(there, order, &turned_there)); /* strided on the device */
    test_values(turned_there, have);
    for (int i = 0; i < 210; i++) assert_true(have[i] == want[i % 6 * 35 + i / 6]);
    OK(hd_tensor_contiguous(turned_there, &flat));
    test_close("flat", flat, have, 0);
    OK(hd_tensor_load(turned_there, values));
    test_close("loaded", turned_there, want, 0);
    OK(hd_tensor_to_dtype(flat, HD_DTYPE_BF16, &half));
    test_close("bf16", half, have, 1e-2);
    OK(hd_tensor_debug(half, &text));
    assert_non_null(strstr(text, hdi_device_text(device)));
    hd_free(text);
    hd_tensor_destroy(t), hd_tensor_destroy(turned), hd_tensor_destroy(there), hd_tensor_destroy(back);
    hd_tensor_destroy(turned_there), hd_tensor_destroy(flat), hd_tensor_destroy(half);
}

/* ---- operators: on the device and on the CPU, from the same numbers ---- */

/* Operands of one operator, as tensors of the CPU. */
typedef struct operands {
    hd_tensor *t[5]; /* outputs first */
} operands;

typedef hd_status (*runner)(hd_tensor *const *t);

static int lacking; /* operators that the device said it cannot do */

static void same_as_cpu(const char *what, operands cpu, int outputs, runner run) {
    operands there = {{NULL}};
    for (int i = 0; i < 5 && cpu.t[i]; i++) OK(hd_tensor_to_device(cpu.t[i], device, &there.t[i]));
    hd_status status = run(there.t);
    if (status == HD_UNSUPPORTED) {
        print_error("%s lacks %s: %s\n", hdi_device_text(device), what, hd_last_error());
        lacking++;
    } else if (status != HD_OK) {
        fail_msg("%s: %s", what, hd_last_error());
    }
    OK(run(cpu.t));
    for (int i = 0; i < outputs && status == HD_OK; i++) {
        test_values(cpu.t[i], want);
        test_close(what, there.t[i], want, test_tolerance(cpu.t[i]->dtype));
    }
    for (int i = 0; i < 5; i++) hd_tensor_destroy(cpu.t[i]), hd_tensor_destroy(there.t[i]);
}

static hd_status run_add(hd_tensor *const *t) { return hd_add(t[0], t[1], t[2]); }
static hd_status run_mul(hd_tensor *const *t) { return hd_mul(t[0], t[1], t[2]); }
static hd_status run_gelu(hd_tensor *const *t) { return hd_gelu(t[0], t[1], false); }
static hd_status run_swiglu(hd_tensor *const *t) { return hd_swiglu(t[0], t[1], t[2]); }
static hd_status run_softmax(hd_tensor *const *t) { return hd_softmax(t[0], t[1]); }
static hd_status run_rms_norm(hd_tensor *const *t) { return hd_rms_norm(t[0], t[1], t[2], 1e-5f); }
static hd_status run_layer_norm(hd_tensor *const *t) { return hd_layer_norm(t[0], t[1], t[2], t[3], 1e-5f); }
static hd_status run_linear(hd_tensor *const *t) { return hd_linear(t[0], t[1], t[2], t[3]); }
static hd_status run_embedding(hd_tensor *const *t) { return hd_embedding(t[0], t[1], t[2]); }
static hd_status run_argmax(hd_tensor *const *t) { return hd_argmax(t[0], t[1], t[2]); }
static hd_status run_rope(hd_tensor *const *t) {
    return hd_rope(t[0], t[1], t[2],
                   &(hd_rope_options){.theta = 1e4, .scaling = {HD_ROPE_SCALING_DYNAMIC, 2, 4, .beta_fast = 0}});
}
static hd_status run_attention(hd_tensor *const *t) { return hd_self_attention(t[0], t[1], t[2], t[3], NULL); }
static hd_status run_sample(hd_tensor *const *t) {
    const hd_sample_options o[2] = {{0, 0, 1, 0, 1, 0}, {0.7f, 5, 0.9f, 0, 1, 0.4f}};
    return hd_sample(t[0], t[1], o);
}

#define NEW(D, ...) test_tensor(hdi_device_cpu(), D, false, 2, SHAPE(__VA_ARGS__))
#define IDS(D, ...) test_ints(hdi_device_cpu(), D, (const int64_t[]){3, 1, 0, 4}, SHAPE(__VA_ARGS__))

static void operators_agree_with_the_cpu(void **state) {
    (void)state;
    lacking = 0;
    for (hd_dtype D = HD_DTYPE_F16; D <= HD_DTYPE_F32; D++) {
        same_as_cpu("add", (operands){{NEW(D, 3, 40), NEW(D, 3, 40), NEW(D, 40)}}, 1, run_add);
        same_as_cpu("mul", (operands){{NEW(D, 3, 40), NEW(D, 3, 40), NEW(D, 3, 1)}}, 1, run_mul);
        same_as_cpu("gelu", (operands){{NEW(D, 3, 40), NEW(D, 3, 40)}}, 1, run_gelu);
        same_as_cpu("swiglu", (operands){{NEW(D, 3, 40), NEW(D, 3, 40), NEW(D, 3, 40)}}, 1, run_swiglu);
        same_as_cpu("softmax", (operands){{NEW(D, 3, 40), NEW(D, 3, 40)}}, 1, run_softmax);
        same_as_cpu("rms_norm", (operands){{NEW(D, 3, 40), NEW(D, 3, 40), NEW(D, 40)}}, 1, run_rms_norm);
        same_as_cpu("layer_norm", (operands){{NEW(D, 3, 40), NEW(D, 3, 40), NEW(D, 40), NEW(D, 40)}}, 1, run_layer_norm);
        same_as_cpu("linear", (operands){{NEW(D, 3, 9), NEW(D, 3, 40), NEW(D, 9, 40), NEW(D, 9)}}, 1, run_linear);
        same_as_cpu("embedding", (operands){{NEW(D, 4, 40), IDS(HD_DTYPE_I64, 4), NEW(D, 5, 40)}}, 1, run_embedding);
        same_as_cpu("argmax", (operands){{IDS(HD_DTYPE_I64, 3), NEW(D, 3), NEW(D, 3, 40)}}, 2, run_argmax);
        same_as_cpu("rope", (operands){{NEW(D, 4, 2, 16), NEW(D, 4, 2, 16), IDS(HD_DTYPE_I32, 4)}}, 1, run_rope);
        same_as_cpu("attention", (operands){{NEW(D, 3, 4, 8), NEW(D, 3, 4, 16), NEW(D, 5, 2, 16), NEW(D, 5, 2, 8)}}, 1,
                    run_attention);
    }
    same_as_cpu("sample", (operands){{IDS(HD_DTYPE_I32, 2), NEW(HD_DTYPE_F32, 2, 50)}}, 1, run_sample);
    assert_int_equal(lacking, 0); /* a device has a kernel for every operator */
}

/* Tensors freed while their work still waits: the memory must not be given to another stream meanwhile. */
static void freed_memory_waits_for_its_stream(void **state) {
    hd_stream *one, *two;
    hd_tensor *x, *y, *z, *other;
    (void)state;
    OK(hd_stream_create(device, &one));
    OK(hd_stream_create(device, &two));
    OK(hd_set_stream(one));
    x = test_tensor(device, HD_DTYPE_F32, false, 1, SHAPE(64));
    y = test_empty(device, HD_DTYPE_F32, SHAPE(64));
    z = test_empty(device, HD_DTYPE_F32, SHAPE(64));
    test_values(x, want);
    OK(hd_add(y, x, x));
    OK(hd_add(z, y, x));
    hd_tensor_destroy(y);
    OK(hd_set_stream(two));
    other = test_tensor(device, HD_DTYPE_F32, false, 1, SHAPE(64));
    test_values(other, have);
    OK(hd_set_stream(one));
    for (int i = 0; i < 64; i++) want[i] *= 3;
    test_close("z", z, want, 1e-6);
    test_close("other", other, have, 0); /* stream one's late writes to y have not landed in it */
    hd_tensor_destroy(x), hd_tensor_destroy(z), hd_tensor_destroy(other);
    hd_stream_destroy(one), hd_stream_destroy(two);
}

static void *use_the_device(void *arg) {
    hd_tensor *x = arg, *y = NULL;
    bool ok = hd_current_device() == hdi_device_cpu() && hd_set_device(device) == HD_OK &&
              hd_tensor_create(x->shape, x->ndim, x->dtype, NULL, &y) == HD_OK && hd_add(y, x, x) == HD_OK &&
              hd_synchronize() == HD_OK;
    return ok ? y : NULL;
}

/* A thread has a default stream of its own, which goes with it; what it made stays. */
static void threads_come_and_go(void **state) {
    (void)state;
    hd_tensor *x = test_tensor(device, HD_DTYPE_F32, false, 1, SHAPE(8));
    test_values(x, want);
    for (int i = 0; i < 8; i++) want[i] *= 2;
    for (int round = 0; round < 3; round++) {
        pthread_t thread;
        void *y = NULL;
        assert_int_equal(pthread_create(&thread, NULL, use_the_device, x), 0);
        pthread_join(thread, &y);
        assert_non_null(y);
        test_close("from another thread", y, want, 0);
        hd_tensor_destroy(y);
    }
    hd_tensor_destroy(x);
    if (device->vtable == &remote_device_vtable) assert_int_equal(remote_device_streams(), 1); /* this thread's */
}

/* From each device of the process to each other and back: straight, through the host, or within one. */
static void bytes_go_between_all_devices(void **state) {
    enum { N = 100003 };
    static unsigned char sent[N], back[N];
    (void)state;
    for (int32_t i = 0; i < hdi_device_total(); i++) {
        const hd_device *other = hdi_device_at(i);
        hdi_block here, there;
        for (int k = 0; k < N; k++) sent[k] = (unsigned char)(k * 7 + i + k / 256);
        memset(back, 0, N);
        OK(hdi_runtime_alloc(device, N, 0, &here));
        OK(hdi_runtime_alloc(other, N, 0, &there));
        OK(hdi_copy(device, here.data, hdi_device_cpu(), sent, N));
        OK(hdi_copy(other, there.data, device, here.data, N));
        OK(device->vtable->set(device, here.data, 0x55, N));
        OK(hdi_copy(device, here.data, other, there.data, N));
        OK(hdi_copy(hdi_device_cpu(), back, device, here.data, N));
        assert_memory_equal(sent, back, N);
        hdi_runtime_free(device, here);
        hdi_runtime_free(other, there);
        OK(hd_memory_trim(other));
    }
}

static void recorded_work_runs_again(void **state) {
    (void)state;
    late_graphs(device);
}
static void a_spoilt_recording_says_why(void **state) {
    (void)state;
    late_spoilt_graph(device);
}
static void late_errors_are_told_once(void **state) {
    (void)state;
    late_errors(device);
}

static void memory_is_shared_with_ranks(void **state) {
    (void)state;
    ranks_memory(device);
}
static void ranks_wait_on_the_device(void **state) {
    (void)state;
    ranks_signals(device);
}
static void a_wait_gives_up_when_told(void **state) {
    (void)state;
    ranks_give_up(device);
}

/* Whether the device is one of those asked for: by type, or the tests' own. */
static bool wanted(const hd_device *d, const char *what) {
    if (!what) return true;
    bool remote = d->vtable == &remote_device_vtable;
    return strcmp(what, "remote") == 0 ? remote : !remote && strcmp(what, hd_device_type_name(d->type)) == 0;
}

/* `conformance` runs on all devices; `conformance cuda` (or cpu, maca, host, remote) on those, and ends with 77 (CTest: skipped) and
 * a reason where there are none. */
int main(int argc, char **argv) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_has_a_name_and_properties),
        TEST(bytes_go_all_ways),
        TEST(streams_keep_order_and_wait_for_events),
        TEST(what_belongs_elsewhere_is_refused),
        TEST(memory_has_accounts_and_limits),
        TEST(bytes_go_between_all_devices),
        TEST(tensors_travel),
        TEST(operators_agree_with_the_cpu),
        TEST(freed_memory_waits_for_its_stream),
        TEST(threads_come_and_go),
        TEST(recorded_work_runs_again),
        TEST(a_spoilt_recording_says_why),
        TEST(memory_is_shared_with_ranks),
        TEST(ranks_wait_on_the_device),
        TEST(a_wait_gives_up_when_told),
        TEST(late_errors_are_told_once),
    };
    const char *what = argc > 1 ? argv[1] : NULL;
    int failed = 0, ran = 0;
    for (int type = 0; type < HD_DEVICE_TYPE_COUNT; type++) /* asking for them makes them known */
        if (hd_device_count((hd_device_type)type) == 0)
            printf("---- no %s: %s\n", hd_device_type_name((hd_device_type)type), hd_device_absence((hd_device_type)type));
    /* The remote device takes the place of a kind that this machine has not. */
    hd_device_type absent = hd_device_count(HD_DEVICE_MACA) ? HD_DEVICE_CUDA : HD_DEVICE_MACA;
    if (hd_device_count(absent) == 0 && hdi_device_register(absent, &remote_device_vtable) != HD_OK) {
        fprintf(stderr, "%s\n", hd_last_error());
        return 1;
    }
    for (int32_t i = 0; i < hdi_device_total(); i++) {
        hd_device_properties p;
        device = hdi_device_at(i);
        if (!wanted(device, what)) continue;
        ran++;
        if (hd_device_get_properties(device, &p) != HD_OK) return 1;
        printf("---- %s: %s\n", hdi_device_text(device), p.name);
        fflush(stdout);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
        if (hd_memory_trim(device) != HD_OK) return 1;
    }
    if (remote_device_blocks() != 0) {
        printf("%d blocks of the remote device were never freed\n", remote_device_blocks());
        failed++;
    }
    if (!ran) printf("skipped: there is no device \"%s\" here\n", what);
    return ran ? failed != 0 : 77;
}
