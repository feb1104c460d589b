/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, each with what kernels need to know of it, and events. */
#include "base/memory.h"
#include "device/gpu/backend.h"
#include "kernels/gpu/blas.h"

hd_status gpu_stream_create(const hd_device *device, void **stream) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s;
    GPU(Stream_t) handle;
    HD_TRY(gpu_select(d));
    HD_TRY(hdi_calloc(&s, 1, sizeof *s, "a stream"));
    GPU(Error_t) error = GPU(StreamCreateWithFlags)(&handle, GPU(StreamNonBlocking));
    if (error != GPU(Success)) {
        hdi_free(s);
        return gpu_fail(d, error, "%s", GPU_SPELL(GPU(StreamCreateWithFlags)));
    }
    s->device = d;
    s->last = HDI_KERNEL_NONE;
    s->queue = (hdi_gpu_queue){
        .stream = handle,
        .units = d->facts.units,
        .major = d->facts.major,
        .minor = d->facts.minor,
        .shared_limit = d->facts.shared_limit,
        .cache_bytes = d->facts.cache_bytes,
        .overlaps = GPU_OVERLAPS(d->facts.major),
        .workspace = gpu_workspace,
    };
    error = (GPU(Error_t))hdi_gpu_blas_create(&s->queue);
    if (error != GPU(Success)) {
        hd_status status = gpu_fail(d, error, "making the matrix library ready");
        (void)GPU(StreamDestroy)(handle);
        hdi_free(s);
        return status;
    }
    *stream = s;
    return HD_OK;
}

hd_status gpu_stream_destroy(const hd_device *device, void *stream) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    HD_TRY(gpu_select(d));
    hdi_gpu_blas_destroy(&s->queue);
    hd_status status = gpu_workspace_free(s);
    GPU(Error_t) error = GPU(StreamDestroy)(gpu_handle(s));
    hdi_free(s);
    HD_TRY(status);
    return error == GPU(Success) ? HD_OK : gpu_fail(d, error, "%s", GPU_SPELL(GPU(StreamDestroy)));
}

hd_status gpu_stream_synchronize(const hd_device *device, void *stream) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    if (s->queue.capturing)
        return gpu_enqueued(s, hdi_fail(HD_INVALID_ARGUMENT, "nothing can be waited for while a recording is under way on %s:%d",
                                        GPU_TYPE_NAME, (int)d->index));
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(StreamSynchronize)(gpu_handle(s));
    return error == GPU(Success) ? HD_OK : gpu_fail_late(d, error, GPU_SPELL(GPU(StreamSynchronize)), gpu_kernel_name(s->last));
}

/* ---- events ---- */

hd_status gpu_event_create(const hd_device *device, void **event) {
    const gpu_device *d = gpu_of(device);
    gpu_event *e;
    HD_TRY(gpu_select(d));
    HD_TRY(hdi_calloc(&e, 1, sizeof *e, "an event"));
    GPU(Error_t) error = GPU(EventCreate)(&e->handle);
    if (error != GPU(Success)) {
        hdi_free(e);
        return gpu_fail(d, error, "%s", GPU_SPELL(GPU(EventCreate)));
    }
    *event = e;
    return HD_OK;
}

hd_status gpu_event_destroy(const hd_device *device, void *event) {
    gpu_event *e = event;
    GPU(Event_t) handle = e->handle;
    hdi_free(e);
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), EventDestroy, (handle));
    return HD_OK;
}

hd_status gpu_event_record(const hd_device *device, void *event, void *stream) {
    gpu_event *e = event;
    gpu_stream *s = stream;
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), EventRecord, (e->handle, gpu_handle(s)));
    e->recorded = true;
    return HD_OK;
}

hd_status gpu_event_wait(const hd_device *device, void *event, void *stream) {
    const gpu_event *e = event;
    const gpu_stream *s = stream;
    if (!e->recorded) return HD_OK;
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), StreamWaitEvent, (gpu_handle(s), e->handle, 0));
    return HD_OK;
}

hd_status gpu_event_synchronize(const hd_device *device, void *event) {
    const gpu_event *e = event;
    if (!e->recorded) return HD_OK;
    HD_TRY(gpu_select(gpu_of(device)));
    GPU(Error_t) error = GPU(EventSynchronize)(e->handle);
    return error == GPU(Success) ? HD_OK : gpu_fail_late(gpu_of(device), error, GPU_SPELL(GPU(EventSynchronize)), NULL);
}

hd_status gpu_event_elapsed(const hd_device *device, void *from, void *to, double *milliseconds) {
    const gpu_event *a = from, *b = to;
    float ms = 0;
    HD_REQUIRE(a->recorded && b->recorded, HD_INVALID_ARGUMENT, "the time between two events needs both recorded");
    HD_TRY(gpu_event_synchronize(device, from));
    HD_TRY(gpu_event_synchronize(device, to));
    GPU_TRY(gpu_of(device), EventElapsedTime, (&ms, a->handle, b->handle));
    *milliseconds = ms < 0 ? 0 : (double)ms;
    return HD_OK;
}
