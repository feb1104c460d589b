/* SPDX-License-Identifier: Apache-2.0 */
/* What GPU kernels that look for the largest share: an order of floats as integers, and the best of a warp and of a block. */
#ifndef HDI_KERNELS_ARGMAX_GPU_H
#define HDI_KERNELS_ARGMAX_GPU_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/pack.h"
#include "kernels/gpu/reduce.h"

namespace HDI_GPU_NAMESPACE {

/* A candidate: greater keys are better, of equal ones the first. */
struct gpu_best {
    int64_t index;
    uint32_t key;
};

static __device__ __forceinline__ gpu_best gpu_no_best() {
    gpu_best none = {INT64_MAX, 0};
    return none;
}

/* Orders as the floats do; zeros of both signs are equal, and NaN is largest. */
static __device__ __forceinline__ uint32_t gpu_order_of(float x) {
    uint32_t u = gpu_f32_to_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return 0xffffffffu;
    if ((u & 0x7fffffffu) == 0) u = 0;
    return u >> 31 ? ~u : u | 0x80000000u;
}

static __device__ __forceinline__ void gpu_take_better(gpu_best &best, uint32_t key, int64_t index) {
    if (key > best.key || (key == best.key && index < best.index)) best.key = key, best.index = index;
}

/* The best that this thread of THREADS finds among elements from .. to - 1 of x. */
template <typename T, int THREADS, bool VECTOR>
static __device__ __forceinline__ gpu_best gpu_best_of(const typename T::storage *x, int64_t from, int64_t to) {
    enum { E = VECTOR ? 16 / (int)sizeof(typename T::storage) : 1 };
    gpu_best best = gpu_no_best();
    for (int64_t i = from + (int64_t)threadIdx.x * E; i < to; i += THREADS * E) {
        float v[E];
        gpu_load<T, E, VECTOR>(x + i, to - i, v);
        for (int j = 0; j < E; j++)
            if (i + j < to) {
                uint32_t key = gpu_order_of(v[j]);
                if (key > best.key) best.key = key, best.index = i + j; /* a thread goes upwards: the first of equals stays */
            }
    }
    return best;
}

/* For all threads of the block. `shared`: one a warp; free to use again after the next barrier. */
static __device__ __forceinline__ gpu_best gpu_block_best(gpu_best best, gpu_best *shared) {
    int warp = (int)threadIdx.x / GPU_LANES, warps = ((int)blockDim.x + GPU_LANES - 1) / GPU_LANES;
    for (int d = GPU_LANES / 2; d > 0; d /= 2) {
        uint32_t key = gpu_shfl_xor(best.key, d);
        int64_t index = gpu_shfl_xor(best.index, d);
        gpu_take_better(best, key, index);
    }
    if (threadIdx.x % GPU_LANES == 0) shared[warp] = best;
    __syncthreads();
    best = shared[0];
    for (int w = 1; w < warps; w++) gpu_take_better(best, shared[w].key, shared[w].index);
    return best;
}

} // namespace HDI_GPU_NAMESPACE

#endif
