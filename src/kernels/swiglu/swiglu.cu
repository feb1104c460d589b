/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory. */
#include "kernels/gpu/map.h"
#include "kernels/swiglu/swiglu.h"
#include "kernels/swiglu/swiglu_gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
struct gated {
    static __device__ __forceinline__ float of(float gate, float up) { return gpu_swiglu(gate, up); }
};
} // namespace

int hdi_swiglu_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    return gpu_with_float(call->operand->dtype, [&](auto t) { return gpu_map<decltype(t), 3, gated>(queue, call->operand); });
}

} // namespace HDI_GPU_NAMESPACE
