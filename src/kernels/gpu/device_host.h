/* SPDX-License-Identifier: Apache-2.0 */
/* The device words of vendor.h for the host vendor, in terms of host/thread.h. Everything is static or in the namespace of its
 * lane count, since two of them come together in one program. */
#ifndef HDI_KERNELS_GPU_DEVICE_HOST_H
#define HDI_KERNELS_GPU_DEVICE_HOST_H

#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "kernels/gpu/host/thread.h"

#define GPU_PTX 0

#define __global__ __attribute__((unused))
#define __device__ __attribute__((unused))
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)

#define threadIdx (gpu_host_self->thread_index)
#define blockIdx (gpu_host_self->block_index)
#define blockDim (gpu_host_self->block_size)
#define gridDim (gpu_host_self->grid_size)

/* The types of vector loads, as CUDA C has them. */
#define GPU_HOST_VECTOR(type, name)                                         \
    struct alignas(2 * sizeof(type)) name##2 {                              \
        type x, y;                                                          \
    };                                                                      \
    struct alignas(4 * sizeof(type)) name##4 {                              \
        type x, y, z, w;                                                    \
    };                                                                      \
    static inline name##2 make_##name##2(type x, type y) { return {x, y}; } \
    static inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
GPU_HOST_VECTOR(int, int)
GPU_HOST_VECTOR(unsigned, uint)
GPU_HOST_VECTOR(float, float)
GPU_HOST_VECTOR(unsigned short, ushort)
#undef GPU_HOST_VECTOR

#define GPU_HOST_PLACE(word) \
    gpu_host_place { word, __FILE__, __LINE__ }
#define GPU_HOST_CALLER(word) \
    gpu_host_place { word, file, line }
#define GPU_HOST_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

#define GPU_SHARED(type, name, n)                                                                    \
    static gpu_host_array name##_array_ = {#name, __FILE__, __LINE__, (unsigned)sizeof(type[n]), 0}; \
    typedef type name##_type_[n];                                                                    \
    name##_type_ &name = *(name##_type_ *)gpu_host_shared(&name##_array_)
#define GPU_SHARED_DYNAMIC(name) char *name = gpu_host_shared_dynamic()

#define __syncthreads() gpu_host_barrier(GPU_HOST_PLACE("__syncthreads"))
static inline void __threadfence() { gpu_host_fence(); }

/* ---- warps ---- */

template <typename T> static inline const char *gpu_host_give(T x, gpu_host_place place) {
    static_assert(std::is_trivially_copyable<T>::value && sizeof(T) <= GPU_HOST_SLOT, "a lane gives at most GPU_HOST_SLOT bytes");
    memcpy(gpu_host_slot(), &x, sizeof x);
    return gpu_host_meet(place);
}
template <typename T> static inline T gpu_host_taken(const char *slots, unsigned lane) {
    T x;
    memcpy(&x, slots + lane * GPU_HOST_SLOT, sizeof x);
    return x;
}
template <typename T> static inline T gpu_host_take(const char *slots, unsigned lane, gpu_host_place place) {
    if (lane >= gpu_host_self->lanes)
        gpu_host_fail(hostErrorAssert, "%s at %s:%d reads lane %u of a warp that has %u threads", place.word, place.file,
                      place.line, lane, gpu_host_self->lanes);
    return gpu_host_taken<T>(slots, lane);
}

