/* SPDX-License-Identifier: Apache-2.0 */
/* The one vocabulary that all GPU code is written in: CUDA C for what runs on the device, GPU(Name) for the run-time library.
 *
 * One source serves three vendors, chosen by the build: HDI_GPU_CUDA (NVIDIA), HDI_GPU_MACA (MetaX) and HDI_GPU_HOST, which runs
 * the same source on the CPU, a fiber a GPU thread. Each has a header that defines the words below and nothing else. Never test
 * __CUDA_ARCH__, write 32 for a warp or 0xffffffff for its mask: MetaX's waves have 64 lanes.
 *
 * ---- on the device ----
 * __global__ __device__ __forceinline__ __restrict__ __launch_bounds__, threadIdx.x blockIdx.x blockDim.x gridDim.x,
 * __syncthreads(), __threadfence(), atomicAdd (int, unsigned, float), atomicMax (int), and math.h, as CUDA C has them. One
 * dimension of threads. Every thread of a block reaches every __syncthreads(); a thread that returned early is an error.
 *
 * GPU_LANES                     lanes of a warp (a wave): a constant, 32 or 64
 * GPU_SHARED(type, name, n)     a static array of n (a constant) in shared memory, uninitialised, of this block
 * GPU_SHARED_DYNAMIC(name)      char *name: the launch's dynamic shared memory, 128-byte aligned, uninitialised
 * gpu_shfl(x, lane) gpu_shfl_xor(x, mask) gpu_shfl_down(x, delta)   between the lanes of a warp; x: 4 or 8 bytes
 * gpu_any(p) gpu_all(p)         votes of a warp; gpu_ballot(p): uint64_t. All lanes take part in every one of these
 * gpu_sync_warp()               orders shared memory among the lanes of a warp
 * gpu_f16_to_f32(u16) gpu_f32_to_f16(float) gpu_bf16_to_f32(u16) gpu_f32_to_bf16(float)     round to nearest even
 * gpu_dot4(a, b, c)             int32: c + the dot product of four signed bytes
 * gpu_load_stream(const T *)    a 4, 8 or 16 byte load of what is read once, past the nearest cache
 * gpu_prefetch(const void *)    a hint: bring the 128-byte line to the L2 cache
 * gpu_load_acquire(const unsigned *) gpu_add_release(unsigned *, unsigned)   counters between blocks
 * gpu_pause()                   inside a loop that waits for another block
 * gpu_load_acquire_system(const uint64_t *) gpu_store_release_system(uint64_t *, uint64_t)   words that other devices, processes and
 *                               the host write and read
 * gpu_fence_system()            orders this thread's reads and writes for all of those
 * gpu_rest(turn)                inside a loop that waits for one of those: gives way, for longer as `turn` grows
 * gpu_copy_async(shared, global, n, valid)  n = 4, 8 or 16 bytes to shared memory in the background, the bytes from `valid` on
 *                               zero; gpu_copy_commit() ends a group, gpu_copy_wait<N>() waits until at most N groups are under
 *                               way. Own copies only: a __syncthreads() shows them to others.
 * GPU_HAS_MMA                   1 when the tensor-core words of gpu/mma.h exist, else 0 (never on 64 lanes)
 * GPU_HAS_WGMMA                 1 when the words of gpu/wgmma.h exist: compiled for sm_90a, or the host vendor with 32 lanes
 *
 * ---- on the host ----
 * GPU(Name)                     cudaName, mcName or hostName: GPU(Stream_t), GPU(MallocAsync)(...), GPU(Success)
 * gpu_launch(kernel, blocks, threads, shared_bytes, stream, arguments...)   gives a GPU(Error_t); more than 48 KiB of dynamic
 *                               shared memory needs GPU(FuncSetAttribute) first, which gpu_allow_shared(kernel, bytes) calls
 * gpu_launch_together(kernel, blocks, threads, shared_bytes, stream, addresses)   the blocks run side by side and may wait for one
 *                               another; an error when the device cannot hold them all. addresses: void *[], one an argument
 */
#ifndef HDI_KERNELS_GPU_VENDOR_H
#define HDI_KERNELS_GPU_VENDOR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined(HDI_GPU_MACA)
#include "kernels/gpu/vendor_maca.h"
#elif defined(HDI_GPU_CUDA)
#include "kernels/gpu/vendor_cuda.h"
#elif defined(HDI_GPU_HOST)
#include "kernels/gpu/vendor_host.h"
#else
#error "no GPU vendor was chosen: define HDI_GPU_CUDA, HDI_GPU_MACA or HDI_GPU_HOST"
#endif

#endif
