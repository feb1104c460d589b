/* SPDX-License-Identifier: Apache-2.0 */
/* What is put into streams: launches, copies and fills, with the checks that their calls make at once. */
#include <map>
#include <string.h>

#include "kernels/gpu/host/runtime.h"
#include "kernels/gpu/host/stream.h"

using namespace hdi_gpu_host;

/* ---- launches ---- */

static std::mutex allowed_lock;
static std::map<const void *, int> allowed; /* dynamic shared memory of kernels, where it was asked for */

hostError_t hostFuncSetAttribute(const void *kernel, hostFuncAttribute attribute, int value) {
    if (attribute != hostFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > SHARED_LIMIT)
        return done(hostErrorInvalidValue);
    std::lock_guard<std::mutex> guard(allowed_lock);
    allowed[kernel] = value;
    return hostSuccess;
}

static size_t allowed_shared(const void *kernel) {
    std::lock_guard<std::mutex> guard(allowed_lock);
    auto at = allowed.find(kernel);
    return at == allowed.end() || at->second < SHARED_STATIC ? (size_t)SHARED_STATIC : (size_t)at->second;
}

static int blocks_a_unit(int threads, size_t shared) {
    int by_threads = MAX_THREADS / threads, by_shared = shared ? (int)((size_t)SHARED_LIMIT / shared) : by_threads;
    return by_threads < by_shared ? by_threads : by_shared;
}

hostError_t hostOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads, size_t shared) {
    if (threads < 1 || threads > MAX_THREADS || shared > allowed_shared(kernel)) return done(hostErrorInvalidValue);
    *blocks = blocks_a_unit(threads, shared);
    return hostSuccess;
}

hostError_t gpu_host_enqueue(const gpu_host_launch_info *info, const void *call, size_t bytes) {
    int device = device_now();
    if (info->blocks < 1 || info->blocks > INT32_MAX || info->threads < 1 || info->threads > MAX_THREADS ||
        info->shared > allowed_shared(info->kernel))
        return done(hostErrorInvalidConfiguration);
    if (info->lanes != (device == 0 ? 32 : 64)) return done(hostErrorInvalidDeviceFunction);
    if (info->cooperative && info->blocks > UNITS * blocks_a_unit(info->threads, info->shared))
        return done(hostErrorCooperativeLaunchTooLarge);
    std::shared_ptr<launch> l = std::make_shared<launch>();
    l->info = *info;
    l->call.assign((const char *)call, (const char *)call + bytes);
    locked guard = lock_streams();
    hostStream *s = find_stream(guard, (hostStream_t)info->stream);
    if (!s || s->device != device) return done(hostErrorInvalidResourceHandle);
    if (sticky_error(device) != hostSuccess) return done(sticky_error(device));
    push(guard, s, {[l] { return run_launch(*l); }, nullptr, nullptr});
    return hostSuccess;
}

/* ---- copies and fills: a thread of the engine does them, so that a bad address is an error and no crash ---- */

struct transfer {
    char *to;
    const char *from; /* NULL: fill with `value` */
    int value;
    size_t bytes;
};

