/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, and the calling thread's context: where tensors live and where operators run.
 *
 * A back end fills one vtable (src/device/device.h); the CPU is always there. A thread has a current device and stream; the
 * runtime behind a device is made when it is first used, once a process, and shared by all threads. */
#ifndef HEDDLE_DEVICE_H
#define HEDDLE_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hd_device_type {
    HD_DEVICE_CPU = 0,
    HD_DEVICE_CUDA = 1, /* NVIDIA, through libheddle-cuda.so */
    HD_DEVICE_MACA = 2, /* MetaX, through libheddle-maca.so */
    HD_DEVICE_HOST = 3, /* the GPU kernels run by the CPU, a fiber a GPU thread, for tests: host:0 has 32 lanes, host:1 has 64 */
    HD_DEVICE_TYPE_COUNT
} hd_device_type;

/* One device. Immutable; lives as long as the process; pointers are borrowed and compare equal for the same device. */
typedef struct hd_device hd_device;

typedef struct hd_device_properties {
    char name[128];          /* for people: "AMD EPYC 9354" */
    size_t memory_bytes;     /* of the device (for the CPU: usable main memory, container limits respected) */
    int32_t units;           /* CPU cores this process may use; multiprocessors of a GPU */
    int32_t lanes;           /* f32 lanes of the widest kernels in use; lanes of a warp or wave */
} hd_device_properties;

/* "cpu", "cuda", "maca", "host". */
HD_API const char *hd_device_type_name(hd_device_type type);
/* How many devices of a type are there; 0 when there is no driver or no back end. Back ends are looked for and loaded when their
 * type is first asked for, here or below. Thread-safe. */
HD_API int32_t hd_device_count(hd_device_type type);
/* Why there is no device of a type: a sentence, valid until the process ends ("the NVIDIA driver is too old: ..."); NULL when there
 * are some. Thread-safe. */
HD_API const char *hd_device_absence(hd_device_type type);
/* The index-th device of a type. HD_NOT_FOUND, with a message that says why there is none of this type, or which there are.
 * Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_device_get(hd_device_type type, int32_t index, const hd_device **out);
/* From a name: "cpu", "cuda", "cuda:1". Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_device_parse(const char *name, const hd_device **out);
HD_API hd_device_type hd_device_get_type(const hd_device *device);
HD_API int32_t hd_device_get_index(const hd_device *device);
HD_API HD_CHECK_RESULT hd_status hd_device_get_properties(const hd_device *device, hd_device_properties *out);

/* ---- the calling thread's context ---- */

/* Makes `device` current for this thread. A fresh thread starts on the CPU. */
HD_API HD_CHECK_RESULT hd_status hd_set_device(const hd_device *device);
HD_API const hd_device *hd_current_device(void);
/* Waits for all work on all streams of the current device and reports its first asynchronous error. */
HD_API HD_CHECK_RESULT hd_status hd_synchronize(void);

/* ---- streams and events: work in order ----
 * One thread at a time. The CPU runs work as it is enqueued, so its streams are always idle; code written for streams is
 * correct on it unchanged. Asynchronous errors stick to the stream and surface at its next synchronisation. */
typedef struct hd_stream hd_stream;
typedef struct hd_event hd_event;

HD_API HD_CHECK_RESULT hd_status hd_stream_create(const hd_device *device, hd_stream **out);
HD_API void hd_stream_destroy(hd_stream *stream); /* waits for its work; NULL is legal */
HD_API HD_CHECK_RESULT hd_status hd_stream_synchronize(hd_stream *stream);
/* Makes `stream` current for this thread (NULL: the device's default stream). It must belong to the current device. */
HD_API HD_CHECK_RESULT hd_status hd_set_stream(hd_stream *stream);
HD_API hd_stream *hd_current_stream(void); /* borrowed, never NULL */

HD_API HD_CHECK_RESULT hd_status hd_event_create(const hd_device *device, hd_event **out);
HD_API void hd_event_destroy(hd_event *event); /* NULL is legal */
HD_API HD_CHECK_RESULT hd_status hd_event_record(hd_event *event, hd_stream *stream);
HD_API HD_CHECK_RESULT hd_status hd_event_wait(hd_event *event, hd_stream *stream); /* later work of `stream` waits */
HD_API HD_CHECK_RESULT hd_status hd_event_synchronize(hd_event *event);
/* Milliseconds between two recorded events of one device. */
HD_API HD_CHECK_RESULT hd_status hd_event_elapsed(hd_event *from, hd_event *to, double *milliseconds);

/* ---- memory ---- */

/* Kinds of allocators; both give 64-byte aligned blocks. */
typedef enum hd_allocator_kind {
    HD_ALLOCATOR_NAIVE = 0,   /* asks the device each time */
    HD_ALLOCATOR_CACHING = 1, /* keeps freed blocks for the next request of a like size */
} hd_allocator_kind;

typedef struct hd_memory_stats {
    size_t in_use;      /* bytes handed out now */
    size_t peak;        /* the most that was ever in use */
    size_t reserved;    /* bytes held from the device, cached ones included */
    size_t limit;       /* the most that may be reserved; 0: no limit */
    uint64_t requests;  /* allocations served */
    uint64_t hits;      /* of these, from the cache */
} hd_memory_stats;

/* Chooses a device's allocator (caching, unlimited, is the default). HD_INVALID_ARGUMENT while blocks are in use. Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_memory_configure(const hd_device *device, hd_allocator_kind kind, size_t limit);
HD_API HD_CHECK_RESULT hd_status hd_memory_get_stats(const hd_device *device, hd_memory_stats *out);
/* Gives cached blocks back to the device. */
HD_API HD_CHECK_RESULT hd_status hd_memory_trim(const hd_device *device);

/* ---- limits ---- */

/* Measures how fast `threads` threads (>= 1) read main memory right now: reads a buffer of `bytes` (0: a size well beyond the
 * caches) several times and gives the best rate. Takes some tenths of a second, and the memory while it does. Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_measure_bandwidth(int32_t threads, size_t bytes, double *bytes_per_second);
/* Measures how many f32 operations a second `threads` threads (>= 1) do in fused multiply-adds, two each, with the widest
 * instructions that kernels use here. Takes some tens of milliseconds. Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_measure_flops(int32_t threads, double *flops_per_second);
/* Measures how fast a device copies within its memory: bytes read and written a second, the best of several copies of `bytes` (0:
 * 512 MiB; at most an eighth of the memory, twice). Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_measure_copy(const hd_device *device, size_t bytes, double *bytes_per_second);
/* The same between the device and page-locked memory of the host, each way (0: 128 MiB). Thread-safe. */
HD_API HD_CHECK_RESULT hd_status hd_measure_transfer(const hd_device *device, size_t bytes, double *to_device, double *from_device);

#ifdef __cplusplus
}
#endif
#endif
