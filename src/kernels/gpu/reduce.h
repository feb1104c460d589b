/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and maxima over the threads of a block, in a fixed order: lanes of a warp by halving distances, then warps in their order. */
#ifndef HDI_KERNELS_GPU_REDUCE_H
#define HDI_KERNELS_GPU_REDUCE_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

enum { GPU_MAX_WARPS = 1024 / GPU_LANES };

static __device__ __forceinline__ float gpu_warp_sum(float x) {
    for (int d = GPU_LANES / 2; d > 0; d /= 2) x += gpu_shfl_xor(x, d);
    return x;
}

static __device__ __forceinline__ float gpu_warp_max(float x) {
    for (int d = GPU_LANES / 2; d > 0; d /= 2) x = fmaxf(x, gpu_shfl_xor(x, d));
    return x;
}

/* The sum over all threads, for all of them. `shared`: one float a warp; free to use again after the next barrier. */
static __device__ __forceinline__ float gpu_block_sum(float x, float *shared) {
    int warp = (int)threadIdx.x / GPU_LANES, warps = ((int)blockDim.x + GPU_LANES - 1) / GPU_LANES;
    x = gpu_warp_sum(x);
    if (threadIdx.x % GPU_LANES == 0) shared[warp] = x;
    __syncthreads();
    float sum = 0;
    for (int w = 0; w < warps; w++) sum += shared[w];
    return sum;
}

static __device__ __forceinline__ float gpu_block_max(float x, float *shared) {
    int warp = (int)threadIdx.x / GPU_LANES, warps = ((int)blockDim.x + GPU_LANES - 1) / GPU_LANES;
    x = gpu_warp_max(x);
    if (threadIdx.x % GPU_LANES == 0) shared[warp] = x;
    __syncthreads();
    float max = shared[0];
    for (int w = 1; w < warps; w++) max = fmaxf(max, shared[w]);
    return max;
}

} // namespace HDI_GPU_NAMESPACE

#endif
