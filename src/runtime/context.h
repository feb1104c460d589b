/* SPDX-License-Identifier: Apache-2.0 */
/* The calling thread's context: its current device and stream, and its own default stream on each device it used.
 *
 * Default streams belong to a thread, not to a device: a stream is used by one thread at a time, so a shared one would need
 * a lock on every launch. They go with the thread. */
#ifndef HDI_RUNTIME_CONTEXT_H
#define HDI_RUNTIME_CONTEXT_H

#include "device/device.h"

struct hd_stream {
    const hd_device *device;
    void *handle; /* the back end's */
    uint64_t id;  /* never used twice in a process; names the stream to allocators */
};

struct hd_event {
    const hd_device *device;
    void *handle;
};

/* The stream on which work for `device` goes in this thread: the current stream when it is of that device, else the
 * thread's default stream there, made on first use. Borrowed. */
hd_status hdi_stream_for(const hd_device *device, hd_stream **out);

/* When `stream` is the thread's current one, which is about to be destroyed: its device's default stream takes its place. */
void hdi_context_forget(const hd_stream *stream);

/* Enqueues a kernel on a stream. */
static inline hd_status hdi_launch(hd_stream *stream, hdi_kernel_id kernel, const hdi_kernel_call *call) {
    return stream->device->vtable->launch(stream->device, stream->handle, kernel, call);
}

#endif
