/* SPDX-License-Identifier: Apache-2.0 */
/* The run-time library of the host vendor, which runs GPU code on the CPU: CUDA's functions under the prefix `host`, with CUDA's
 * meaning, for C and C++. docs/gpu.md ("The host vendor") says how it runs things and which mistakes it catches.
 *
 * All functions are thread-safe; a stream may even be used by several threads. Device 0 has warps of 32 lanes, device 1 of 64. */
#ifndef HDI_KERNELS_GPU_VENDOR_HOST_API_H
#define HDI_KERNELS_GPU_VENDOR_HOST_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU(name) host##name
#define GPU_VENDOR_NAME "host"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hostError {
    hostSuccess = 0,
    hostErrorInvalidValue = 1,
    hostErrorMemoryAllocation = 2,
    hostErrorInvalidConfiguration = 9,
    hostErrorInvalidDeviceFunction = 98,
    hostErrorNoDevice = 100,
    hostErrorInvalidDevice = 101,
    hostErrorInvalidResourceHandle = 400,
    hostErrorNotReady = 600,
    hostErrorIllegalAddress = 700, /* sticky, as the following */
    hostErrorLaunchTimeout = 702,  /* threads wait for one another for ever */
    hostErrorPeerAccessAlreadyEnabled = 704,
    hostErrorAssert = 710,            /* sticky: a rule of the vocabulary was broken */
    hostErrorMisalignedAddress = 716, /* sticky */
    hostErrorLaunchFailure = 719,     /* sticky */
    hostErrorCooperativeLaunchTooLarge = 720,
    hostErrorNotSupported = 801,
    hostErrorStreamCaptureUnsupported = 900,
    hostErrorStreamCaptureInvalidated = 901,
    hostErrorUnknown = 999
} hostError_t;

/* Opaque: what another process opens device memory by. */
typedef struct hostIpcMemHandle {
    char reserved[64];
} hostIpcMemHandle_t;
enum { hostIpcMemLazyEnablePeerAccess = 1 };

typedef struct hostStream *hostStream_t; /* NULL: the device's default stream */
typedef struct hostEvent *hostEvent_t;
typedef struct hostGraph *hostGraph_t;
typedef struct hostGraphExec *hostGraphExec_t;

typedef enum hostMemcpyKind {
    hostMemcpyHostToHost,
    hostMemcpyHostToDevice,
    hostMemcpyDeviceToHost,
    hostMemcpyDeviceToDevice,
    hostMemcpyDefault
} hostMemcpyKind_t;
enum { hostStreamDefault = 0, hostStreamNonBlocking = 1 };
enum { hostEventDefault = 0, hostEventBlockingSync = 1, hostEventDisableTiming = 2 };
typedef enum hostStreamCaptureMode {
    hostStreamCaptureModeGlobal,
    hostStreamCaptureModeThreadLocal,
    hostStreamCaptureModeRelaxed
} hostStreamCaptureMode;
typedef enum hostFuncAttribute { hostFuncAttributeMaxDynamicSharedMemorySize = 8 } hostFuncAttribute;
typedef enum hostDeviceAttr {
    hostDevAttrMaxThreadsPerBlock = 1,
    hostDevAttrMaxSharedMemoryPerBlock = 8,
    hostDevAttrWarpSize = 10,
    hostDevAttrMultiProcessorCount = 16,
    hostDevAttrL2CacheSize = 38,
    hostDevAttrComputeCapabilityMajor = 75,
    hostDevAttrComputeCapabilityMinor = 76,
    hostDevAttrCooperativeLaunch = 95,
    hostDevAttrMaxSharedMemoryPerBlockOptin = 97
} hostDeviceAttr;

