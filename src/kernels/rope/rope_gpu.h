/* SPDX-License-Identifier: Apache-2.0 */
/* What GPU kernels that rotate heads share: one pair. */
#ifndef HDI_KERNELS_ROPE_GPU_H
#define HDI_KERNELS_ROPE_GPU_H

#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

/* (a, b) turned by the angle of which these are the cosine and the sine. */
static __device__ __forceinline__ void gpu_rope_pair(float &a, float &b, float cos, float sin) {
    float x = a * cos - b * sin;
    b = b * cos + a * sin;
    a = x;
}

} // namespace HDI_GPU_NAMESPACE

#endif
