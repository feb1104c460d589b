/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the device and memory of the host that it can reach at full speed, and copies between them all. */
#include <string.h>

#include "base/memory.h"
#include "device/gpu/backend.h"

enum { LEAST = 64 }; /* bytes of a block: an address even for nothing */

static hd_status refused(const gpu_device *d, GPU(Error_t) error, const char *call, size_t bytes) {
    char text[32];
    return gpu_fail(d, error, "%s of %s", call, gpu_bytes(text, bytes));
}

hd_status gpu_alloc(const hd_device *device, size_t bytes, void **out) {
    const gpu_device *d = gpu_of(device);
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(Malloc)(out, bytes ? bytes : LEAST);
    return error == GPU(Success) ? HD_OK : refused(d, error, GPU_SPELL(GPU(Malloc)), bytes);
}

hd_status gpu_free(const hd_device *device, void *memory) {
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), Free, (memory));
    return HD_OK;
}

hd_status gpu_host_alloc(const hd_device *device, size_t bytes, void **out) {
    const gpu_device *d = gpu_of(device);
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU_HOST_MALLOC(out, bytes ? bytes : LEAST);
    return error == GPU(Success) ? HD_OK : refused(d, error, "allocating host memory", bytes);
}

hd_status gpu_host_free(const hd_device *device, void *memory) {
    HD_TRY(gpu_select(gpu_of(device)));
    GPU_TRY(gpu_of(device), FreeHost, (memory));
    return HD_OK;
}

/* ---- at once ----
 * On the default stream, which our own streams do not wait for. The vendor's synchronous calls may return before a copy inside
 * the device, or the last part of one from plain host memory, has ended: hence the wait. */

static const int kinds[HDI_COPY_KIND_COUNT] = {
    [HDI_COPY_H2H] = GPU(MemcpyHostToHost),
    [HDI_COPY_H2D] = GPU(MemcpyHostToDevice),
    [HDI_COPY_D2H] = GPU(MemcpyDeviceToHost),
    [HDI_COPY_D2D] = GPU(MemcpyDeviceToDevice),
};

static hd_status settle(const gpu_device *d) {
    GPU(Error_t) error = GPU(StreamSynchronize)(NULL);
    return error == GPU(Success) ? HD_OK : gpu_fail_late(d, error, GPU_SPELL(GPU(StreamSynchronize)), NULL);
}

hd_status gpu_copy(const hd_device *device, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    const gpu_device *d = gpu_of(device);
    if (bytes == 0) return HD_OK;
    if (kind == HDI_COPY_H2H) {
        memcpy(dst, src, bytes);
        return HD_OK;
    }
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(Memcpy)(dst, src, bytes, kinds[kind]);
    return error == GPU(Success) ? settle(d) : refused(d, error, GPU_SPELL(GPU(Memcpy)), bytes);
}

hd_status gpu_set(const hd_device *device, void *dst, int value, size_t bytes) {
    const gpu_device *d = gpu_of(device);
    if (bytes == 0) return HD_OK;
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(Memset)(dst, value, bytes);
    return error == GPU(Success) ? settle(d) : refused(d, error, GPU_SPELL(GPU(Memset)), bytes);
}

hd_status gpu_reach_peer(const gpu_device *d, int32_t other, bool *can) {
    int possible = 0;
    GPU_TRY(d, DeviceCanAccessPeer, (&possible, d->index, other));
    *can = possible;
    if (!possible) return HD_OK;
    GPU(Error_t) error = GPU(DeviceEnablePeerAccess)(other, 0);
    if (error == GPU(ErrorPeerAccessAlreadyEnabled))
        (void)GPU(GetLastError)();
    else if (error != GPU(Success))
        return gpu_fail(d, error, "%s to %s:%d", GPU_SPELL(GPU(DeviceEnablePeerAccess)), GPU_TYPE_NAME, (int)other);
    return HD_OK;
}

/* Straight from one device to the other where the hardware can, else through the driver's own buffers. */
hd_status gpu_copy_peer(const hd_device *to, void *dst, const hd_device *from, const void *src, size_t bytes) {
    const gpu_device *d = gpu_of(to);
    bool can;
    if (bytes == 0) return HD_OK;
    HD_TRY(gpu_select(d));
    HD_TRY(gpu_reach_peer(d, gpu_of(from)->index, &can));
    GPU(Error_t) error = GPU(MemcpyPeerAsync)(dst, d->index, src, gpu_of(from)->index, bytes, NULL);
    return error == GPU(Success) ? settle(d) : refused(d, error, GPU_SPELL(GPU(MemcpyPeerAsync)), bytes);
}

/* ---- on a stream ---- */

hd_status gpu_copy_async(const hd_device *device, void *stream, void *dst, const void *src, size_t bytes, hdi_copy_kind kind) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    if (bytes == 0) return HD_OK;
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(MemcpyAsync)(dst, src, bytes, kinds[kind], gpu_handle(s));
    return error == GPU(Success) ? HD_OK : gpu_enqueued(s, refused(d, error, GPU_SPELL(GPU(MemcpyAsync)), bytes));
}

hd_status gpu_set_async(const hd_device *device, void *stream, void *dst, int value, size_t bytes) {
    const gpu_device *d = gpu_of(device);
    gpu_stream *s = stream;
    if (bytes == 0) return HD_OK;
    HD_TRY(gpu_select(d));
    GPU(Error_t) error = GPU(MemsetAsync)(dst, value, bytes, gpu_handle(s));
    return error == GPU(Success) ? HD_OK : gpu_enqueued(s, refused(d, error, GPU_SPELL(GPU(MemsetAsync)), bytes));
}
