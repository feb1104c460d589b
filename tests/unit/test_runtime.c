/* SPDX-License-Identifier: Apache-2.0 */
/* Registry, context, allocators and storage on the CPU device. */
#include <pthread.h>
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/memory.h"
#include "device/device.h"
#include "runtime/context.h"
#include "runtime/runtime.h"
#include "runtime/storage.h"

static const hd_device *cpu(void) { return hdi_device_cpu(); }

static void names_find_devices(void **state) {
    (void)state;
    const hd_device *a = NULL, *b = NULL;
    assert_int_equal(hd_device_parse("cpu", &a), HD_OK);
    assert_int_equal(hd_device_parse("cpu:0", &b), HD_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(hd_device_get(HD_DEVICE_CPU, 0, &b), HD_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(hd_device_get_type(a), HD_DEVICE_CPU);
    assert_int_equal(hd_device_get_index(a), 0);
    assert_int_equal(hd_device_count(HD_DEVICE_CPU), 1);
}

static void what_is_not_there_is_told_with_what_is(void **state) {
    static const char *const wrong[] = {"cpu:1", "cpu:", "cpu:x", "cpu:00000000000", "tpu", "", "cpu:-1", "cp", "cpux"};
    const hd_device *d = NULL;
    (void)state;
    for (size_t i = 0; i < HDI_COUNTOF(wrong); i++) {
        assert_int_equal(hd_device_parse(wrong[i], &d), HD_NOT_FOUND);
        assert_non_null(strstr(hd_last_error(), "this machine has: cpu"));
    }
    assert_int_equal(hd_device_parse("cuda:99", &d), HD_NOT_FOUND); /* with a reason where there is none at all */
    const char *why = hd_device_absence(HD_DEVICE_CUDA);
    assert_int_equal(!why, hd_device_count(HD_DEVICE_CUDA) > 0);
    assert_non_null(strstr(hd_last_error(), "there is no device \"cuda:99\""));
    assert_non_null(strstr(hd_last_error(), why ? why : "cuda:0"));
    assert_int_equal(hd_device_get(HD_DEVICE_MACA, 3000, &d), HD_NOT_FOUND);
    assert_null(hd_device_absence(HD_DEVICE_CPU));
    assert_null(hd_device_absence((hd_device_type)77));
    assert_int_equal(hd_device_get((hd_device_type)77, 0, &d), HD_NOT_FOUND);
    assert_int_equal(hd_device_parse(NULL, &d), HD_INVALID_ARGUMENT);
    assert_null(d);
}

static void *ask(void *arg) {
    const hd_device *d = NULL;
    (void)arg;
    for (int type = 0; type < HD_DEVICE_TYPE_COUNT; type++)
        if (hd_device_get((hd_device_type)type, 0, &d) != HD_OK && !strstr(hd_last_error(), "there is no device")) return NULL;
    return (void *)d;
}

/* Threads that ask at once for what is loaded at the first question get the same answers. */
static void back_ends_are_loaded_once(void **state) {
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    void *found[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], &found[i]);
    for (int i = 0; i < THREADS; i++) assert_ptr_equal(found[i], found[0]);
    assert_non_null(found[0]);
}

static hd_status count_fails(int32_t *out) {
    (void)out;
    return hdi_fail(HD_DEVICE, "the driver is asleep");
}

static hd_status count_too_many(int32_t *out) {
    *out = HDI_MAX_DEVICES;
    return HD_OK;
}

static void a_back_end_that_fails_leaves_nothing(void **state) {
    hdi_device_vtable vtable = hdi_cpu_vtable;
    hd_device_type absent = hd_device_count(HD_DEVICE_MACA) ? HD_DEVICE_CUDA : HD_DEVICE_MACA;
    int32_t total = hdi_device_total();
    (void)state;
    assert_int_equal(hdi_device_register(HD_DEVICE_CPU, &vtable), HD_INVALID_ARGUMENT);
    vtable.count = count_fails;
    assert_int_equal(hdi_device_register(absent, &vtable), HD_DEVICE);
    assert_string_equal(hd_last_error(), "the driver is asleep");
    vtable.count = count_too_many;
    assert_int_equal(hdi_device_register(absent, &vtable), HD_EXHAUSTED);
    assert_int_equal(hdi_device_total(), total);
    assert_null(hdi_device_at(total));
    assert_null(hdi_device_at(-1));
}

static void the_cpu_knows_itself(void **state) {
    hd_device_properties p;
    (void)state;
    assert_int_equal(hd_device_get_properties(cpu(), &p), HD_OK);
    assert_true(p.name[0]);
    assert_true(p.memory_bytes > (size_t)64 << 20);
    assert_in_range(p.units, 1, 4096);
    assert_in_range(p.lanes, 1, 16);
}

static void *fresh_thread(void *arg) {
    hd_stream **seen = arg;
    seen[0] = hd_current_stream();
    if (hd_current_device() != cpu()) return NULL;
    hd_stream *mine = NULL;
    if (hd_stream_create(cpu(), &mine) != HD_OK || hd_set_stream(mine) != HD_OK) return NULL;
    seen[1] = hd_current_stream() == mine ? mine : NULL;
    hd_stream_destroy(mine); /* while current */
    return hd_current_stream() == seen[0] ? arg : NULL;
}

static void each_thread_has_its_own_context(void **state) {
    pthread_t thread;
    hd_stream *seen[2] = {NULL, NULL}, *stream = NULL;
    void *ok = NULL;
    (void)state;
    assert_int_equal(hd_stream_create(cpu(), &stream), HD_OK);
    assert_int_equal(hd_set_stream(stream), HD_OK);
    assert_int_equal(pthread_create(&thread, NULL, fresh_thread, seen), 0);
    pthread_join(thread, &ok);
    assert_non_null(ok);
    assert_non_null(seen[0]);
    assert_non_null(seen[1]);
    assert_ptr_not_equal(seen[0], stream);
    assert_ptr_equal(hd_current_stream(), stream);
    assert_int_equal(hd_set_device(cpu()), HD_OK); /* setting the same device keeps the stream */
    assert_ptr_equal(hd_current_stream(), stream);
    assert_int_equal(hd_set_stream(NULL), HD_OK);
    assert_ptr_not_equal(hd_current_stream(), stream);
    hd_stream_destroy(stream);
    assert_int_equal(hd_set_device(NULL), HD_INVALID_ARGUMENT);
}

static void sizes_round_up_a_little(void **state) {
    (void)state;
    assert_int_equal(hdi_allocator_round(0), 64);
    assert_int_equal(hdi_allocator_round(64), 64);
    assert_int_equal(hdi_allocator_round(65), 72);
    assert_int_equal(hdi_allocator_round(((size_t)16 << 20) + 1), (size_t)18 << 20);
    assert_int_equal(hdi_allocator_round(SIZE_MAX), 0);
    size_t last = 0;
    for (size_t n = 1; n < (size_t)40 << 20; n += 1 + n / 97) {
        size_t r = hdi_allocator_round(n);
        assert_true(r >= n && r >= last);
        assert_true(n < 64 || r - n <= n / 8 + 1);
        assert_int_equal(hdi_allocator_round(r), r);
        last = r;
    }
}

static void freed_blocks_come_back(void **state) {
    hd_memory_stats s;
    hdi_block a, b, c;
    (void)state;
    assert_int_equal(hd_memory_configure(cpu(), HD_ALLOCATOR_CACHING, 0), HD_OK);
    assert_int_equal(hdi_runtime_alloc(cpu(), 1000, 0, &a), HD_OK);
    assert_int_equal((uintptr_t)a.data % 64, 0);
    void *first = a.data;
    assert_int_equal(hd_memory_configure(cpu(), HD_ALLOCATOR_NAIVE, 0), HD_INVALID_ARGUMENT);
    assert_non_null(strstr(hd_last_error(), "1000 bytes are in use"));
    hdi_runtime_free(cpu(), a);
    assert_int_equal(hdi_runtime_alloc(cpu(), 1010, 0, &b), HD_OK); /* of the same class */
    assert_ptr_equal(b.data, first);
    assert_int_equal(hdi_runtime_alloc(cpu(), 100, 0, &c), HD_OK);
    assert_int_equal(hd_memory_get_stats(cpu(), &s), HD_OK);
    assert_int_equal(s.in_use, 1110);
    assert_int_equal(s.peak, 1110);
    assert_int_equal(s.requests, 3);
    assert_int_equal(s.hits, 1);
    assert_int_equal(s.reserved, 1024 + 104);
    hdi_runtime_free(cpu(), b);
    hdi_runtime_free(cpu(), c);
    assert_int_equal(hd_memory_trim(cpu()), HD_OK);
    assert_int_equal(hd_memory_get_stats(cpu(), &s), HD_OK);
    assert_int_equal(s.reserved, 0);
    assert_int_equal(s.in_use, 0);
    assert_int_equal(s.peak, 1110);
}

static void large_blocks_serve_only_like_sizes(void **state) {
    hdi_block a, b, c;
    const size_t mb = (size_t)1 << 20;
    (void)state;
    assert_int_equal(hdi_runtime_alloc(cpu(), 100 * mb, 0, &a), HD_OK);
    hdi_runtime_free(cpu(), a);
    assert_int_equal(hdi_runtime_alloc(cpu(), 50 * mb, 0, &b), HD_OK); /* half: not that block */
    assert_ptr_not_equal(b.data, a.data);
    assert_int_equal(hdi_runtime_alloc(cpu(), 92 * mb, 0, &c), HD_OK);
    assert_ptr_equal(c.data, a.data);
    hdi_runtime_free(cpu(), b);
    hdi_runtime_free(cpu(), c);
    assert_int_equal(hd_memory_trim(cpu()), HD_OK);
}

static void a_limit_is_kept(void **state) {
    hdi_block a, b;
    hd_memory_stats s;
    (void)state;
    for (int kind = HD_ALLOCATOR_NAIVE; kind <= HD_ALLOCATOR_CACHING; kind++) {
        assert_int_equal(hd_memory_configure(cpu(), (hd_allocator_kind)kind, 10000), HD_OK);
        assert_int_equal(hdi_runtime_alloc(cpu(), 8192, 0, &a), HD_OK);
        assert_int_equal(hdi_runtime_alloc(cpu(), 4096, 0, &b), HD_OUT_OF_MEMORY);
        assert_non_null(strstr(hd_last_error(), "limit of 10000"));
        hdi_runtime_free(cpu(), a);
        assert_int_equal(hdi_runtime_alloc(cpu(), 4096, 0, &b), HD_OK); /* what is cached makes room */
        hdi_runtime_free(cpu(), b);
        assert_int_equal(hdi_runtime_alloc(cpu(), SIZE_MAX, 0, &b), HD_OUT_OF_MEMORY);
        assert_int_equal(hd_memory_get_stats(cpu(), &s), HD_OK);
        assert_int_equal(s.limit, 10000);
        assert_int_equal(s.in_use, 0);
    }
    assert_int_equal(hd_memory_configure(cpu(), (hd_allocator_kind)9, 0), HD_INVALID_ARGUMENT);
    assert_int_equal(hd_memory_configure(cpu(), HD_ALLOCATOR_CACHING, 0), HD_OK);
}

/* On a device that works behind the host's back a freed block returns to its own stream only, until that stream is gone. */
static void a_block_stays_with_its_stream(void **state) {
    hdi_device_vtable vtable = hdi_cpu_vtable;
    hd_device device = {.vtable = &vtable, .type = HD_DEVICE_CUDA};
    hdi_allocator *a;
    hdi_block x, y, z;
    (void)state;
    vtable.immediate = false;
    assert_int_equal(hdi_allocator_create(&device, HD_ALLOCATOR_CACHING, 0, &a), HD_OK);
    assert_int_equal(a->alloc(a, 256, 1, &x), HD_OK);
    a->free(a, x);
    assert_int_equal(a->alloc(a, 256, 2, &y), HD_OK);
    assert_ptr_not_equal(y.data, x.data);
    a->stream_gone(a, 1);
    assert_int_equal(a->alloc(a, 256, 2, &z), HD_OK);
    assert_ptr_equal(z.data, x.data);
    a->free(a, y);
    a->free(a, z);
    a->destroy(a);
}

static void *churn(void *arg) {
    unsigned seed = (unsigned)(uintptr_t)arg * 7919u + 1;
    hdi_block held[16] = {{0}};
    for (int i = 0; i < 4000; i++) {
        seed = seed * 1664525u + 1013904223u;
        hdi_block *b = &held[seed >> 28];
        if (b->data) {
            if (((unsigned char *)b->data)[0] != (unsigned char)(uintptr_t)arg) return NULL; /* somebody else has it too */
            hdi_runtime_free(cpu(), *b);
            b->data = NULL;
        } else if (hdi_runtime_alloc(cpu(), seed >> 8 & 0xffff, 0, b) == HD_OK) {
            ((unsigned char *)b->data)[0] = (unsigned char)(uintptr_t)arg;
        }
    }
    for (int i = 0; i < 16; i++)
        if (held[i].data) hdi_runtime_free(cpu(), held[i]);
    return arg;
}

static void threads_share_the_allocator(void **state) {
    pthread_t threads[4];
    hd_memory_stats s;
    (void)state;
    for (uintptr_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        void *ok = NULL;
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    assert_int_equal(hd_memory_get_stats(cpu(), &s), HD_OK);
    assert_int_equal(s.in_use, 0);
    assert_true(s.hits > s.requests / 4);
    assert_int_equal(hd_memory_trim(cpu()), HD_OK);
}

static void count_release(void *owner) { ++*(int *)owner; }

static void storage_goes_with_its_last_holder(void **state) {
    hdi_storage *s;
    hd_memory_stats m;
    int released = 0;
    char mine[16];
    (void)state;
    assert_int_equal(hdi_storage_borrow(cpu(), mine, sizeof mine, count_release, &released, &s), HD_OK);
    assert_ptr_equal(hdi_storage_retain(s), s);
    hdi_storage_release(s);
    assert_int_equal(released, 0);
    hdi_storage_release(s);
    assert_int_equal(released, 1);
    hdi_storage_release(NULL);
    assert_int_equal(hdi_storage_create_host(cpu(), 100, &s), HD_OK);
    memset(s->data, 1, 100);
    hdi_storage_release(s);
    assert_int_equal(hdi_storage_create(cpu(), 0, &s), HD_OK);
    assert_non_null(s->data);
    hdi_storage_release(s);
    assert_int_equal(hd_memory_get_stats(cpu(), &m), HD_OK);
    assert_int_equal(m.in_use, 0);
}

static void failing_allocations_leak_nothing(void **state) {
    hd_memory_stats m;
    (void)state;
    assert_int_equal(hd_memory_trim(cpu()), HD_OK);
    for (int n = 0; n < 6; n++) {
        hdi_storage *s = NULL;
        hd_stream *stream = NULL;
        hd_event *event = NULL;
        hdi_memory_fail_after(n);
        hd_status a = hdi_storage_create(cpu(), 1000, &s);
        hd_status b = hd_stream_create(cpu(), &stream);
        hd_status c = hd_event_create(cpu(), &event);
        hdi_memory_fail_after(-1);
        assert_true(a == HD_OK || (a == HD_OUT_OF_MEMORY && !s));
        assert_true(b == HD_OK || (b == HD_OUT_OF_MEMORY && !stream));
        assert_true(c == HD_OK || (c == HD_OUT_OF_MEMORY && !event));
        assert_true(n > 4 || a != HD_OK || b != HD_OK || c != HD_OK);
        hdi_storage_release(s);
        hd_stream_destroy(stream);
        hd_event_destroy(event);
        assert_int_equal(hd_memory_trim(cpu()), HD_OK);
    }
    assert_int_equal(hd_memory_get_stats(cpu(), &m), HD_OK);
    assert_int_equal(m.in_use, 0);
    assert_int_equal(m.reserved, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_ends_are_loaded_once),
        cmocka_unit_test(names_find_devices),
        cmocka_unit_test(what_is_not_there_is_told_with_what_is),
        cmocka_unit_test(a_back_end_that_fails_leaves_nothing),
        cmocka_unit_test(the_cpu_knows_itself),
        cmocka_unit_test(each_thread_has_its_own_context),
        cmocka_unit_test(sizes_round_up_a_little),
        cmocka_unit_test(freed_blocks_come_back),
        cmocka_unit_test(large_blocks_serve_only_like_sizes),
        cmocka_unit_test(a_limit_is_kept),
        cmocka_unit_test(a_block_stays_with_its_stream),
        cmocka_unit_test(threads_share_the_allocator),
        cmocka_unit_test(storage_goes_with_its_last_holder),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