hostError_t hostGetDeviceCount(int *count);
hostError_t hostSetDevice(int device);
hostError_t hostGetDevice(int *device);
hostError_t hostDeviceGetAttribute(int *value, hostDeviceAttr attribute, int device);
hostError_t hostDeviceSynchronize(void);
/* Forgets the sticky error of the current device and drops its pending work; its memory stays. */
hostError_t hostDeviceReset(void);
hostError_t hostDeviceCanAccessPeer(int *can, int device, int peer);
hostError_t hostDeviceEnablePeerAccess(int peer, unsigned flags);
hostError_t hostRuntimeGetVersion(int *version);
hostError_t hostDriverGetVersion(int *version);

hostError_t hostGetLastError(void);
hostError_t hostPeekAtLastError(void);
const char *hostGetErrorName(hostError_t error);
/* For the current device's sticky error: which kernel, block and thread did what. Valid until this thread asks again. */
const char *hostGetErrorString(hostError_t error);

hostError_t hostMalloc(void **out, size_t bytes);
hostError_t hostFree(void *memory);
hostError_t hostMallocAsync(void **out, size_t bytes, hostStream_t stream);
hostError_t hostFreeAsync(void *memory, hostStream_t stream);
hostError_t hostMallocHost(void **out, size_t bytes);
hostError_t hostFreeHost(void *memory);
hostError_t hostMemGetInfo(size_t *free_bytes, size_t *total);
/* As CUDA's: the memory is one of hostMalloc, and whoever opens it is another process. Nothing may use it during the first call,
 * which moves it to memory that others can map: as long as the process lives they find it under its /proc/PID/fd. */
hostError_t hostIpcGetMemHandle(hostIpcMemHandle_t *handle, void *memory);
hostError_t hostIpcOpenMemHandle(void **out, hostIpcMemHandle_t handle, unsigned flags);
hostError_t hostIpcCloseMemHandle(void *memory);
hostError_t hostMemcpy(void *to, const void *from, size_t bytes, hostMemcpyKind_t kind);
hostError_t hostMemcpyAsync(void *to, const void *from, size_t bytes, hostMemcpyKind_t kind, hostStream_t stream);
hostError_t hostMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device, size_t bytes, hostStream_t stream);
hostError_t hostMemset(void *to, int value, size_t bytes);
hostError_t hostMemsetAsync(void *to, int value, size_t bytes, hostStream_t stream);

hostError_t hostStreamCreate(hostStream_t *out);
hostError_t hostStreamCreateWithFlags(hostStream_t *out, unsigned flags);
hostError_t hostStreamDestroy(hostStream_t stream);
hostError_t hostStreamSynchronize(hostStream_t stream);
hostError_t hostStreamQuery(hostStream_t stream);
hostError_t hostStreamWaitEvent(hostStream_t stream, hostEvent_t event, unsigned flags);
hostError_t hostEventCreate(hostEvent_t *out);
hostError_t hostEventCreateWithFlags(hostEvent_t *out, unsigned flags);
hostError_t hostEventDestroy(hostEvent_t event);
hostError_t hostEventRecord(hostEvent_t event, hostStream_t stream);
hostError_t hostEventQuery(hostEvent_t event);
hostError_t hostEventSynchronize(hostEvent_t event);
hostError_t hostEventElapsedTime(float *milliseconds, hostEvent_t from, hostEvent_t to);

hostError_t hostStreamBeginCapture(hostStream_t stream, hostStreamCaptureMode mode);
hostError_t hostStreamEndCapture(hostStream_t stream, hostGraph_t *out);
hostError_t hostGraphInstantiate(hostGraphExec_t *out, hostGraph_t graph, unsigned long long flags);
hostError_t hostGraphLaunch(hostGraphExec_t graph, hostStream_t stream);
hostError_t hostGraphExecDestroy(hostGraphExec_t graph);
hostError_t hostGraphDestroy(hostGraph_t graph);

hostError_t hostFuncSetAttribute(const void *kernel, hostFuncAttribute attribute, int value);
hostError_t hostOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *kernel, int threads, size_t shared);

#ifdef __cplusplus
}
#endif

#endif