template <typename T> static inline T gpu_shfl(T x, int lane, GPU_HOST_HERE) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    gpu_host_place place = GPU_HOST_CALLER("gpu_shfl");
    return gpu_host_take<T>(gpu_host_give(x, place), (unsigned)lane % GPU_LANES, place);
}
template <typename T> static inline T gpu_shfl_xor(T x, int mask, GPU_HOST_HERE) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    gpu_host_place place = GPU_HOST_CALLER("gpu_shfl_xor");
    unsigned lane = gpu_host_self->lane ^ (unsigned)mask;
    const char *slots = gpu_host_give(x, place);
    return lane >= GPU_LANES ? x : gpu_host_take<T>(slots, lane, place);
}
template <typename T> static inline T gpu_shfl_down(T x, int delta, GPU_HOST_HERE) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    gpu_host_place place = GPU_HOST_CALLER("gpu_shfl_down");
    unsigned lane = gpu_host_self->lane + (unsigned)delta;
    const char *slots = gpu_host_give(x, place);
    return lane >= GPU_LANES ? x : gpu_host_take<T>(slots, lane, place);
}
static inline uint64_t gpu_host_vote(bool p, gpu_host_place place) {
    const char *slots = gpu_host_give(p, place);
    uint64_t votes = 0;
    for (unsigned i = 0; i < gpu_host_self->lanes; i++) votes |= (uint64_t)gpu_host_taken<bool>(slots, i) << i;
    return votes;
}
static inline uint64_t gpu_ballot(bool p, GPU_HOST_HERE) { return gpu_host_vote(p, GPU_HOST_CALLER("gpu_ballot")); }
static inline bool gpu_any(bool p, GPU_HOST_HERE) { return gpu_host_vote(p, GPU_HOST_CALLER("gpu_any")) != 0; }
static inline bool gpu_all(bool p, GPU_HOST_HERE) { return gpu_host_vote(!p, GPU_HOST_CALLER("gpu_all")) == 0; }
static inline void gpu_sync_warp(GPU_HOST_HERE) { gpu_host_meet(GPU_HOST_CALLER("gpu_sync_warp")); }

/* ---- memory ---- */

