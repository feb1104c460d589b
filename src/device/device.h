/* SPDX-License-Identifier: Apache-2.0 */
/* What a back end fills to become a device of Heddle, and the registry that finds devices by type and number.
 *
 * Everything above this layer (runtimes, tensors, operators, executors) talks to hardware through this one table, so a new
 * kind of device is a folder here and nothing else. docs/device.md says how to add one. */
#ifndef HDI_DEVICE_DEVICE_H
#define HDI_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "heddle/device.h"
#include "kernels/group.h"
#include "kernels/kernel.h"

/* Where the two ends of a copy are: host to host, host to device, and so on. Both ends of D2D are on the same device. */
typedef enum hdi_copy_kind { HDI_COPY_H2H, HDI_COPY_H2D, HDI_COPY_D2H, HDI_COPY_D2D, HDI_COPY_KIND_COUNT } hdi_copy_kind;

/* A unit of a program: one call, or the calls of a group. */
typedef struct hdi_device_unit {
    int32_t group;        /* hdi_group_kind; -1: a single call */
    hdi_kernel_id kernel; /* of a single call */
    const hdi_kernel_call *calls;
    int32_t n;
    int32_t wait; /* the unit that must have ended before this one begins, and with it all units before; -1: none */
} hdi_device_unit;

/* What a device's memory is called for other processes of this machine: opaque. */
typedef struct hdi_device_handle {
    _Alignas(8) unsigned char bytes[128];
} hdi_device_handle;

/* A 64-bit counter in device memory, of this device or of another rank's, as the runs of a plan use it: run number `run` raises
 * it to run x chunks, or waits until it is at least (run - lag) x chunks; runs up to number `lag` wait for nothing. */
typedef struct hdi_device_signal {
    void *word;
    uint32_t chunks, lag;
} hdi_device_signal;

/* What a device says of the wait that it is in, or that it gave up. */
typedef struct hdi_device_waiting {
    uint64_t number;         /* of waits that took long, from 1; 0: there was none. The same number: the same wait */
    uint64_t ended;          /* the number of the last one that has ended; a wait is going on where that is not `number` */
    bool gave_up;            /* it was told to stop: nothing later waits, and nothing was raised since */
    uint32_t where, index;   /* as given: which wait, which of its signals */
    uint64_t run;            /* run of the wait */
    uint64_t expected, seen; /* the counter: a wait that goes on says what it saw when it began to take long */
} hdi_device_waiting;

/* A back end. Every entry is filled but those that say otherwise; each returns a status and, on failure, sets a message that
 * carries the vendor's own text. All entries are thread-safe, except that a stream or an event is used by one thread at a time.
 * `stream` and `event` are the back end's own handles, never NULL. */
