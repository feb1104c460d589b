/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that knows one vendor only; cudaMalloc in a comment is no matter. */
#include "kernels/gpu/vendor.h"

static __global__ void scale(float *x) {
    if (threadIdx.x % warpSize == 0) x[0] = __shfl_sync(0xffffffff, x[0], 0);
#if GPU_PTX
    asm volatile("" ::: "memory");
#else
    asm volatile("" ::: "memory");
#endif
}

static const char *const text = "cudaMalloc";
#ifdef HDI_GPU_CUDA
static int good() { return cudaSuccess; }
#endif
static int bad() { return cudaSuccess; }
static int bad_too() { return mcSuccess; }
