/* SPDX-License-Identifier: Apache-2.0 */
/* Device words that compilers of NVIDIA's dialect share; a vendor's header sets GPU_LANES and GPU_PTX before, or leaves them to
 * NVIDIA's values. */
#ifndef HDI_KERNELS_GPU_DEVICE_NVCC_H
#define HDI_KERNELS_GPU_DEVICE_NVCC_H

#ifndef GPU_LANES
#define GPU_LANES 32
#define GPU_PTX 1
#define GPU_FULL_MASK 0xffffffffu
#endif

#define GPU_SHARED(type, name, n) __shared__ type name[n]
#define GPU_SHARED_DYNAMIC(name)                           \
    extern __shared__ __align__(128) char gpu_dynamic_[];  \
    char *name = gpu_dynamic_

template <typename T> static __device__ __forceinline__ T gpu_shfl(T x, int lane) { return __shfl_sync(GPU_FULL_MASK, x, lane, GPU_LANES); }
template <typename T> static __device__ __forceinline__ T gpu_shfl_xor(T x, int mask) {
    return __shfl_xor_sync(GPU_FULL_MASK, x, mask, GPU_LANES);
}
template <typename T> static __device__ __forceinline__ T gpu_shfl_down(T x, int delta) {
    return __shfl_down_sync(GPU_FULL_MASK, x, delta, GPU_LANES);
}
static __device__ __forceinline__ bool gpu_any(bool p) { return __any_sync(GPU_FULL_MASK, p); }
static __device__ __forceinline__ bool gpu_all(bool p) { return __all_sync(GPU_FULL_MASK, p); }
static __device__ __forceinline__ uint64_t gpu_ballot(bool p) { return (uint64_t)__ballot_sync(GPU_FULL_MASK, p); }
static __device__ __forceinline__ void gpu_sync_warp() { __syncwarp(GPU_FULL_MASK); }

static __device__ __forceinline__ float gpu_f16_to_f32(uint16_t h) { return __half2float(__ushort_as_half(h)); }
static __device__ __forceinline__ uint16_t gpu_f32_to_f16(float x) { return __half_as_ushort(__float2half_rn(x)); }

static __device__ __forceinline__ void gpu_pause() {}
static __device__ __forceinline__ void gpu_fence_system() { __threadfence_system(); }

#if GPU_PTX
static __device__ __forceinline__ int gpu_dot4(int a, int b, int c) { return __dp4a(a, b, c); }
template <typename T> static __device__ __forceinline__ T gpu_load_stream(const T *p) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "gpu_load_stream loads 4, 8 or 16 bytes");
    union {
        uint32_t w[sizeof(T) / 4];
        T value;
    } v;
    if constexpr (sizeof(T) == 16)
        asm volatile("ld.global.nc.L1::no_allocate.v4.b32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(v.w[0]), "=r"(v.w[1]), "=r"(v.w[2]), "=r"(v.w[3]) : "l"(p));
    else if constexpr (sizeof(T) == 8)
        asm volatile("ld.global.nc.L1::no_allocate.v2.b32 {%0, %1}, [%2];" : "=r"(v.w[0]), "=r"(v.w[1]) : "l"(p));
    else
        asm volatile("ld.global.nc.L1::no_allocate.b32 %0, [%1];" : "=r"(v.w[0]) : "l"(p));
    return v.value;
}
static __device__ __forceinline__ void gpu_prefetch(const void *p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }
static __device__ __forceinline__ unsigned gpu_load_acquire(const unsigned *p) {
    unsigned v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}
static __device__ __forceinline__ void gpu_add_release(unsigned *p, unsigned n) {
    asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(p), "r"(n) : "memory");
}
static __device__ __forceinline__ uint64_t gpu_load_acquire_system(const uint64_t *p) {
    uint64_t v;
    asm volatile("ld.acquire.sys.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
}
static __device__ __forceinline__ void gpu_store_release_system(uint64_t *p, uint64_t v) {
    asm volatile("st.release.sys.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
}
static __device__ __forceinline__ void gpu_rest(unsigned turn) {
    if (turn >= 64) __nanosleep(turn < 1024 ? 100 : 1000);
}
static __device__ __forceinline__ void gpu_copy_async(void *shared, const void *global, int n, int valid) {
    unsigned to = (unsigned)__cvta_generic_to_shared(shared);
    if (n == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid) : "memory");
    else if (n == 8)
        asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(global), "r"(valid) : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(valid) : "memory");
}
static __device__ __forceinline__ void gpu_copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> static __device__ __forceinline__ void gpu_copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }
#define GPU_HAS_MMA 1
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define GPU_HAS_WGMMA 1
#endif
#else
#include "kernels/gpu/device_plain.h"
#define GPU_HAS_MMA 0
#endif
#ifndef GPU_HAS_WGMMA
#define GPU_HAS_WGMMA 0
#endif

/* ---- launching ---- */

template <typename... P, typename... A>
static inline GPU(Error_t) gpu_launch(void (*kernel)(P...), int64_t blocks, int threads, size_t shared, void *stream, A... arguments) {
    kernel<<<dim3((unsigned)blocks), dim3((unsigned)threads), shared, (GPU(Stream_t))stream>>>((P)arguments...);
    return GPU(GetLastError)();
}
template <typename... P>
static inline GPU(Error_t) gpu_launch_together(void (*kernel)(P...), int64_t blocks, int threads, size_t shared, void *stream,
                                               void **arguments) {
    return GPU(LaunchCooperativeKernel)((const void *)kernel, dim3((unsigned)blocks), dim3((unsigned)threads), arguments, shared,
                                        (GPU(Stream_t))stream);
}
template <typename... P> static inline GPU(Error_t) gpu_allow_shared(void (*kernel)(P...), size_t bytes) {
    return GPU(FuncSetAttribute)((const void *)kernel, GPU(FuncAttributeMaxDynamicSharedMemorySize), (int)bytes);
}

#include "kernels/gpu/bfloat16.h"

#endif
