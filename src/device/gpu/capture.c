/* SPDX-License-Identifier: Apache-2.0 */
/* What is enqueued between begin and end becomes a graph that one call runs again. */
#include <stdio.h>

#include "device/gpu/backend.h"

hd_status gpu_enqueued(gpu_stream *s, hd_status status) {
    if (status != HD_OK && s->queue.capturing && s->broken == HD_OK) {
        s->broken = status;
        snprintf(s->broken_text, sizeof s->broken_text, "%.500s", gpu_message());
    }
    return status;
}

hd_status gpu_capture_begin(const hd_device *device, void *stream) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    HD_REQUIRE(!s->queue.capturing, HD_INVALID_ARGUMENT, "a recording is under way on this stream of %s:%d already",
               GPU_TYPE_NAME, (int)d->index);
    HD_TRY(gpu_select(d));
    GPU_TRY(d, StreamBeginCapture, (gpu_handle(s), GPU(StreamCaptureModeThreadLocal)));
    s->broken = HD_OK;
    s->queue.capturing = true;
    return HD_OK;
}

hd_status gpu_capture_end(const hd_device *device, void *stream, void **graph) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    GPU(Graph_t) recorded = NULL;
    GPU(GraphExec_t) exec = NULL;
    HD_REQUIRE(s->queue.capturing, HD_INVALID_ARGUMENT, "no recording is under way on this stream of %s:%d", GPU_TYPE_NAME,
               (int)d->index);
    HD_TRY(gpu_select(d));
    s->queue.capturing = false;
    GPU(Error_t) error = GPU(StreamEndCapture)(gpu_handle(s), &recorded);
    if (s->broken == HD_OK && error == GPU(Success)) error = GPU_INSTANTIATE(&exec, recorded);
    if (recorded) (void)GPU(GraphDestroy)(recorded);
    if (s->broken != HD_OK) {
        (void)GPU(GetLastError)(); /* the recording was invalid: because of what is said now */
        return hdi_fail(s->broken, "nothing was recorded: %s", s->broken_text);
    }
    if (error != GPU(Success)) return gpu_fail(d, error, "recording a graph");
    *graph = exec;
    return HD_OK;
}

hd_status gpu_graph_launch(const hd_device *device, void *graph, void *stream) {
    const gpu_stream *s = stream;
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), GraphLaunch, ((GPU(GraphExec_t))graph, gpu_handle(s)));
    return HD_OK;
}

hd_status gpu_graph_destroy(const hd_device *device, void *graph) {
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), GraphExecDestroy, ((GPU(GraphExec_t))graph));
    return HD_OK;
}
