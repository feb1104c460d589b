/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

#include <pthread.h>

/* One slot a device, by ordinal. The allocator is NULL until first used, and replaced only while no block of it is out. */
typedef struct slot {
    pthread_mutex_t lock;
    hdi_allocator *allocator;
} slot;

static slot slots[HDI_MAX_DEVICES] = {[0 ... HDI_MAX_DEVICES - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

/* Locks the device's slot, whether or not its allocator can be made. */
static hd_status lock_slot(const hd_device *device, slot **out) {
    slot *s = *out = &slots[device->ordinal];
    pthread_mutex_lock(&s->lock);
    return s->allocator ? HD_OK : hdi_allocator_create(device, HD_ALLOCATOR_CACHING, 0, &s->allocator);
}

hd_status hdi_runtime_alloc(const hd_device *device, size_t bytes, uint64_t stream, hdi_block *out) {
    slot *s;
    hd_status status = lock_slot(device, &s);
    if (status == HD_OK) status = s->allocator->alloc(s->allocator, bytes, stream, out);
    pthread_mutex_unlock(&s->lock);
    return status;
}

void hdi_runtime_free(const hd_device *device, hdi_block block) {
    slot *s = &slots[device->ordinal];
    pthread_mutex_lock(&s->lock);
    s->allocator->free(s->allocator, block);
    pthread_mutex_unlock(&s->lock);
}

void hdi_runtime_stream_gone(const hd_device *device, uint64_t stream) {
    slot *s = &slots[device->ordinal];
    pthread_mutex_lock(&s->lock);
    if (s->allocator) s->allocator->stream_gone(s->allocator, stream);
    pthread_mutex_unlock(&s->lock);
}

hd_status hd_memory_configure(const hd_device *device, hd_allocator_kind kind, size_t limit) {
    hdi_allocator *fresh;
    hd_memory_stats stats = {0};
    HD_REQUIRE(device, HD_INVALID_ARGUMENT, "hd_memory_configure: no device was given");
    HD_TRY(hdi_allocator_create(device, kind, limit, &fresh));
    slot *s = &slots[device->ordinal];
    pthread_mutex_lock(&s->lock);
    hdi_allocator *unused = fresh, *old = s->allocator;
    if (old) old->stats(old, &stats);
    if (stats.in_use == 0) {
        s->allocator = fresh;
        unused = old;
    }
    pthread_mutex_unlock(&s->lock);
    if (unused) unused->destroy(unused);
    HD_REQUIRE(stats.in_use == 0, HD_INVALID_ARGUMENT,
               "%s: its allocator cannot be changed while %zu bytes are in use; destroy the tensors on it first",
               hdi_device_text(device), stats.in_use);
    return HD_OK;
}

hd_status hd_memory_get_stats(const hd_device *device, hd_memory_stats *out) {
    slot *s;
    HD_REQUIRE(device && out, HD_INVALID_ARGUMENT, "hd_memory_get_stats: a device and a place for its statistics are needed");
    hd_status status = lock_slot(device, &s);
    if (status == HD_OK) s->allocator->stats(s->allocator, out);
    pthread_mutex_unlock(&s->lock);
    return status;
}

hd_status hd_memory_trim(const hd_device *device) {
    slot *s;
    HD_REQUIRE(device, HD_INVALID_ARGUMENT, "hd_memory_trim: no device was given");
    hd_status status = lock_slot(device, &s);
    if (status == HD_OK) status = s->allocator->trim(s->allocator);
    pthread_mutex_unlock(&s->lock);
    return status;
}
