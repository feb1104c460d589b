/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a device copies within its memory right now: the limit that decoding on it is measured against. */
#include "runtime/context.h"
#include "runtime/storage.h"

enum { ROUNDS = 5, COPIES = 4 };

static hd_status one_round(hd_stream *stream, const hdi_storage *to, const hdi_storage *from, hd_event *begin, hd_event *end,
                           double *seconds) {
    const hd_device *device = stream->device;
    double milliseconds;
    HD_TRY(hd_event_record(begin, stream));
    for (int i = 0; i < COPIES; i++)
        HD_TRY(device->vtable->copy_async(device, stream->handle, to->data, from->data, to->bytes, HDI_COPY_D2D));
    HD_TRY(hd_event_record(end, stream));
    HD_TRY(hd_event_synchronize(end));
    HD_TRY(hd_event_elapsed(begin, end, &milliseconds));
    *seconds = milliseconds * 1e-3;
    return HD_OK;
}

hd_status hd_measure_copy(const hd_device *device, size_t bytes, double *bytes_per_second) {
    hdi_storage *from = NULL, *to = NULL;
    hd_stream *stream = NULL;
    hd_event *begin = NULL, *end = NULL;
    hd_device_properties properties;
    hd_status status;
    HD_REQUIRE(device && bytes_per_second, HD_INVALID_ARGUMENT, "hd_measure_copy needs a device and a place for the result");
    *bytes_per_second = 0;
    HD_TRY(hd_device_get_properties(device, &properties));
    if (!bytes) bytes = (size_t)512 << 20;
    if (bytes > properties.memory_bytes / 8) bytes = properties.memory_bytes / 8;
    HD_TRY_GOTO(hd_stream_create(device, &stream));
    HD_TRY_GOTO(hd_event_create(device, &begin));
    HD_TRY_GOTO(hd_event_create(device, &end));
    HD_TRY_GOTO(hdi_storage_create_large(device, bytes, "a buffer to copy from", &from));
    HD_TRY_GOTO(hdi_storage_create_large(device, bytes, "a buffer to copy to", &to));
    HD_TRY_GOTO(device->vtable->set_async(device, stream->handle, from->data, 1, bytes));
    for (int round = 0; round < ROUNDS; round++) {
        double seconds;
        HD_TRY_GOTO(one_round(stream, to, from, begin, end, &seconds));
        double rate = seconds > 0 ? 2.0 * COPIES * (double)bytes / seconds : 0;
        if (rate > *bytes_per_second) *bytes_per_second = rate;
    }
    status = HD_OK;
fail:
    hd_stream_destroy(stream); /* waits for the copies */
    hd_event_destroy(begin);
    hd_event_destroy(end);
    hdi_storage_release(from);
    hdi_storage_release(to);
    return status;
}
