/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory behind one interface: `naive` asks the device each time, `caching` keeps freed blocks for later requests.
 *
 * One thread at a time: the runtime holds its device's lock. On a device that works behind the host's back, a freed block may
 * still be in use by its stream: it is handed out again only on that stream, where the order of work makes that safe, or after
 * the stream was synchronised for good. */
#ifndef HDI_RUNTIME_ALLOCATOR_H
#define HDI_RUNTIME_ALLOCATOR_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"

/* Memory handed out. A plain value: whoever holds it gives it back once. */
typedef struct hdi_block {
    void *data;
    size_t bytes;    /* asked for */
    size_t reserved; /* taken from the device: at least `bytes` */
    uint64_t stream; /* id of the stream that it was asked for on; 0: any */
} hdi_block;

typedef struct hdi_allocator hdi_allocator;

struct hdi_allocator {
    hd_status (*alloc)(hdi_allocator *allocator, size_t bytes, uint64_t stream, hdi_block *out);
    void (*free)(hdi_allocator *allocator, hdi_block block);
    /* Gives cached blocks back to the device. */
    hd_status (*trim)(hdi_allocator *allocator);
    /* Cached blocks of `stream`, which is idle and will not come again, may serve every stream from now on. */
    void (*stream_gone)(hdi_allocator *allocator, uint64_t stream);
    void (*stats)(const hdi_allocator *allocator, hd_memory_stats *out);
    /* All blocks are back. */
    void (*destroy)(hdi_allocator *allocator);
};

/* `limit`: the most bytes that may be reserved; 0: no limit. */
hd_status hdi_allocator_create(const hd_device *device, hd_allocator_kind kind, size_t limit, hdi_allocator **out);

/* What `bytes` are rounded up to before the device is asked, so that blocks of like sizes serve each other: to an eighth of
 * a power of two below 16 MiB (at most 1/8 is lost), to 2 MiB from there on. Never less than 64. 0 when that overflows. */
size_t hdi_allocator_round(size_t bytes);

#endif
