/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, errors and memory of the run-time library. */
#include <mutex>
#include <string.h>

#include "kernels/gpu/host/engine.h"
#include "kernels/gpu/host/memory.h"
#include "kernels/gpu/host/runtime.h"

using namespace hdi_gpu_host;

namespace hdi_gpu_host {

static thread_local int current_device;
static thread_local hostError_t last_error;
static std::mutex sticky_lock;
static fault sticky[DEVICES];

int device_now() { return current_device; }

hostError_t sticky_error(int device) {
    std::lock_guard<std::mutex> guard(sticky_lock);
    return sticky[device].error;
}

void set_sticky(int device, const fault &f) {
    std::lock_guard<std::mutex> guard(sticky_lock);
    if (sticky[device].error == hostSuccess) sticky[device] = f; /* the first one is the cause */
}

void clear_sticky(int device) {
    std::lock_guard<std::mutex> guard(sticky_lock);
    sticky[device] = fault();
}

hostError_t done(hostError_t error) {
    if (error != hostSuccess && error != hostErrorNotReady) last_error = error;
    return error;
}

} // namespace hdi_gpu_host

hostError_t hostGetDeviceCount(int *count) {
    *count = DEVICES;
    return hostSuccess;
}
hostError_t hostSetDevice(int device) {
    if (device < 0 || device >= DEVICES) return done(hostErrorInvalidDevice);
    current_device = device;
    return hostSuccess;
}
hostError_t hostGetDevice(int *device) {
    *device = current_device;
    return hostSuccess;
}

hostError_t hostDeviceGetAttribute(int *value, hostDeviceAttr attribute, int device) {
    if (device < 0 || device >= DEVICES) return done(hostErrorInvalidDevice);
    switch (attribute) {
    case hostDevAttrMaxThreadsPerBlock:
        *value = MAX_THREADS;
        return hostSuccess;
    case hostDevAttrMaxSharedMemoryPerBlock:
        *value = SHARED_STATIC;
        return hostSuccess;
    case hostDevAttrWarpSize:
        *value = device == 0 ? 32 : 64;
        return hostSuccess;
    case hostDevAttrMultiProcessorCount:
        *value = UNITS;
        return hostSuccess;
    case hostDevAttrL2CacheSize:
        *value = 4 << 20;
        return hostSuccess;
    case hostDevAttrComputeCapabilityMajor:
        *value = 0;
        return hostSuccess;
    case hostDevAttrComputeCapabilityMinor:
        *value = 1;
        return hostSuccess;
    case hostDevAttrCooperativeLaunch:
        *value = 1;
        return hostSuccess;
    case hostDevAttrMaxSharedMemoryPerBlockOptin:
        *value = SHARED_LIMIT;
        return hostSuccess;
    }
    return done(hostErrorInvalidValue);
}

hostError_t hostDeviceCanAccessPeer(int *can, int device, int peer) {
    if (device < 0 || device >= DEVICES || peer < 0 || peer >= DEVICES) return done(hostErrorInvalidDevice);
    *can = device != peer;
    return hostSuccess;
}

hostError_t hostDeviceEnablePeerAccess(int peer, unsigned flags) {
    static std::mutex lock;
    static bool enabled[DEVICES][DEVICES];
    if (peer < 0 || peer >= DEVICES || peer == current_device) return done(hostErrorInvalidDevice);
    if (flags) return done(hostErrorInvalidValue);
    std::lock_guard<std::mutex> guard(lock);
    if (enabled[current_device][peer]) return done(hostErrorPeerAccessAlreadyEnabled);
    enabled[current_device][peer] = true;
    return hostSuccess;
}

hostError_t hostRuntimeGetVersion(int *version) {
    *version = 1000;
    return hostSuccess;
}
hostError_t hostDriverGetVersion(int *version) { return hostRuntimeGetVersion(version); }

hostError_t hostPeekAtLastError(void) {
    hostError_t error = sticky_error(current_device);
    return error != hostSuccess ? error : last_error;
}
hostError_t hostGetLastError(void) {
    hostError_t error = hostPeekAtLastError();
    last_error = hostSuccess;
    return error;
}

#define ERRORS(X)                                                                                                           \
    X(Success, "no error")                                                                                                  \
    X(ErrorInvalidValue, "invalid argument")                                                                                \
    X(ErrorMemoryAllocation, "out of memory")                                                                               \
    X(ErrorInvalidConfiguration, "a launch with no blocks, no or too many threads, or more shared memory than was allowed") \
    X(ErrorInvalidDeviceFunction, "a kernel for another number of lanes than this device has")                              \
    X(ErrorNoDevice, "there is no device")                                                                                  \
    X(ErrorInvalidDevice, "there is no such device")                                                                        \
    X(ErrorInvalidResourceHandle, "a stream or event that does not exist, or of another device")                            \
    X(ErrorNotReady, "not finished yet")                                                                                    \
    X(ErrorIllegalAddress, "an access outside of memory")                                                                   \
    X(ErrorLaunchTimeout, "a launch that does not end")                                                                     \
    X(ErrorPeerAccessAlreadyEnabled, "peer access is enabled already")                                                      \
    X(ErrorAssert, "a kernel broke a rule")                                                                                 \
    X(ErrorMisalignedAddress, "a misaligned access")                                                                        \
    X(ErrorLaunchFailure, "a launch failed")                                                                                \
    X(ErrorCooperativeLaunchTooLarge, "more blocks than can run together")                                                  \
    X(ErrorNotSupported, "not supported")                                                                                   \
    X(ErrorStreamCaptureUnsupported, "not allowed while a stream is captured")                                              \
    X(ErrorStreamCaptureInvalidated, "the capture was broken by an error before")                                           \
    X(ErrorUnknown, "an unknown error")

const char *hostGetErrorName(hostError_t error) {
    switch (error) {
#define NAME(name, text) \
    case host##name:     \
        return "host" #name;
        ERRORS(NAME)
#undef NAME
    }
    return "unrecognised error code";
}

const char *hostGetErrorString(hostError_t error) {
    static thread_local std::string text;
    {
        std::lock_guard<std::mutex> guard(sticky_lock);
        if (error != hostSuccess && sticky[current_device].error == error) {
            text = sticky[current_device].text;
            return text.c_str();
        }
    }
    switch (error) {
#define TEXT(name, words) \
    case host##name:      \
        return words;
        ERRORS(TEXT)
#undef TEXT
    }
    return "unrecognised error code";
}
