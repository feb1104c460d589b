/* SPDX-License-Identifier: Apache-2.0 */
/* MACA's run-time library in terms of NVIDIA's, so that the very files of the MACA back end compile, and run, where there is no
 * MetaX card: what Heddle uses of it and no more. A name that is used and not here does not compile. Not for real MetaX machines,
 * which have their own header of this name. */
#ifndef HDI_TESTS_MC_RUNTIME_API_H
#define HDI_TESTS_MC_RUNTIME_API_H

#include <cuda_runtime_api.h>

#define HDI_MACA_LANES 32 /* of the cards that this runs on; MetaX's have 64 */

/* ---- types ---- */

typedef cudaError_t mcError_t;
typedef cudaStream_t mcStream_t;
typedef cudaEvent_t mcEvent_t;
typedef cudaIpcMemHandle_t mcIpcMemHandle_t;
typedef cudaGraph_t mcGraph_t;
typedef cudaGraphExec_t mcGraphExec_t;
typedef struct cudaDeviceProp mcDeviceProp_t;
typedef enum cudaMemcpyKind mcMemcpyKind;
typedef enum cudaStreamCaptureMode mcStreamCaptureMode;
typedef enum cudaFuncAttribute mcFuncAttribute;

/* ---- constants ---- */

#define mcSuccess cudaSuccess
#define mcErrorInvalidValue cudaErrorInvalidValue
#define mcErrorMemoryAllocation cudaErrorMemoryAllocation
#define mcErrorInsufficientDriver cudaErrorInsufficientDriver
#define mcErrorNoDevice cudaErrorNoDevice
#define mcErrorNotSupported cudaErrorNotSupported
#define mcErrorLaunchFailure cudaErrorLaunchFailure
#define mcErrorPeerAccessAlreadyEnabled cudaErrorPeerAccessAlreadyEnabled
#define mcMemcpyHostToHost cudaMemcpyHostToHost
#define mcMemcpyHostToDevice cudaMemcpyHostToDevice
#define mcMemcpyDeviceToHost cudaMemcpyDeviceToHost
#define mcMemcpyDeviceToDevice cudaMemcpyDeviceToDevice
#define mcMallocHostPortable cudaHostAllocPortable
#define mcIpcMemLazyEnablePeerAccess cudaIpcMemLazyEnablePeerAccess
#define mcStreamNonBlocking cudaStreamNonBlocking
#define mcStreamCaptureModeThreadLocal cudaStreamCaptureModeThreadLocal
#define mcFuncAttributeMaxDynamicSharedMemorySize cudaFuncAttributeMaxDynamicSharedMemorySize

/* ---- functions: mcX is cudaX, so that messages name mcX ---- */

#define MC_PASS(name, parameters, arguments) \
    static inline __attribute__((unused)) mcError_t mc##name parameters { return cuda##name arguments; }

MC_PASS(GetDeviceCount, (int *count), (count))
MC_PASS(SetDevice, (int device), (device))
MC_PASS(GetDevice, (int *device), (device))
MC_PASS(GetDeviceProperties, (mcDeviceProp_t * properties, int device), (properties, device))
MC_PASS(DeviceSynchronize, (void), ())
MC_PASS(DeviceCanAccessPeer, (int *can, int device, int peer), (can, device, peer))
MC_PASS(DeviceEnablePeerAccess, (int peer, unsigned flags), (peer, flags))
MC_PASS(DriverGetVersion, (int *version), (version))
MC_PASS(RuntimeGetVersion, (int *version), (version))
MC_PASS(GetLastError, (void), ())
MC_PASS(Malloc, (void **out, size_t bytes), (out, bytes))
MC_PASS(Free, (void *memory), (memory))
MC_PASS(MallocAsync, (void **out, size_t bytes, mcStream_t stream), (out, bytes, stream))
MC_PASS(FreeAsync, (void *memory, mcStream_t stream), (memory, stream))
MC_PASS(FreeHost, (void *memory), (memory))
MC_PASS(IpcGetMemHandle, (mcIpcMemHandle_t * handle, void *memory), (handle, memory))
MC_PASS(IpcOpenMemHandle, (void **out, mcIpcMemHandle_t handle, unsigned flags), (out, handle, flags))
MC_PASS(IpcCloseMemHandle, (void *memory), (memory))
MC_PASS(Memcpy, (void *to, const void *from, size_t bytes, mcMemcpyKind kind), (to, from, bytes, kind))
MC_PASS(MemcpyAsync, (void *to, const void *from, size_t bytes, mcMemcpyKind kind, mcStream_t stream),
        (to, from, bytes, kind, stream))
MC_PASS(MemcpyPeerAsync, (void *to, int to_device, const void *from, int from_device, size_t bytes, mcStream_t stream),
        (to, to_device, from, from_device, bytes, stream))
MC_PASS(Memset, (void *to, int value, size_t bytes), (to, value, bytes))
MC_PASS(MemsetAsync, (void *to, int value, size_t bytes, mcStream_t stream), (to, value, bytes, stream))
MC_PASS(StreamCreateWithFlags, (mcStream_t * out, unsigned flags), (out, flags))
MC_PASS(StreamDestroy, (mcStream_t stream), (stream))
MC_PASS(StreamSynchronize, (mcStream_t stream), (stream))
MC_PASS(StreamWaitEvent, (mcStream_t stream, mcEvent_t event, unsigned flags), (stream, event, flags))
MC_PASS(StreamBeginCapture, (mcStream_t stream, mcStreamCaptureMode mode), (stream, mode))
MC_PASS(StreamEndCapture, (mcStream_t stream, mcGraph_t *out), (stream, out))
MC_PASS(GraphInstantiateWithFlags, (mcGraphExec_t * out, mcGraph_t graph, unsigned long long flags), (out, graph, flags))
MC_PASS(GraphLaunch, (mcGraphExec_t graph, mcStream_t stream), (graph, stream))
MC_PASS(GraphExecDestroy, (mcGraphExec_t graph), (graph))
MC_PASS(GraphDestroy, (mcGraph_t graph), (graph))
MC_PASS(EventCreate, (mcEvent_t * out), (out))
MC_PASS(EventDestroy, (mcEvent_t event), (event))
MC_PASS(EventRecord, (mcEvent_t event, mcStream_t stream), (event, stream))
MC_PASS(EventSynchronize, (mcEvent_t event), (event))
MC_PASS(EventElapsedTime, (float *milliseconds, mcEvent_t from, mcEvent_t to), (milliseconds, from, to))
MC_PASS(FuncSetAttribute, (const void *kernel, mcFuncAttribute attribute, int value), (kernel, attribute, value))
MC_PASS(OccupancyMaxActiveBlocksPerMultiprocessor, (int *blocks, const void *kernel, int threads, size_t shared),
        (blocks, kernel, threads, shared))
MC_PASS(LaunchCooperativeKernel,
        (const void *kernel, dim3 blocks, dim3 threads, void **arguments, size_t shared, mcStream_t stream),
        (kernel, blocks, threads, arguments, shared, stream))
#undef MC_PASS

/* The parameters differ: cudaHostAlloc's. */
static inline __attribute__((unused)) mcError_t mcMallocHost(void **out, size_t bytes, unsigned flags) {
    return cudaHostAlloc(out, bytes, flags);
}
static inline __attribute__((unused)) const char *mcGetErrorName(mcError_t error) { return cudaGetErrorName(error); }
static inline __attribute__((unused)) const char *mcGetErrorString(mcError_t error) { return cudaGetErrorString(error); }

#endif
