/* SPDX-License-Identifier: Apache-2.0 */
/* What attention's tensor-core kernels share: products of either 16-bit type, and floats brought to it. */
#ifndef HDI_KERNELS_ATTENTION_PACK_GPU_H
#define HDI_KERNELS_ATTENTION_PACK_GPU_H

#include "kernels/gpu/element.h"
#include "kernels/gpu/mma.h"

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_MMA
static __device__ __forceinline__ void attention_product(bf16, float *d, const uint32_t *a, const uint32_t *b) {
    gpu_mma_bf16(d, a, b);
}
static __device__ __forceinline__ void attention_product(f16, float *d, const uint32_t *a, const uint32_t *b) {
    gpu_mma_f16(d, a, b);
}
#endif

/* Two floats in one register, the first in the low half. */
#if GPU_PTX
static __device__ __forceinline__ uint32_t attention_pack(bf16, float low, float high) {
    uint32_t x;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
    return x;
}
static __device__ __forceinline__ uint32_t attention_pack(f16, float low, float high) {
    uint32_t x;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(x) : "f"(high), "f"(low));
    return x;
}
#else
template <typename T> static __device__ __forceinline__ uint32_t attention_pack(T, float low, float high) {
    return (uint32_t)T::put(low) | (uint32_t)T::put(high) << 16;
}
#endif

/* x as the sum of two numbers of type T; what is not finite, as the first alone. */
template <typename T> static __device__ __forceinline__ void attention_two(float x, uint16_t *high, uint16_t *low) {
    *high = (uint16_t)attention_pack(T(), x, 0);
    const float first = T::get(*high);
    *low = fabsf(first) < INFINITY ? (uint16_t)attention_pack(T(), x - first, 0) : (uint16_t)0;
}

} // namespace HDI_GPU_NAMESPACE

#endif
