/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and events: the back end's handles with the device they belong to. */
#include <stdatomic.h>

#include "base/memory.h"
#include "runtime/context.h"
#include "runtime/runtime.h"

hd_status hd_stream_create(const hd_device *device, hd_stream **out) {
    static _Atomic uint64_t last_id;
    hd_stream *stream;
    HD_REQUIRE(device, HD_INVALID_ARGUMENT, "hd_stream_create: no device was given");
    HD_TRY(hdi_calloc(&stream, 1, sizeof *stream, "a stream"));
    stream->device = device;
    stream->id = atomic_fetch_add(&last_id, 1) + 1;
    hd_status status = device->vtable->stream_create(device, &stream->handle);
    if (status != HD_OK) {
        hdi_free(stream);
        return status;
    }
    *out = stream;
    return HD_OK;
}

void hd_stream_destroy(hd_stream *stream) {
    if (!stream) return;
    hdi_context_forget(stream);
    (void)stream->device->vtable->stream_synchronize(stream->device, stream->handle); /* an error here has nobody to hear it */
    hdi_runtime_stream_gone(stream->device, stream->id);
    (void)stream->device->vtable->stream_destroy(stream->device, stream->handle);
    hdi_free(stream);
}

hd_status hd_stream_synchronize(hd_stream *stream) {
    HD_REQUIRE(stream, HD_INVALID_ARGUMENT, "hd_stream_synchronize: no stream was given");
    return stream->device->vtable->stream_synchronize(stream->device, stream->handle);
}

hd_status hd_event_create(const hd_device *device, hd_event **out) {
    hd_event *event;
    HD_REQUIRE(device, HD_INVALID_ARGUMENT, "hd_event_create: no device was given");
    HD_TRY(hdi_calloc(&event, 1, sizeof *event, "an event"));
    event->device = device;
    hd_status status = device->vtable->event_create(device, &event->handle);
    if (status != HD_OK) {
        hdi_free(event);
        return status;
    }
    *out = event;
    return HD_OK;
}

void hd_event_destroy(hd_event *event) {
    if (!event) return;
    (void)event->device->vtable->event_destroy(event->device, event->handle);
    hdi_free(event);
}

static hd_status check_pair(const char *function, const hd_event *event, const hd_stream *stream) {
    HD_REQUIRE(event && stream, HD_INVALID_ARGUMENT, "%s: an event and a stream are needed", function);
    HD_REQUIRE(event->device == stream->device, HD_INVALID_ARGUMENT, "%s: the event is of %s, the stream of %s", function,
               hdi_device_text(event->device), hdi_device_text(stream->device));
    return HD_OK;
}

hd_status hd_event_record(hd_event *event, hd_stream *stream) {
    HD_TRY(check_pair("hd_event_record", event, stream));
    return event->device->vtable->event_record(event->device, event->handle, stream->handle);
}

hd_status hd_event_wait(hd_event *event, hd_stream *stream) {
    HD_TRY(check_pair("hd_event_wait", event, stream));
    return event->device->vtable->event_wait(event->device, event->handle, stream->handle);
}

hd_status hd_event_synchronize(hd_event *event) {
    HD_REQUIRE(event, HD_INVALID_ARGUMENT, "hd_event_synchronize: no event was given");
    return event->device->vtable->event_synchronize(event->device, event->handle);
}

hd_status hd_event_elapsed(hd_event *from, hd_event *to, double *milliseconds) {
    HD_REQUIRE(from && to && milliseconds, HD_INVALID_ARGUMENT,
               "hd_event_elapsed: two events and a place for the time are needed");
    HD_REQUIRE(from->device == to->device, HD_INVALID_ARGUMENT, "hd_event_elapsed: one event is of %s, the other of %s",
               hdi_device_text(from->device), hdi_device_text(to->device));
    return from->device->vtable->event_elapsed(from->device, from->handle, to->handle, milliseconds);
}
