/* SPDX-License-Identifier: Apache-2.0 */
/* bfloat16 by shifts, alike on every vendor. */
#ifndef HDI_KERNELS_GPU_BFLOAT16_H
#define HDI_KERNELS_GPU_BFLOAT16_H

static __device__ __forceinline__ float gpu_bits_to_f32(uint32_t u) {
    union {
        uint32_t u;
        float x;
    } v = {u};
    return v.x;
}
static __device__ __forceinline__ uint32_t gpu_f32_to_bits(float x) {
    union {
        float x;
        uint32_t u;
    } v = {x};
    return v.u;
}
static __device__ __forceinline__ float gpu_bf16_to_f32(uint16_t h) { return gpu_bits_to_f32((uint32_t)h << 16); }
static __device__ __forceinline__ uint16_t gpu_f32_to_bf16(float x) {
    uint32_t u = gpu_f32_to_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u); /* NaN: keep it one */
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

#endif
