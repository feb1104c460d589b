/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a device copies right now: within its memory, which is the limit that decoding on it is measured against, and from and
 * to the host. */
#include <string.h>

#include "runtime/context.h"
#include "runtime/storage.h"

enum { ROUNDS = 5, COPIES = 4 };

/* Two places to copy between, and what times it. */
typedef struct probe {
    const hd_device *device;
    hd_stream *stream;
    hd_event *begin, *end;
    void *to, *from;
    size_t bytes;
    hdi_copy_kind kind;
} probe;

static hd_status one_round(const probe *p, double *seconds) {
    double milliseconds;
    HD_TRY(hd_event_record(p->begin, p->stream));
    for (int i = 0; i < COPIES; i++)
        HD_TRY(p->device->vtable->copy_async(p->device, p->stream->handle, p->to, p->from, p->bytes, p->kind));
    HD_TRY(hd_event_record(p->end, p->stream));
    HD_TRY(hd_event_synchronize(p->end));
    HD_TRY(hd_event_elapsed(p->begin, p->end, &milliseconds));
    *seconds = milliseconds * 1e-3;
    return HD_OK;
}

static hd_status best_rate(probe *p, void *to, void *from, hdi_copy_kind kind, double *bytes_per_second) {
    double moved = (kind == HDI_COPY_D2D ? 2.0 : 1.0) * COPIES * (double)p->bytes;
    p->to = to;
    p->from = from;
    p->kind = kind;
    for (int round = 0; round < ROUNDS; round++) {
        double seconds;
        HD_TRY(one_round(p, &seconds));
        double rate = seconds > 0 ? moved / seconds : 0;
        if (rate > *bytes_per_second) *bytes_per_second = rate;
    }
    return HD_OK;
}

/* `bytes`, or as many as are no burden; a stream and events. Destroyed by the caller, also after a failure. */
static hd_status set_up(probe *p, const hd_device *device, size_t bytes) {
    hd_device_properties properties;
    p->device = device;
    HD_TRY(hd_device_get_properties(device, &properties));
    p->bytes = bytes ? bytes : (size_t)512 << 20;
    if (p->bytes > properties.memory_bytes / 8) p->bytes = properties.memory_bytes / 8;
    HD_TRY(hd_stream_create(device, &p->stream));
    HD_TRY(hd_event_create(device, &p->begin));
    return hd_event_create(device, &p->end);
}

static void tear_down(probe *p) {
    hd_stream_destroy(p->stream); /* waits for the copies */
    hd_event_destroy(p->begin);
    hd_event_destroy(p->end);
}

hd_status hd_measure_copy(const hd_device *device, size_t bytes, double *bytes_per_second) {
    hdi_storage *from = NULL, *to = NULL;
    probe p = {0};
    hd_status status;
    HD_REQUIRE(device && bytes_per_second, HD_INVALID_ARGUMENT, "hd_measure_copy needs a device and a place for the result");
    *bytes_per_second = 0;
    HD_TRY_GOTO(set_up(&p, device, bytes));
    HD_TRY_GOTO(hdi_storage_create_large(device, p.bytes, "a buffer to copy from", &from));
    HD_TRY_GOTO(hdi_storage_create_large(device, p.bytes, "a buffer to copy to", &to));
    HD_TRY_GOTO(device->vtable->set_async(device, p.stream->handle, from->data, 1, p.bytes));
    HD_TRY_GOTO(best_rate(&p, to->data, from->data, HDI_COPY_D2D, bytes_per_second));
    status = HD_OK;
fail:
    tear_down(&p);
    hdi_storage_release(from);
    hdi_storage_release(to);
    return status;
}

hd_status hd_measure_transfer(const hd_device *device, size_t bytes, double *to_device, double *from_device) {
    hdi_storage *there = NULL, *here = NULL;
    probe p = {0};
    hd_status status;
    HD_REQUIRE(device && to_device && from_device, HD_INVALID_ARGUMENT,
               "hd_measure_transfer needs a device and places for its results");
    *to_device = *from_device = 0;
    HD_TRY_GOTO(set_up(&p, device, bytes ? bytes : (size_t)128 << 20));
    HD_TRY_GOTO(hdi_storage_create_large(device, p.bytes, "a buffer on the device", &there));
    HD_TRY_GOTO(hdi_storage_create_host(device, p.bytes, &here));
    memset(here->data, 1, p.bytes);
    HD_TRY_GOTO(best_rate(&p, there->data, here->data, HDI_COPY_H2D, to_device));
    HD_TRY_GOTO(best_rate(&p, here->data, there->data, HDI_COPY_D2H, from_device));
    status = HD_OK;
fail:
    tear_down(&p);
    hdi_storage_release(there);
    hdi_storage_release(here);
    return status;
}
