/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory that kernels of a stream share for what they do not finish in one launch. It grows outside captures only, and
 * what it outgrew stays until the stream goes, since recorded graphs hold its address. */
#include "base/memory.h"
#include "device/gpu/backend.h"

/* Zeroed, in the stream's order; from the stream's pool where the device has such. */
static GPU(Error_t) make(gpu_stream *s, gpu_work *work) {
    GPU(Error_t) error = GPU(MallocAsync)(&work->data, work->bytes, gpu_handle(s));
    work->pooled = error == GPU(Success);
    if (error == GPU(ErrorNotSupported)) {
        (void)GPU(GetLastError)();
        error = GPU(Malloc)(&work->data, work->bytes);
    }
    return error == GPU(Success) ? GPU(MemsetAsync)(work->data, 0, work->bytes, gpu_handle(s)) : error;
}

static GPU(Error_t) drop(gpu_stream *s, gpu_work *work) {
    GPU(Error_t) error = GPU(Success);
    if (work->data) error = work->pooled ? GPU(FreeAsync)(work->data, gpu_handle(s)) : GPU(Free)(work->data);
    hdi_free(work);
    return error;
}

int gpu_workspace(hdi_gpu_queue *queue, int what, size_t bytes, void **out) {
    gpu_stream *s = (gpu_stream *)queue;
    gpu_work *fresh, *newest = s->work[what];
    if (newest && newest->bytes >= bytes) {
        *out = newest->data;
        return GPU(Success);
    }
    if (queue->capturing) {
        s->refused = bytes;
        return GPU(ErrorMemoryAllocation);
    }
    if (hdi_calloc(&fresh, 1, sizeof *fresh, "a workspace") != HD_OK) return GPU(ErrorMemoryAllocation);
    fresh->bytes =
        hdi_align_up(newest && newest->bytes + newest->bytes / 2 > bytes ? newest->bytes + newest->bytes / 2 : bytes, 65536);
    GPU(Error_t) error = make(s, fresh);
    if (error != GPU(Success)) {
        (void)drop(s, fresh);
        return error;
    }
    fresh->older = newest;
    s->work[what] = fresh;
    *out = fresh->data;
    return GPU(Success);
}

hd_status gpu_workspace_free(gpu_stream *s) {
    GPU(Error_t) error = GPU(Success);
    for (int what = 0; what < HDI_GPU_WORK_COUNT; what++)
        while (s->work[what]) {
            gpu_work *work = s->work[what];
            s->work[what] = work->older;
            GPU(Error_t) e = drop(s, work);
            if (error == GPU(Success)) error = e;
        }
    return error == GPU(Success) ? HD_OK : gpu_fail(s->device, error, "freeing a stream's workspaces");
}