typedef struct hdi_device_vtable {
    /* Work is finished when the call that enqueued it returns, as on the CPU: memory may be used again at once. */
    bool immediate;
    /* Host code may read and write device memory directly. */
    bool host_visible;

    /* How many devices the machine has; 0 is not an error. */
    hd_status (*count)(int32_t *out);
    /* Fills device->state; called once a device, before anything else. */
    hd_status (*open)(hd_device *device);
    hd_status (*properties)(const hd_device *device, hd_device_properties *out);

    /* Device memory, at least 64-byte aligned; zero bytes give a valid address. `free` may wait for the device's work. */
    hd_status (*alloc)(const hd_device *device, size_t bytes, void **out);
    hd_status (*free)(const hd_device *device, void *memory);
    /* Host memory that asynchronous copies of this device run from at full speed (page-locked where that has a meaning). */
    hd_status (*host_alloc)(const hd_device *device, size_t bytes, void **out);
    hd_status (*host_free)(const hd_device *device, void *memory);

    /* Synchronous: done when the call returns. The ranges must not overlap. */
    hd_status (*copy)(const hd_device *device, void *dst, const void *src, size_t bytes, hdi_copy_kind kind);
    hd_status (*set)(const hd_device *device, void *dst, int value, size_t bytes);
    /* The same from another device of this back end. NULL: copies between two devices go through host memory. */
    hd_status (*copy_peer)(const hd_device *to, void *dst, const hd_device *from, const void *src, size_t bytes);
    /* Waits for all streams of the device; reports the first error of work that was still running. */
    hd_status (*synchronize)(const hd_device *device);

    hd_status (*stream_create)(const hd_device *device, void **stream);
    hd_status (*stream_destroy)(const hd_device *device, void *stream); /* idle by now */
    hd_status (*stream_synchronize)(const hd_device *device, void *stream);
    hd_status (*copy_async)(const hd_device *device, void *stream, void *dst, const void *src, size_t bytes, hdi_copy_kind kind);
    hd_status (*set_async)(const hd_device *device, void *stream, void *dst, int value, size_t bytes);
    /* Enqueues a kernel over all its items. The call, its operands and attributes are read before launch returns.
     * HD_UNSUPPORTED when this device has no such kernel. */
    hd_status (*launch)(const hd_device *device, void *stream, hdi_kernel_id kernel, const hdi_kernel_call *call);
    /* Enqueues a group (kernels/groups.def) of `n` calls as one, if the device has a way for these; else *done is false and
     * nothing was enqueued: launch the steps one by one. NULL: it never has. */
    hd_status (*launch_group)(const hd_device *device, void *stream, hdi_group_kind kind, const hdi_kernel_call *calls, int n,
                              bool *done);

    /* Between begin and end, what is enqueued on the stream is recorded instead of run: a graph that graph_launch runs any number
     * of times, with the same addresses. A capture that hears an error ends with nothing recorded. NULL where there are no such
     * graphs. */
    hd_status (*capture_begin)(const hd_device *device, void *stream);
    hd_status (*capture_end)(const hd_device *device, void *stream, void **graph);
    hd_status (*graph_launch)(const hd_device *device, void *graph, void *stream);
    hd_status (*graph_destroy)(const hd_device *device, void *graph);

    /* A program: units that one launch of a persistent kernel walks through. It takes as many of the first units as it has a way
     * for: *taken of them; fewer than two are none, and *program is NULL. Calls, operands and attributes are read before it
     * returns; addresses and sizes stay those. It allocates, so not between capture_begin and capture_end; launches may be
     * recorded. One run of a program at a time. NULL where there is no such kernel. */
    hd_status (*program_create)(const hd_device *device, void *stream, const hdi_device_unit *units, int n, int *taken,
                                void **program);
    hd_status (*program_launch)(const hd_device *device, void *program, void *stream);
    hd_status (*program_destroy)(const hd_device *device, void *program); /* idle by now */

    hd_status (*event_create)(const hd_device *device, void **event);
    hd_status (*event_destroy)(const hd_device *device, void *event);
    hd_status (*event_record)(const hd_device *device, void *event, void *stream);
    /* Later work of `stream` waits for the work before the event's last record; an event never recorded is no wait. */
    hd_status (*event_wait)(const hd_device *device, void *event, void *stream);
    hd_status (*event_synchronize)(const hd_device *device, void *event);
    /* HD_INVALID_ARGUMENT when one of them was never recorded. */
    hd_status (*event_elapsed)(const hd_device *device, void *from, void *to, double *milliseconds);

    /* ---- several ranks (docs/gpu.md); NULL, all of them, where a device cannot ---- */

    /* A handle of memory from `alloc`, which nothing may use meanwhile; it is good until the memory is freed. */
    hd_status (*memory_share)(const hd_device *device, void *memory, hdi_device_handle *out);
    /* That memory as `device` reaches it; the process may be the one that shared it. HD_UNSUPPORTED, and what stands in the way,
     * when it cannot be reached. Closed before the memory is freed. */
    hd_status (*memory_open)(const hd_device *device, const hdi_device_handle *handle, void **out);
    hd_status (*memory_close)(const hd_device *device, const hdi_device_handle *handle, void *memory);

    /* One rank's runs on one stream: it counts them in device memory, so that all of this may be recorded. */
    hd_status (*exchange_create)(const hd_device *device, void **exchange);
    hd_status (*exchange_destroy)(const hd_device *device, void *exchange); /* idle by now */
    /* Enqueued: a run begins, the first one is number 1. */
    hd_status (*exchange_begin)(const hd_device *device, void *exchange, void *stream);
    /* Enqueued: later work waits for all `n` signals of this device's memory, and then sees what was written before they were
     * raised. The signals are read before it returns; `where` is for exchange_look. */
    hd_status (*exchange_wait)(const hd_device *device, void *exchange, void *stream, const hdi_device_signal *signals, int n,
                               uint32_t where);
    /* Enqueued: raises the signals, in whoever's memory; who sees them sees what earlier work of the stream wrote. */
    hd_status (*exchange_raise)(const hd_device *device, void *exchange, void *stream, const hdi_device_signal *signals, int n);
    /* Asks nothing of the device. Any thread, also while the device works. */
    void (*exchange_look)(const hd_device *device, void *exchange, hdi_device_waiting *out);
    /* A wait that goes on, or would begin, gives up: for ever. Any thread. */
    void (*exchange_stop)(const hd_device *device, void *exchange);
} hdi_device_vtable;

struct hd_device {
    const hdi_device_vtable *vtable;
    void *state; /* the back end's own; set by its `open` */
    hd_device_type type;
    int32_t index;
    int32_t ordinal; /* 0, 1, 2 ... over all devices of the process, in the order of registration */
};

enum { HDI_MAX_DEVICES = 64 }; /* of a process, all types together */

/* Makes the devices of a back end known: asks it how many there are and opens each. Once a type; HD_INVALID_ARGUMENT the
 * second time. On failure none of them is known. `vtable` must live as long as the process. Thread-safe. */
hd_status hdi_device_register(hd_device_type type, const hdi_device_vtable *vtable);

/* How many devices there are of all types, and the one of an ordinal (NULL beyond the last). Thread-safe. */
int32_t hdi_device_total(void);
const hd_device *hdi_device_at(int32_t ordinal);

/* The CPU, which is always there. */
const hd_device *hdi_device_cpu(void);

/* "cuda:1", or "cpu" for the first CPU, into a thread-local buffer: for messages. */
const char *hdi_device_text(const hd_device *device);

/* The CPU's back end (device/cpu/cpu.c). */
extern const hdi_device_vtable hdi_cpu_vtable;

#endif