static void do_transfer(const void *call) {
    transfer t;
    memcpy(&t, call, sizeof t);
    if (t.from && t.bytes == 8 && (uintptr_t)t.to % 8 == 0 &&
        (uintptr_t)t.from % 8 == 0) /* a word goes as one: others may wait for it */
        __atomic_store_n((uint64_t *)t.to, __atomic_load_n((const uint64_t *)t.from, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    else if (t.from)
        memmove(t.to, t.from, t.bytes);
    else
        memset(t.to, t.value, t.bytes);
}

static hostError_t push_transfer(const locked &guard, const char *name, const transfer &t, hostStream *s) {
    if (t.bytes == 0) return done(sticky_error(s->device));
    std::shared_ptr<launch> l = std::make_shared<launch>();
    l->info = {do_transfer, nullptr, name, "", 0, 32, 1, 1, 0, nullptr, false};
    l->call.assign((const char *)&t, (const char *)&t + sizeof t);
    push(guard, s, {[l] { return run_launch(*l); }, nullptr, nullptr});
    return done(sticky_error(s->device));
}

/* Whether both ends are where `kind` says. */
static bool kind_fits(const void *to, const void *from, size_t bytes, hostMemcpyKind_t kind) {
    int to_device, from_device;
    if (!inside_memory(to, bytes, &to_device) || !inside_memory(from, bytes, &from_device)) return false;
    bool to_is = to_device >= 0, from_is = from_device >= 0;
    switch (kind) {
    case hostMemcpyHostToHost:
        return !to_is && !from_is;
    case hostMemcpyHostToDevice:
        return to_is && !from_is;
    case hostMemcpyDeviceToHost:
        return !to_is && from_is;
    case hostMemcpyDeviceToDevice:
        return to_is && from_is;
    case hostMemcpyDefault:
        return true;
    }
    return false;
}

hostError_t hostMemcpyAsync(void *to, const void *from, size_t bytes, hostMemcpyKind_t kind, hostStream_t stream) {
    if (bytes && !kind_fits(to, from, bytes, kind)) return done(hostErrorInvalidValue);
    locked guard = lock_streams();
    hostStream *s = find_stream(guard, stream);
    if (!s) return done(hostErrorInvalidResourceHandle);
    return push_transfer(guard, "hostMemcpyAsync", {(char *)to, (const char *)from, 0, bytes}, s);
}

hostError_t hostMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes, hostStream_t stream) {
    if (to_device < 0 || to_device >= DEVICES || from_device < 0 || from_device >= DEVICES) return done(hostErrorInvalidDevice);
    return hostMemcpyAsync(to, from, bytes, hostMemcpyDeviceToDevice, stream);
}

hostError_t hostMemcpy(void *to, const void *from, size_t bytes, hostMemcpyKind_t kind) {
    if (bytes && !kind_fits(to, from, bytes, kind)) return done(hostErrorInvalidValue);
    locked guard = lock_streams();
    if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
    hostStream *s = find_stream(guard, nullptr);
    (void)push_transfer(guard, "hostMemcpy", {(char *)to, (const char *)from, 0, bytes}, s);
    wait_for(guard, push_mark(guard, s));
    return done(sticky_error(s->device));
}

hostError_t hostMemsetAsync(void *to, int value, size_t bytes, hostStream_t stream) {
    int device;
    if (bytes && (!inside_memory(to, bytes, &device) || device < 0)) return done(hostErrorInvalidValue);
    locked guard = lock_streams();
    hostStream *s = find_stream(guard, stream);
    if (!s) return done(hostErrorInvalidResourceHandle);
    return push_transfer(guard, "hostMemsetAsync", {(char *)to, nullptr, value, bytes}, s);
}

/* As CUDA's, it may still be under way when it returns; the default stream orders it. */
hostError_t hostMemset(void *to, int value, size_t bytes) {
    {
        locked guard = lock_streams();
        if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
    }
    return hostMemsetAsync(to, value, bytes, nullptr);
}

/* ---- memory ---- */

hostError_t hostMalloc(void **out, size_t bytes) {
    {
        locked guard = lock_streams();
        if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
    }
    if (!out) return done(hostErrorInvalidValue);
    if (sticky_error(device_now()) != hostSuccess) return done(sticky_error(device_now()));
    return done(allocate(device_now(), bytes, out));
}
hostError_t hostMallocHost(void **out, size_t bytes) {
    return out ? done(allocate(-1, bytes, out)) : done(hostErrorInvalidValue);
}

static hostError_t free_now(void *memory, bool host) {
    std::string wrong;
    int device = device_now();
    hostError_t error = release(memory, host, &wrong);
    if (!wrong.empty()) set_sticky(device, {hostErrorIllegalAddress, "found when memory was freed: " + wrong});
    return done(error != hostSuccess ? error : sticky_error(device));
}

/* Waits for the device first, as CUDA's does. */
hostError_t hostFree(void *memory) {
    if (!memory) return hostSuccess;
    {
        locked guard = lock_streams();
        if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
        for (int d = 0; d < DEVICES; d++) wait_for_device(guard, d);
    }
    return free_now(memory, false);
}
hostError_t hostFreeHost(void *memory) {
    if (!memory) return hostSuccess;
    {
        locked guard = lock_streams();
        for (int d = 0; d < DEVICES; d++) wait_for_device(guard, d);
    }
    return free_now(memory, true);
}

hostError_t hostIpcGetMemHandle(hostIpcMemHandle_t *handle, void *memory) {
    locked guard = lock_streams();
    if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
    return done(handle ? share_allocation(memory, handle) : hostErrorInvalidValue);
}

hostError_t hostIpcOpenMemHandle(void **out, hostIpcMemHandle_t handle, unsigned flags) {
    locked guard = lock_streams();
    if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
    if (!out || flags != hostIpcMemLazyEnablePeerAccess) return done(hostErrorInvalidValue);
    return done(open_shared(&handle, out));
}

hostError_t hostIpcCloseMemHandle(void *memory) {
    std::string wrong;
    {
        locked guard = lock_streams();
        if (forbidden_by_capture(guard)) return done(hostErrorStreamCaptureUnsupported);
        for (int d = 0; d < DEVICES; d++) wait_for_device(guard, d);
    }
    hostError_t error = close_shared(memory, &wrong);
    if (!wrong.empty()) set_sticky(device_now(), {hostErrorIllegalAddress, "found when shared memory was closed: " + wrong});
    return done(error != hostSuccess ? error : sticky_error(device_now()));
}

hostError_t hostMallocAsync(void **out, size_t bytes, hostStream_t stream) {
    locked guard = lock_streams();
    hostStream *s = find_stream(guard, stream);
    if (!out || !s) return done(s ? hostErrorInvalidValue : hostErrorInvalidResourceHandle);
    if (s->capture) {
        s->capture->broken = true;
        return done(hostErrorStreamCaptureUnsupported);
    }
    if (sticky_error(s->device) != hostSuccess) return done(sticky_error(s->device));
    return done(allocate(s->device, bytes, out));
}

hostError_t hostFreeAsync(void *memory, hostStream_t stream) {
    if (!memory) return hostSuccess;
    locked guard = lock_streams();
    hostStream *s = find_stream(guard, stream);
    int device;
    if (!s) return done(hostErrorInvalidResourceHandle);
    if (!inside_memory(memory, 0, &device) || device < 0) return done(hostErrorInvalidValue);
    if (s->capture) {
        s->capture->broken = true;
        return done(hostErrorStreamCaptureUnsupported);
    }
    push(guard, s,
         {[memory] {
              std::string wrong;
              hostError_t error = release(memory, false, &wrong);
              if (wrong.empty()) return error == hostSuccess ? fault() : fault{error, "memory was freed twice"};
              return fault{hostErrorIllegalAddress, "found when memory was freed: " + wrong};
          },
          nullptr, nullptr});
    return done(sticky_error(s->device));
}

hostError_t hostMemGetInfo(size_t *free_bytes, size_t *total) {
    memory_info(device_now(), free_bytes, total);
    return hostSuccess;
}
