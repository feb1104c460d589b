/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/ranks.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "runtime/context.h"
#include "unit/eager_util.h"

enum { MANY = 150 }; /* more signals than one launch takes */

void ranks_memory(const hd_device *device) {
    const hdi_device_vtable *v = device->vtable;
    hdi_device_handle handle;
    unsigned char bytes[300], back[300];
    void *memory, *seen;
    if (!v->memory_share) return;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 5 + 1);
    OK(v->alloc(device, sizeof bytes, &memory));
    OK(v->copy(device, memory, bytes, sizeof bytes, HDI_COPY_H2D));
    OK(v->memory_share(device, memory, &handle));
    OK(v->memory_share(device, memory, &handle)); /* as often as one likes */
    OK(v->memory_open(device, &handle, &seen));
    OK(v->copy(device, back, seen, sizeof back, HDI_COPY_D2H)); /* what was there before it was shared */
    assert_memory_equal(back, bytes, sizeof bytes);
    OK(v->set(device, memory, 0x3a, sizeof bytes));
    OK(v->copy(device, back, seen, sizeof back, HDI_COPY_D2H));
    for (size_t i = 0; i < sizeof back; i++) assert_int_equal(back[i], 0x3a);
    OK(v->memory_close(device, &handle, seen));
    OK(v->copy(device, back, memory, sizeof back, HDI_COPY_D2H)); /* its owner still has it */
    OK(v->free(device, memory));
}

/* Words in device memory, all 0, and an exchange on a stream. */
typedef struct rank {
    const hd_device *device;
    hd_stream *stream;
    void *exchange;
    uint64_t *words;
    hdi_device_signal signals[MANY];
} rank;

static rank make_rank(const hd_device *device, uint32_t chunks, uint32_t lag) {
    rank r = {.device = device};
    void *memory;
    OK(hd_stream_create(device, &r.stream));
    OK(device->vtable->alloc(device, MANY * sizeof(uint64_t), &memory));
    OK(device->vtable->set(device, memory, 0, MANY * sizeof(uint64_t)));
    OK(device->vtable->exchange_create(device, &r.exchange));
    r.words = memory;
    for (int i = 0; i < MANY; i++) r.signals[i] = (hdi_device_signal){r.words + i, chunks, lag};
    return r;
}

static void end_rank(rank *r) {
    hd_stream_destroy(r->stream);
    OK(r->device->vtable->exchange_destroy(r->device, r->exchange));
    OK(r->device->vtable->free(r->device, r->words));
}

static void expect_words(const rank *r, uint64_t value) {
    uint64_t words[MANY];
    OK(r->device->vtable->copy(r->device, words, r->words, sizeof words, HDI_COPY_D2H));
    for (int i = 0; i < MANY; i++) assert_int_equal(words[i], value);
}

static void set_words(const rank *r, uint64_t value) {
    uint64_t words[MANY];
    for (int i = 0; i < MANY; i++) words[i] = value;
    OK(r->device->vtable->copy(r->device, r->words, words, sizeof words, HDI_COPY_H2D));
}

/* A run that waits for what the run before raised, and raises. */
static void enqueue_run(const rank *r, int n) {
    const hdi_device_vtable *v = r->device->vtable;
    OK(v->exchange_begin(r->device, r->exchange, r->stream->handle));
    OK(v->exchange_wait(r->device, r->exchange, r->stream->handle, r->signals, n, 7));
    OK(v->exchange_raise(r->device, r->exchange, r->stream->handle, r->signals, n));
}

void ranks_signals(const hd_device *device) {
    const hdi_device_vtable *v = device->vtable;
    hdi_device_waiting w;
    void *graph;
    if (!v->exchange_create) return;
    rank r = make_rank(device, 3, 1);
    for (uint64_t run = 1; run <= 3; run++) enqueue_run(&r, MANY);
    OK(hd_stream_synchronize(r.stream));
    expect_words(&r, 9);
    if (v->capture_begin) {
        OK(v->capture_begin(device, r.stream->handle));
        enqueue_run(&r, MANY);
        OK(v->capture_end(device, r.stream->handle, &graph));
        expect_words(&r, 9);
        for (int i = 0; i < 4; i++) OK(v->graph_launch(device, graph, r.stream->handle));
        OK(hd_stream_synchronize(r.stream));
        expect_words(&r, 21);
        OK(v->graph_destroy(device, graph));
    }
    v->exchange_look(device, r.exchange, &w);
    assert_true(w.number == w.ended && !w.gave_up);
    end_rank(&r);
}

static void *synchronize(void *stream) { return hd_stream_synchronize(stream) == HD_OK ? stream : NULL; }

/* Looks until the wait takes long. */
static void look_long(const rank *r, hdi_device_waiting *w) {
    for (int i = 0; i < 10000; i++) {
        r->device->vtable->exchange_look(r->device, r->exchange, w);
        if (w->number != w->ended) return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail_msg("the device does not say that it waits");
}

void ranks_give_up(const hd_device *device) {
    const hdi_device_vtable *v = device->vtable;
    hdi_device_waiting w;
    pthread_t thread;
    void *ended;
    if (!v->exchange_create) return;
    rank r = make_rank(device, 2, 1);
    set_words(&r, 5);
    r.signals[MANY - 4].lag = 0; /* this one shall be 6 in run 3 */
    for (int run = 1; run <= 2; run++) OK(v->exchange_begin(device, r.exchange, r.stream->handle));
    enqueue_run(&r, MANY);
    assert_int_equal(pthread_create(&thread, NULL, synchronize, r.stream), 0);
    look_long(&r, &w);
    assert_true(w.number == 1 && !w.gave_up && w.where == 7 && w.index == MANY - 4 && w.run == 3 && w.expected == 6 &&
                w.seen == 5);
    v->exchange_stop(device, r.exchange);
    pthread_join(thread, &ended);
    assert_ptr_equal(ended, r.stream);
    v->exchange_look(device, r.exchange, &w);
    assert_true(w.gave_up && w.where == 7 && w.index == MANY - 4 && w.run == 3 && w.expected == 6 && w.seen == 5);
    expect_words(&r, 5);
    enqueue_run(&r, MANY);
    OK(hd_stream_synchronize(r.stream));
    expect_words(&r, 5);
    end_rank(&r);
}
