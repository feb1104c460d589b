/* SPDX-License-Identifier: Apache-2.0 */
/* Launches that overlap: a kernel may come to the device while the one before it on the stream still runs, bring its weights to the
 * cache, and wait for the other's results only then. That hides the start and the thin end of every kernel of a decode step.
 *
 * A kernel launched by gpu_launch_early calls gpu_wait_previous() in every thread before it touches anything that an earlier kernel
 * wrote, reads what it then overwrites, or writes at all; gpu_let_next_begin() says that the next one may come. NVIDIA has this from
 * compute capability 9.0 on (programmatic dependent launch); elsewhere kernels run one after the other and both words are empty. */
#ifndef HDI_KERNELS_GPU_EARLY_H
#define HDI_KERNELS_GPU_EARLY_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

#if defined(HDI_GPU_CUDA) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
static __device__ __forceinline__ void gpu_wait_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
static __device__ __forceinline__ void gpu_let_next_begin() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
#else
static __device__ __forceinline__ void gpu_wait_previous() {}
static __device__ __forceinline__ void gpu_let_next_begin() {}
#endif

/* As gpu_launch; early where the device can (queue->overlaps). */
template <typename... P, typename... A>
static inline int gpu_launch_early(hdi_gpu_queue *queue, void (*kernel)(P...), int64_t blocks, int threads, size_t shared, A... arguments) {
#if defined(HDI_GPU_CUDA)
    if (queue->overlaps) {
        cudaLaunchAttribute early = {};
        early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
        early.val.programmaticStreamSerializationAllowed = 1;
        cudaLaunchConfig_t launch = {};
        launch.gridDim = dim3((unsigned)blocks);
        launch.blockDim = dim3((unsigned)threads);
        launch.dynamicSmemBytes = shared;
        launch.stream = (cudaStream_t)queue->stream;
        launch.attrs = &early;
        launch.numAttrs = 1;
        return (int)cudaLaunchKernelEx(&launch, kernel, (P)arguments...);
    }
#endif
    return (int)gpu_launch(kernel, blocks, threads, shared, queue->stream, arguments...);
}

} // namespace HDI_GPU_NAMESPACE

#endif
