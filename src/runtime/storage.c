/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/storage.h"

#include "base/memory.h"
#include "runtime/context.h"
#include "runtime/runtime.h"

static hd_status new_storage(const hd_device *device, size_t bytes, hdi_storage_kind kind, hdi_storage **out) {
    HD_TRY(hdi_calloc(out, 1, sizeof **out, "a storage"));
    (*out)->bytes = bytes;
    (*out)->device = device;
    (*out)->kind = kind;
    atomic_init(&(*out)->count, 1);
    return HD_OK;
}

hd_status hdi_storage_create(const hd_device *device, size_t bytes, hdi_storage **out) {
    hdi_storage *s;
    hd_stream *stream;
    HD_TRY(hdi_stream_for(device, &stream));
    HD_TRY(new_storage(device, bytes, HDI_STORAGE_DEVICE, &s));
    hd_status status = hdi_runtime_alloc(device, bytes, stream->id, &s->block);
    if (status != HD_OK) {
        hdi_free(s);
        return status;
    }
    s->data = s->block.data;
    *out = s;
    return HD_OK;
}

hd_status hdi_storage_create_large(const hd_device *device, size_t bytes, const char *what, hdi_storage **out) {
    void *memory;
    if (device->type != HD_DEVICE_CPU) {
        hd_status status = hdi_storage_create(device, bytes, out);
        return status == HD_OK ? HD_OK : hdi_fail_prefix(status, "%s of %.2f GiB", what, (double)bytes * 0x1p-30);
    }
    HD_TRY(hdi_alloc_aligned(&memory, bytes, what));
    hd_status status = hdi_storage_borrow(device, memory, bytes, hdi_free_aligned, memory, out);
    if (status != HD_OK) hdi_free_aligned(memory);
    return status;
}

hd_status hdi_storage_create_host(const hd_device *device, size_t bytes, hdi_storage **out) {
    hdi_storage *s;
    HD_TRY(new_storage(hdi_device_cpu(), bytes, HDI_STORAGE_HOST, &s));
    s->pinned_for = device;
    hd_status status = device->vtable->host_alloc(device, bytes, &s->data);
    if (status != HD_OK) {
        hdi_free(s);
        return status;
    }
    *out = s;
    return HD_OK;
}

hd_status hdi_storage_borrow(const hd_device *device, void *data, size_t bytes, void (*release)(void *owner), void *owner,
                             hdi_storage **out) {
    hdi_storage *s;
    HD_TRY(new_storage(device, bytes, HDI_STORAGE_BORROWED, &s));
    s->data = data;
    s->release = release;
    s->owner = owner;
    *out = s;
    return HD_OK;
}

hdi_storage *hdi_storage_retain(hdi_storage *storage) {
    atomic_fetch_add_explicit(&storage->count, 1, memory_order_relaxed);
    return storage;
}

void hdi_storage_release(hdi_storage *s) {
    if (!s || atomic_fetch_sub_explicit(&s->count, 1, memory_order_acq_rel) != 1) return;
    switch (s->kind) {
    case HDI_STORAGE_DEVICE:
        hdi_runtime_free(s->device, s->block);
        break;
    case HDI_STORAGE_HOST:
        (void)s->pinned_for->vtable->host_free(s->pinned_for, s->data);
        break;
    case HDI_STORAGE_BORROWED:
        if (s->release) s->release(s->owner);
        break;
    }
    hdi_free(s);
}

/* ---- copies ---- */

static hd_status settle(const hd_device *device) {
    hd_stream *stream;
    if (device->vtable->immediate) return HD_OK;
    HD_TRY(hdi_stream_for(device, &stream));
    return hd_stream_synchronize(stream);
}

/* Between two devices that do not know each other: in pieces through host memory. */
static hd_status copy_staged(const hd_device *to, char *dst, const hd_device *from, const char *src, size_t bytes) {
    enum { PIECE = 16 << 20 };
    hdi_storage *stage;
    hd_status status = HD_OK;
    HD_TRY(hdi_storage_create_host(to, bytes < PIECE ? bytes : PIECE, &stage));
    for (size_t at = 0; at < bytes && status == HD_OK; at += PIECE) {
        size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        status = from->vtable->copy(from, stage->data, src + at, n, HDI_COPY_D2H);
        if (status == HD_OK) status = to->vtable->copy(to, dst + at, stage->data, n, HDI_COPY_H2D);
    }
    hdi_storage_release(stage);
    return status;
}

hd_status hdi_copy(const hd_device *to, void *dst, const hd_device *from, const void *src, size_t bytes) {
    HD_TRY(settle(from));
    if (to != from) HD_TRY(settle(to));
    if (bytes == 0) return HD_OK;
    if (to == from) return to->vtable->copy(to, dst, src, bytes, HDI_COPY_D2D);
    if (to->vtable == from->vtable && to->vtable->copy_peer) return to->vtable->copy_peer(to, dst, from, src, bytes);
    if (from->vtable->host_visible) return to->vtable->copy(to, dst, src, bytes, HDI_COPY_H2D);
    if (to->vtable->host_visible) return from->vtable->copy(from, dst, src, bytes, HDI_COPY_D2H);
    return copy_staged(to, dst, from, src, bytes);
}
