/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of f32, f16 and bf16 as one template parameter: a tag a type, with its storage and its conversions. */
#ifndef HDI_KERNELS_GPU_ELEMENT_H
#define HDI_KERNELS_GPU_ELEMENT_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

struct f32 {
    typedef float storage;
    static __device__ __forceinline__ float get(storage x) { return x; }
    static __device__ __forceinline__ storage put(float x) { return x; }
};
struct f16 {
    typedef uint16_t storage;
    static __device__ __forceinline__ float get(storage x) { return gpu_f16_to_f32(x); }
    static __device__ __forceinline__ storage put(float x) { return gpu_f32_to_f16(x); }
};
struct bf16 {
    typedef uint16_t storage;
    static __device__ __forceinline__ float get(storage x) { return gpu_bf16_to_f32(x); }
    static __device__ __forceinline__ storage put(float x) { return gpu_f32_to_bf16(x); }
};

/* Calls f with the tag of a plain float dtype: gpu_with_float(dtype, [&](auto t) { typedef decltype(t) T; ... }). f gives a
 * GPU(Error_t) as int. */
template <typename F> static inline int gpu_with_float(int dtype, F f) {
    switch (dtype) {
    case HD_DTYPE_F32: return f(f32());
    case HD_DTYPE_F16: return f(f16());
    case HD_DTYPE_BF16: return f(bf16());
    default: return HDI_GPU_UNSUPPORTED;
    }
}

} // namespace HDI_GPU_NAMESPACE

#endif
