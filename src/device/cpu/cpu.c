/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU as a device: work runs in the calling thread as it is enqueued. Several threads on one kernel are the task layer's. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/cpu_features.h"
#include "base/memory.h"
#include "device/device.h"

static hd_status count(int32_t *out) {
    *out = 1;
    return HD_OK;
}

static hd_status open_cpu(hd_device *device) {
    (void)device;
    return HD_OK;
}

static hd_status properties(const hd_device *device, hd_device_properties *out) {
    static const int32_t lanes[HDI_ISA_COUNT] = {
        [HDI_ISA_SCALAR] = 1, [HDI_ISA_NEON] = 4, [HDI_ISA_AVX2] = 8, [HDI_ISA_AVX512] = 16};
    (void)device;
    hdi_cpu_name(out->name, sizeof out->name);
    out->memory_bytes = hdi_memory_size();
    out->units = hdi_cpu_count();
    out->lanes = lanes[hdi_isa_best()];
    return HD_OK;
}

/* ---- memory ---- */

static hd_status alloc(const hd_device *device, size_t bytes, void **out) {
    (void)device;
    return hdi_alloc_aligned(out, bytes, "CPU memory");
}

static hd_status free_memory(const hd_device *device, void *memory) {
    (void)device;
    hdi_free_aligned(memory);
    return HD_OK;
}

static hd_status copy(const hd_device *device, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    (void)device, (void)kind;
    if (bytes) memcpy(dst, src, bytes);
    return HD_OK;
}

static hd_status set(const hd_device *device, void *dst, int value, size_t bytes) {
    (void)device;
    if (bytes) memset(dst, value, bytes);
    return HD_OK;
}

static hd_status synchronize(const hd_device *device) {
    (void)device;
    return HD_OK;
}

/* ---- streams: always idle, so one handle serves all ---- */

static const char idle;

static hd_status stream_create(const hd_device *device, void **stream) {
    (void)device;
    *stream = (void *)&idle;
    return HD_OK;
}

static hd_status stream_nothing(const hd_device *device, void *stream) {
    (void)device, (void)stream;
    return HD_OK;
}

static hd_status copy_async(const hd_device *device, void *stream, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    (void)stream;
    return copy(device, dst, src, bytes, kind);
}

static hd_status set_async(const hd_device *device, void *stream, void *dst, int value, size_t bytes) {
    (void)stream;
    return set(device, dst, value, bytes);
}

/* ---- kernels ---- */

/* Scratch of kernels, one block a thread: it grows to what the thread's kernels asked for at most, and goes with the thread. */
typedef struct scratch_block {
    void *data;
    size_t bytes;
} scratch_block;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static int scratch_error;

static void scratch_free(void *p) {
    scratch_block *block = p;
    hdi_free_aligned(block->data);
    hdi_free(block);
}

static void scratch_make_key(void) { scratch_error = pthread_key_create(&scratch_key, scratch_free); }

static hd_status scratch_get(size_t bytes, void **out) {
    pthread_once(&scratch_once, scratch_make_key);
    HD_REQUIRE(!scratch_error, HD_OUT_OF_MEMORY, "the system has no thread-specific slot left for the scratch of kernels");
    scratch_block *block = pthread_getspecific(scratch_key);
    if (!block) {
        HD_TRY(hdi_calloc(&block, 1, sizeof *block, "a thread's scratch"));
        if (pthread_setspecific(scratch_key, block) != 0) {
            hdi_free(block);
            return hdi_fail(HD_OUT_OF_MEMORY, "cannot keep a thread's scratch");
        }
    }
    if (block->bytes < bytes) {
        void *data;
        HD_TRY(hdi_alloc_aligned(&data, bytes, "a thread's scratch"));
        hdi_free_aligned(block->data);
        *block = (scratch_block){data, bytes};
    }
    *out = block->data;
    return HD_OK;
}

static hd_status launch(const hd_device *device, void *stream, hdi_kernel_id kernel, const hdi_kernel_call *call) {
    hdi_kernel_work work = {0};
    void *scratch = NULL;
    (void)device, (void)stream;
    hdi_kernel_work_of(kernel)(call, &work);
    if (work.items <= 0) return HD_OK;
    if (work.scratch) HD_TRY(scratch_get(work.scratch, &scratch));
    hdi_kernel_get(kernel)(call, 0, work.items, scratch);
    return HD_OK;
}

/* ---- events: the time when they were recorded ---- */

typedef struct cpu_event {
    bool recorded;
    struct timespec at;
} cpu_event;

static hd_status event_create(const hd_device *device, void **event) {
    (void)device;
    return hdi_calloc(event, 1, sizeof(cpu_event), "an event");
}

static hd_status event_destroy(const hd_device *device, void *event) {
    (void)device;
    hdi_free(event);
    return HD_OK;
}

static hd_status event_record(const hd_device *device, void *event, void *stream) {
    cpu_event *e = event;
    (void)device, (void)stream;
    e->recorded = true;
    clock_gettime(CLOCK_MONOTONIC, &e->at);
    return HD_OK;
}

static hd_status event_wait(const hd_device *device, void *event, void *stream) {
    (void)device, (void)event, (void)stream;
    return HD_OK;
}

static hd_status event_elapsed(const hd_device *device, void *from, void *to, double *milliseconds) {
    const cpu_event *a = from, *b = to;
    (void)device;
    HD_REQUIRE(a->recorded && b->recorded, HD_INVALID_ARGUMENT, "the time between two events needs both recorded");
    *milliseconds = (double)(b->at.tv_sec - a->at.tv_sec) * 1e3 + (double)(b->at.tv_nsec - a->at.tv_nsec) * 1e-6;
    return HD_OK;
}

const hdi_device_vtable hdi_cpu_vtable = {
    .immediate = true,
    .host_visible = true,
    .count = count,
    .open = open_cpu,
    .properties = properties,
    .alloc = alloc,
    .free = free_memory,
    .host_alloc = alloc,
    .host_free = free_memory,
    .copy = copy,
    .set = set,
    .synchronize = synchronize,
    .stream_create = stream_create,
    .stream_destroy = stream_nothing,
    .stream_synchronize = stream_nothing,
    .copy_async = copy_async,
    .set_async = set_async,
    .launch = launch,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .event_wait = event_wait,
    .event_synchronize = stream_nothing,
    .event_elapsed = event_elapsed,
};
