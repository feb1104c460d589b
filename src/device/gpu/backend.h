/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the back end of all GPU vendors: what a device and a stream are, and how a call of the vendor's library fails. Every
 * file of this folder is compiled once a vendor, into that vendor's library. */
#ifndef HDI_DEVICE_GPU_BACKEND_H
#define HDI_DEVICE_GPU_BACKEND_H

#include "device/backend.h"
#include "device/gpu/words.h"
#include "kernels/gpu/facts.h"
#include "kernels/gpu/gpu.h"

/* hd_device.state. Immutable once opened. */
typedef struct gpu_device {
    int32_t index; /* the vendor's number: hd_device.index */
    hdi_gpu_facts facts;
    const hdi_gpu_kernels *kernels;
} gpu_device;

/* A block of device memory behind a workspace. Old ones stay: recorded graphs hold their addresses. */
typedef struct gpu_work {
    void *data;
    size_t bytes;
    bool pooled; /* from the stream's pool: given back in its order */
    struct gpu_work *older;
} gpu_work;

/* A vtable's `stream`. The queue comes first: kernels get its address, and the back end the stream's from that. */
typedef struct gpu_stream {
    hdi_gpu_queue queue;
    const gpu_device *device;
    gpu_work *work[HDI_GPU_WORK_COUNT]; /* newest first */
    size_t refused;                     /* bytes of workspace that a capture asked for in vain; 0: none */
    hdi_kernel_id last;                 /* the kernel enqueued last, for messages about late errors */
    hd_status broken;                   /* of the capture under way: its first failure, */
    char broken_text[512];              /* and what that said */
} gpu_stream;

typedef struct gpu_event {
    GPU(Event_t) handle;
    bool recorded;
} gpu_event;

static inline const gpu_device *gpu_of(const hd_device *device) { return (const gpu_device *)device->state; }
static inline GPU(Stream_t) gpu_handle(const gpu_stream *stream) { return (GPU(Stream_t))stream->queue.stream; }

/* ---- errors.c ---- */

/* Sets "CUDA: CALL on cuda:1 failed: out of memory (cudaErrorMemoryAllocation)", forgets the thread's last error in the vendor's
 * library, and gives HD_OUT_OF_MEMORY or HD_DEVICE. `call` is a format: "cudaMalloc of 3.2 GB". */
hd_status gpu_fail(const gpu_device *device, GPU(Error_t) error, const char *call, ...) __attribute__((format(printf, 3, 4)));
/* The same when work that was enqueued before has failed; a vendor that can forget such an error does so now. */
hd_status gpu_fail_late(const gpu_device *device, GPU(Error_t) error, const char *call, const char *last);
/* "3.2 GB" into `text`. */
const char *gpu_bytes(char text[32], size_t bytes);
/* The thread's last message in this library. */
const char *gpu_message(void);
void gpu_set_host(const hdi_backend_host *host);

/* Calls a function of the vendor's library: GPU_TRY(device, StreamDestroy, (handle)). */
#define GPU_TRY(device, name, arguments)                                                                 \
    do {                                                                                                 \
        GPU(Error_t) gpu_error_ = GPU(name) arguments;                                                   \
        if (gpu_error_ != GPU(Success)) return gpu_fail(device, gpu_error_, "%s", GPU_SPELL(GPU(name))); \
    } while (0)

/* Makes the device current for the calling thread, in the vendor's library. */
static inline hd_status gpu_select(const gpu_device *device) {
    GPU_TRY(device, SetDevice, (device->index));
    return HD_OK;
}

/* ---- the vtable's entries, by file ---- */