template <typename T> static inline T atomicAdd(T *p, typename std::common_type<T>::type x) {
    if constexpr (std::is_floating_point<T>::value) {
        T old, sum;
        __atomic_load(p, &old, __ATOMIC_RELAXED);
        do sum = old + x;
        while (!__atomic_compare_exchange(p, &old, &sum, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
        return old;
    } else
        return __atomic_fetch_add(p, x, __ATOMIC_RELAXED);
}
template <typename T> static inline T atomicMax(T *p, typename std::common_type<T>::type x) {
    T old = __atomic_load_n(p, __ATOMIC_RELAXED);
    while (old < x && !__atomic_compare_exchange_n(p, &old, x, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return old;
}
template <typename T> static inline T atomicExch(T *p, typename std::common_type<T>::type x) {
    T old;
    __atomic_exchange(p, &x, &old, __ATOMIC_RELAXED);
    return old;
}
template <typename T>
static inline T atomicCAS(T *p, typename std::common_type<T>::type expected, typename std::common_type<T>::type x) {
    __atomic_compare_exchange_n(p, &expected, x, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return expected;
}

static inline void gpu_pause() { gpu_host_pause(); }
static inline void gpu_prefetch(const void *) {}
static inline unsigned gpu_load_acquire(const unsigned *p) {
    gpu_host_pause();
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void gpu_add_release(unsigned *p, unsigned n) { __atomic_fetch_add(p, n, __ATOMIC_RELEASE); }
static inline void gpu_fence_system() { gpu_host_fence(); }
static inline uint64_t gpu_load_acquire_system(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void gpu_store_release_system(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void gpu_rest(unsigned turn) { gpu_host_rest(turn); }
template <typename T> static inline T gpu_load_stream(const T *p, GPU_HOST_HERE) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "gpu_load_stream loads 4, 8 or 16 bytes");
    if ((uintptr_t)p % sizeof(T))
        gpu_host_fail(hostErrorMisalignedAddress, "gpu_load_stream at %s:%d loads %zu bytes from %p", file, line, sizeof(T),
                      (const void *)p);
    return *p;
}
static inline void gpu_copy_async(void *shared, const void *global, int n, int valid, GPU_HOST_HERE) {
    gpu_host_copy_async(shared, global, n, valid, GPU_HOST_CALLER("gpu_copy_async"));
}
static inline void gpu_copy_commit() { gpu_host_copy_commit(); }
template <int N> static inline void gpu_copy_wait() { gpu_host_copy_wait(N); }

/* ---- numbers ---- */

static inline int gpu_dot4(int a, int b, int c) {
    for (int i = 0; i < 4; i++) c += (int)(int8_t)(a >> 8 * i) * (int)(int8_t)(b >> 8 * i);
    return c;
}
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <typename T> static inline constexpr T min(T a, T b) { return b < a ? b : a; }
template <typename T> static inline constexpr T max(T a, T b) { return a < b ? b : a; }

static inline float gpu_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu, u;
    if (rest >= 0x7c00u)
        u = sign | 0x7f800000u | (rest & 0x3ffu) << 13 | (rest > 0x7c00u ? 0x400000u : 0u); /* infinity, or a quiet NaN */
    else if (rest >= 0x400u)
        u = sign | ((rest << 13) + (112u << 23));
    else {
        float x = (float)rest * 0x1p-24f; /* subnormal: exact */
        return sign ? -x : x;
    }
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
static inline uint16_t gpu_f32_to_f16(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint32_t sign = u >> 16 & 0x8000u, rest = u & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7fffu);  /* NaN */
    if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to 65536 or more */
    if (rest >= 0x38800000u) return (uint16_t)(sign | ((rest - (112u << 23) + 0xfffu + (rest >> 13 & 1u)) >> 13));
    return (uint16_t)(sign | (uint32_t)lrintf(fabsf(x) * 0x1p24f)); /* subnormal: lrintf rounds to even */
}

/* ---- launching ---- */

template <typename... P> struct gpu_host_call {
    void (*kernel)(P...);
    std::tuple<P...> arguments;
    static void invoke(const void *call) {
        const gpu_host_call *c = (const gpu_host_call *)call;
        std::apply(c->kernel, c->arguments);
    }
};
template <typename... P, typename... A>
static inline hostError_t gpu_host_launch(const char *text, const char *file, int line, void (*kernel)(P...), int64_t blocks,
                                          int threads, size_t shared, void *stream, A... arguments) {
    static_assert((std::is_trivially_copyable<P>::value && ...), "arguments of kernels are copied as bytes");
    gpu_host_call<P...> call = {kernel, std::tuple<P...>((P)arguments...)};
    gpu_host_launch_info info = {
        gpu_host_call<P...>::invoke, (const void *)kernel, text, file, line, GPU_LANES, blocks, threads, shared, stream, false};
    return gpu_host_enqueue(&info, &call, sizeof call);
}
#define gpu_launch(...) gpu_host_launch(#__VA_ARGS__, __FILE__, __LINE__, __VA_ARGS__)

template <typename... P, size_t... I>
static inline hostError_t gpu_host_cooperative(void (*kernel)(P...), dim3 blocks, dim3 threads, void **arguments, size_t shared,
                                               hostStream_t stream, std::index_sequence<I...>) {
    gpu_host_call<P...> call = {kernel, std::tuple<P...>(*(P *)arguments[I]...)};
    gpu_host_launch_info info = {gpu_host_call<P...>::invoke,
                                 (const void *)kernel,
                                 "cooperative kernel",
                                 "",
                                 0,
                                 GPU_LANES,
                                 blocks.x,
                                 (int)threads.x,
                                 shared,
                                 stream,
                                 true};
    return gpu_host_enqueue(&info, &call, sizeof call);
}
/* arguments[i] points at the i-th argument, of just the type that the kernel declares. */
template <typename... P>
static inline hostError_t hostLaunchCooperativeKernel(void (*kernel)(P...), dim3 blocks, dim3 threads, void **arguments,
                                                      size_t shared, hostStream_t stream) {
    return gpu_host_cooperative(kernel, blocks, threads, arguments, shared, stream, std::make_index_sequence<sizeof...(P)>());
}
template <typename... P>
static inline hostError_t gpu_launch_together(void (*kernel)(P...), int64_t blocks, int threads, size_t shared, void *stream,
                                              void **arguments) {
    return hostLaunchCooperativeKernel(kernel, dim3((unsigned)blocks), dim3((unsigned)threads), arguments, shared,
                                       (hostStream_t)stream);
}
template <typename... P> static inline hostError_t gpu_allow_shared(void (*kernel)(P...), size_t bytes) {
    return hostFuncSetAttribute((const void *)kernel, hostFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
}

#include "kernels/gpu/bfloat16.h"

#if GPU_LANES == 32
#define GPU_HAS_MMA 1
#define GPU_HAS_WGMMA 1
#else
#define GPU_HAS_MMA 0
#define GPU_HAS_WGMMA 0
#endif

#endif
