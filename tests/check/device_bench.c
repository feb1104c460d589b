/* SPDX-License-Identifier: Apache-2.0 */
/* Times of kernels on a device, by its own events: the best of several rounds, beside the rate at which it copies its memory. */
#include <stdio.h>
#include <string.h>

#include "check/device_test.h"

enum { ROUNDS = 8 };

typedef struct stopwatch {
    void *from, *to;
} stopwatch;

/* Enqueues the work once. */
typedef hd_status (*enqueue_fn)(hdi_check *c, void *user);

static hd_status seconds_of(hdi_check *c, const stopwatch *watch, enqueue_fn enqueue, void *user, int repeat, double *seconds) {
    const hd_device *device = c->device->device;
    void *stream = c->device->stream;
    double ms;
    HD_TRY(device->vtable->event_record(device, watch->from, stream));
    for (int i = 0; i < repeat; i++) HD_TRY(enqueue(c, user));
    HD_TRY(device->vtable->event_record(device, watch->to, stream));
    HD_TRY(device->vtable->event_synchronize(device, watch->to));
    HD_TRY(device->vtable->event_elapsed(device, watch->from, watch->to, &ms));
    *seconds = ms * 1e-3 / repeat;
    return HD_OK;
}

static hd_status best_of(hdi_check *c, enqueue_fn enqueue, void *user, double *best) {
    const hd_device *device = c->device->device;
    stopwatch watch = {0};
    double t;
    hd_status status;
    HD_TRY_GOTO(device->vtable->event_create(device, &watch.from));
    HD_TRY_GOTO(device->vtable->event_create(device, &watch.to));
    HD_TRY_GOTO(seconds_of(c, &watch, enqueue, user, 1, &t));
    HD_TRY_GOTO(seconds_of(c, &watch, enqueue, user, 1, &t));
    int repeat = t > 2e-3 ? 1 : (int)(2e-3 / (t + 1e-7)) + 1;
    *best = 1e9;
    for (int i = 0; i < (t > 0.2 ? 1 : ROUNDS); i++) {
        HD_TRY_GOTO(seconds_of(c, &watch, enqueue, user, repeat, &t));
        if (t < *best) *best = t;
    }
fail:
    if (watch.from) (void)(device->vtable->event_destroy(device, watch.from) == HD_OK);
    if (watch.to) (void)(device->vtable->event_destroy(device, watch.to) == HD_OK);
    return status;
}

/* ---- the copy rate ---- */

typedef struct copying {
    void *to, *from;
    size_t bytes;
} copying;

static hd_status enqueue_copy(hdi_check *c, void *user) {
    const copying *w = user;
    return c->device->device->vtable->copy_async(c->device->device, c->device->stream, w->to, w->from, w->bytes, HDI_COPY_D2D);
}

static hd_status measure_copy(hdi_check *c) {
    const hd_device *device = c->device->device;
    copying w = {.bytes = device->vtable->host_visible || device->type == HD_DEVICE_HOST ? (size_t)32 << 20 : (size_t)512 << 20};
    double seconds = 0;
    hd_status status;
    HD_TRY_GOTO(device->vtable->alloc(device, w.bytes, &w.from));
    HD_TRY_GOTO(device->vtable->alloc(device, w.bytes, &w.to));
    HD_TRY_GOTO(device->vtable->set(device, w.from, 1, w.bytes));
    HD_TRY_GOTO(best_of(c, enqueue_copy, &w, &seconds));
    c->device->copy_rate = 2 * (double)w.bytes / seconds;
    printf("copying %zu MiB on %s: %.1f GB/s read and written\n", w.bytes >> 20, c->device->name, c->device->copy_rate * 1e-9);
fail:
    if (w.from) (void)(device->vtable->free(device, w.from) == HD_OK);
    if (w.to) (void)(device->vtable->free(device, w.to) == HD_OK);
    return status;
}

/* ---- a kernel ---- */

static hd_status enqueue_kernel(hdi_check *c, void *user) {
    return c->device->device->vtable->launch(c->device->device, c->device->stream, c->kernel, user);
}

void device_bench(hdi_check *c, double bytes, double flops) {
    hdi_operand ops[HDI_MAX_OPERANDS];
    hdi_kernel_call call = {.operand = ops, .attr = c->attr, .n_operands = c->n};
    double seconds = 0;
    c->on_device = true;
    c->mode = "timing";
    check_snapshot(c);
    if (c->device->copy_rate == 0 && device_failed(c, measure_copy(c), "measuring the copy rate")) return;
    if (!device_prepare(c, 0)) return;
    for (int i = 0; i < c->n; i++) ops[i] = c->operand[i].op;
    device_bind(c, ops, c->n);
    hd_status status = best_of(c, enqueue_kernel, &call, &seconds);
    if (status == HD_UNSUPPORTED && c->may_lack) return;
    if (device_failed(c, status, "timing")) return;
    printf("    %-8s %12.0f ns %9.2f GB/s = %5.1f %% of its copy rate %11.2f GFLOP/s\n", c->device->name, seconds * 1e9,
           bytes / seconds * 1e-9, 100 * bytes / seconds / c->device->copy_rate, flops / seconds * 1e-9);
    fflush(stdout);
}
