/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory. */
#include "kernels/gelu/gelu.h"
#include "kernels/gpu/map.h"

namespace HDI_GPU_NAMESPACE {

namespace {
struct by_erf {
    static __device__ __forceinline__ float of(float x, float) { return x * 0.5f * (erff(x * 0x1.6a09e6p-1f) + 1.0f); }
};
struct by_tanh {
    static __device__ __forceinline__ float of(float x, float) {
        float inner = x * fmaf(x * x, 0.044715f, 1.0f);
        return x * 0.5f * (tanhf(inner * 0x1.988454p-1f) + 1.0f);
    }
};
} // namespace

int hdi_gelu_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    bool tanh = ((const hdi_gelu_attr *)call->attr)->tanh;
    return gpu_with_float(call->operand->dtype, [&](auto t) {
        return tanh ? gpu_map<decltype(t), 2, by_tanh>(queue, call->operand)
                    : gpu_map<decltype(t), 2, by_erf>(queue, call->operand);
    });
}

} // namespace HDI_GPU_NAMESPACE
