/* SPDX-License-Identifier: Apache-2.0 */
/* Hopper's words (sm_90a): products of a warpgroup (128 threads, the first a multiple of 128) that read shared memory, and copies
 * of boxes into it by one thread. Only where GPU_HAS_WGMMA; the host vendor computes the same, and ends a launch that breaks a
 * rule. The layouts are the PTX ISA's.
 *
 * A matrix in shared memory has rows of 64 16-bit elements (128 bytes), begins at a multiple of 1024 bytes, and is swizzled: byte
 * i lies at gpu_swizzle(i), which spreads a column of 8 rows over all banks. gpu_copy_box swizzles; stores must do it themselves.
 *
 * gpu_mbar_init(barrier, arrivals)   a uint64_t in shared memory; then gpu_mbar_publish() and __syncthreads() before any use
 * gpu_mbar_arrive(barrier)           one of the arrivals that a phase takes
 * gpu_mbar_arrive_expect(barrier, bytes)   the same; and the phase ends only when copies have brought so many bytes
 * gpu_mbar_wait(barrier, parity)     until the phase of this parity has ended: phases count from 0; the one before had parity 1
 * gpu_copy_box(shared, map, column, row, barrier)   by one thread, in the background: the map's box, with zeros outside of it
 * gpu_fence_async()                  shows this thread's stores in shared memory to products; then a barrier tells the readers
 * gpu_wgmma_descriptor(matrix)       of a matrix in shared memory; + 2 a 16 columns further, + 512 a 64 rows further
 * gpu_wgmma<F16>(d, a, b, add)       D = A B^T + (add ? D : 0) in the background, A 64 x 16 and B N x 16 of f16 or bf16, N = 64,
 *                                    128 or 256. d: N / 2 floats a thread; of thread t, with lane = t % 32, d[i] is row
 *                                    16 (t / 32) + lane / 4 + 8 (i / 2 % 2), column 8 (i / 4) + 2 (lane % 4) + i % 2
 * gpu_wgmma_fence()                  before the first product after d was touched, by all
 * gpu_wgmma_commit()                 ends a group of products
 * gpu_wgmma_wait<G>()                until at most G groups are under way
 * gpu_wgmma_wait_all(d)              until none is; from here on d may be touched again
 * gpu_registers_more<N>() gpu_registers_fewer<N>()   what a thread of this warpgroup has from here on, once others have given up
 *                                    as many; N a multiple of 8; the kernel has __launch_bounds__
 *
 * On the host: gpu_tensor_map_make. A kernel takes maps as `const GPU_GRID_CONSTANT` parameters or parts of one. */
#ifndef HDI_KERNELS_GPU_WGMMA_H
#define HDI_KERNELS_GPU_WGMMA_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

#if defined(HDI_GPU_CUDA)
#include <cuda.h>
#define GPU_GRID_CONSTANT __grid_constant__
#elif defined(HDI_GPU_HOST)
#include "kernels/gpu/host/tensor.h"
#define GPU_GRID_CONSTANT
#else
#define GPU_GRID_CONSTANT
#endif

/* Start address in steps of 16 bytes; swizzled by 128 bytes (1 in bits 62 and 63), groups of 8 rows 1024 bytes apart (bits 32 to
 * 45, steps of 16 bytes). Bits 16 to 29 mean nothing for such matrices. */
#define GPU_WGMMA_DESCRIPTOR(address) \
    ((uint64_t)((address) >> 4 & 0x3fff) | (uint64_t)1 << 16 | (uint64_t)64 << 32 | (uint64_t)1 << 62)

namespace HDI_GPU_NAMESPACE {

static __device__ __forceinline__ uint32_t gpu_swizzle(uint32_t byte) { return byte ^ (byte >> 3 & 0x70); }

#if defined(HDI_GPU_CUDA)
typedef CUtensorMap gpu_tensor_map;
typedef decltype(&cuTensorMapEncodeTiled) gpu_tensor_map_fn;
#elif defined(HDI_GPU_HOST)
typedef gpu_host_tensor_map gpu_tensor_map;
#else
struct gpu_tensor_map {
    uint64_t unused;
};
#endif

/* Describes a matrix in device memory whose boxes gpu_copy_box takes: box_rows (1 to 256) rows of 64 elements. `pitch`: bytes
 * from a row to the next. Gives a GPU(Error_t), or HDI_GPU_UNSUPPORTED: not aligned to 16 bytes, too large, or no such copies
 * here. */
static inline int gpu_tensor_map_make(gpu_tensor_map *out, bool f16, const void *data, int64_t rows, int64_t columns,
                                      int64_t pitch, int box_rows) {
    if ((uintptr_t)data % 16 || pitch % 16 || pitch < 2 * columns || pitch >= (int64_t)1 << 40 || rows < 1 || rows > INT32_MAX ||
        columns < 1 || columns > INT32_MAX || box_rows < 1 || box_rows > 256)
        return HDI_GPU_UNSUPPORTED;
#if defined(HDI_GPU_CUDA)
    /* Asked for at run time: nothing links the driver's library. */
    static const gpu_tensor_map_fn encode = [] {
        void *entry = NULL;
        cudaDriverEntryPointQueryResult found;
#if CUDART_VERSION >= 12050
        cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found);
#else
        cudaError_t error = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &entry, cudaEnableDefault, &found);
#endif
        return error == cudaSuccess && found == cudaDriverEntryPointSuccess ? (gpu_tensor_map_fn)entry : NULL;
    }();
    if (!encode) return HDI_GPU_UNSUPPORTED;
    cuuint64_t size[2] = {(cuuint64_t)columns, (cuuint64_t)rows}, stride[1] = {(cuuint64_t)pitch};
    cuuint32_t box[2] = {64, (cuuint32_t)box_rows}, step[2] = {1, 1};
    CUresult result = encode(out, f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, (void *)data, size,
                             stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    return result == CUDA_SUCCESS ? (int)cudaSuccess : HDI_GPU_UNSUPPORTED;
#elif defined(HDI_GPU_HOST)
    (void)f16;
    *out = {(const char *)data, (uint64_t)rows,     (uint64_t)columns,
            (uint64_t)pitch,    (uint32_t)box_rows, GPU_HOST_TENSOR_MAP_VALID};
    return hostSuccess;
#else
    (void)out, (void)f16;
    return HDI_GPU_UNSUPPORTED;
#endif
}

} // namespace HDI_GPU_NAMESPACE

#if GPU_HAS_WGMMA
#if GPU_PTX
#include "kernels/gpu/wgmma_ptx.h"
#elif defined(HDI_GPU_HOST)
#include "kernels/gpu/wgmma_host.h"
#endif
#endif

#endif
