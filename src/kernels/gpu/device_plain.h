/* SPDX-License-Identifier: Apache-2.0 */
/* Words of vendor.h in plain CUDA C, for compilers of its dialect without PTX: nothing is asynchronous, hints do nothing. */
#ifndef HDI_KERNELS_GPU_DEVICE_PLAIN_H
#define HDI_KERNELS_GPU_DEVICE_PLAIN_H

static __device__ __forceinline__ int gpu_dot4(int a, int b, int c) {
    for (int i = 0; i < 4; i++) c += (int)(int8_t)(a >> 8 * i) * (int)(int8_t)(b >> 8 * i);
    return c;
}
template <typename T> static __device__ __forceinline__ T gpu_load_stream(const T *p) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "gpu_load_stream loads 4, 8 or 16 bytes");
    return *p;
}
static __device__ __forceinline__ void gpu_prefetch(const void *) {}
static __device__ __forceinline__ unsigned gpu_load_acquire(const unsigned *p) {
    unsigned v = *(const volatile unsigned *)p;
    __threadfence();
    return v;
}
static __device__ __forceinline__ void gpu_add_release(unsigned *p, unsigned n) {
    __threadfence();
    atomicAdd(p, n);
}
static __device__ __forceinline__ uint64_t gpu_load_acquire_system(const uint64_t *p) {
    uint64_t v = *(const volatile uint64_t *)p;
    __threadfence_system();
    return v;
}
static __device__ __forceinline__ void gpu_store_release_system(uint64_t *p, uint64_t v) {
    __threadfence_system();
    *(volatile uint64_t *)p = v;
}
static __device__ __forceinline__ void gpu_rest(unsigned) {}
static __device__ __forceinline__ void gpu_copy_async(void *shared, const void *global, int n, int valid) {
    for (int i = 0; i < n; i += 4) {
        uint32_t word = 0;
        for (int b = 0; b < 4; b++)
            if (i + b < valid) word |= (uint32_t)((const uint8_t *)global)[i + b] << 8 * b;
        *(uint32_t *)((char *)shared + i) = word;
    }
}
static __device__ __forceinline__ void gpu_copy_commit() {}
template <int N> static __device__ __forceinline__ void gpu_copy_wait() {}

#endif
