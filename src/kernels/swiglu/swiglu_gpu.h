/* SPDX-License-Identifier: Apache-2.0 */
/* What GPU kernels that end in a swiglu share with it. */
#ifndef HDI_KERNELS_SWIGLU_GPU_H
#define HDI_KERNELS_SWIGLU_GPU_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

static __device__ __forceinline__ float gpu_swiglu(float gate, float up) { return up * (gate / (expf(-gate) + 1.0f)); }

} // namespace HDI_GPU_NAMESPACE

#endif