/* device.c */
hd_status gpu_count(int32_t *out);
hd_status gpu_open(hd_device *device);
hd_status gpu_properties(const hd_device *device, hd_device_properties *out);
hd_status gpu_synchronize(const hd_device *device);
/* memory.c */
hd_status gpu_alloc(const hd_device *device, size_t bytes, void **out);
hd_status gpu_free(const hd_device *device, void *memory);
hd_status gpu_host_alloc(const hd_device *device, size_t bytes, void **out);
hd_status gpu_host_free(const hd_device *device, void *memory);
hd_status gpu_copy(const hd_device *device, void *dst, const void *src, size_t bytes, hdi_copy_kind kind);
hd_status gpu_set(const hd_device *device, void *dst, int value, size_t bytes);
hd_status gpu_copy_async(const hd_device *device, void *stream, void *dst, const void *src, size_t bytes, hdi_copy_kind kind);
hd_status gpu_set_async(const hd_device *device, void *stream, void *dst, int value, size_t bytes);
hd_status gpu_copy_peer(const hd_device *to, void *dst, const hd_device *from, const void *src, size_t bytes);
/* Lets the device reach another one's memory, where the hardware can. */
hd_status gpu_reach_peer(const gpu_device *device, int32_t other, bool *can);
/* share.c */
hd_status gpu_memory_share(const hd_device *device, void *memory, hdi_device_handle *out);
hd_status gpu_memory_open(const hd_device *device, const hdi_device_handle *handle, void **out);
hd_status gpu_memory_close(const hd_device *device, const hdi_device_handle *handle, void *memory);
/* exchange.c */
hd_status gpu_exchange_create(const hd_device *device, void **exchange);
hd_status gpu_exchange_destroy(const hd_device *device, void *exchange);
hd_status gpu_exchange_begin(const hd_device *device, void *exchange, void *stream);
hd_status gpu_exchange_wait(const hd_device *device, void *exchange, void *stream, const hdi_device_signal *signals, int n,
                            uint32_t where);
hd_status gpu_exchange_raise(const hd_device *device, void *exchange, void *stream, const hdi_device_signal *signals, int n);
void gpu_exchange_look(const hd_device *device, void *exchange, hdi_device_waiting *out);
void gpu_exchange_stop(const hd_device *device, void *exchange);
/* stream.c */
hd_status gpu_stream_create(const hd_device *device, void **stream);
hd_status gpu_stream_destroy(const hd_device *device, void *stream);
hd_status gpu_stream_synchronize(const hd_device *device, void *stream);
hd_status gpu_event_create(const hd_device *device, void **event);
hd_status gpu_event_destroy(const hd_device *device, void *event);
hd_status gpu_event_record(const hd_device *device, void *event, void *stream);
hd_status gpu_event_wait(const hd_device *device, void *event, void *stream);
hd_status gpu_event_synchronize(const hd_device *device, void *event);
hd_status gpu_event_elapsed(const hd_device *device, void *from, void *to, double *milliseconds);
/* launch.c */
hd_status gpu_launch_kernel(const hd_device *device, void *stream, hdi_kernel_id kernel, const hdi_kernel_call *call);
hd_status gpu_launch_group(const hd_device *device, void *stream, hdi_group_kind kind, const hdi_kernel_call *calls, int n,
                           bool *done);
const char *gpu_kernel_name(hdi_kernel_id kernel);
/* capture.c */
hd_status gpu_capture_begin(const hd_device *device, void *stream);
hd_status gpu_capture_end(const hd_device *device, void *stream, void **graph);
hd_status gpu_graph_launch(const hd_device *device, void *graph, void *stream);
hd_status gpu_graph_destroy(const hd_device *device, void *graph);
/* program.c */
hd_status gpu_program_create(const hd_device *device, void *stream, const hdi_device_unit *units, int n, int *taken,
                             void **program);
hd_status gpu_program_launch(const hd_device *device, void *program, void *stream);
hd_status gpu_program_destroy(const hd_device *device, void *program);
/* Notes a failure of something enqueued while a capture is under way: it makes the capture worthless. Gives `status`. */
hd_status gpu_enqueued(gpu_stream *stream, hd_status status);

/* workspace.c: hdi_gpu_queue.workspace, and the end of all of a stream's. */
int gpu_workspace(hdi_gpu_queue *queue, int what, size_t bytes, void **out);
hd_status gpu_workspace_free(gpu_stream *stream);

/* tables.cpp: the kernels of a device. */
const hdi_gpu_kernels *gpu_kernels_of(int32_t index);

#endif
