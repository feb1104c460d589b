/* SPDX-License-Identifier: Apache-2.0 */
/* A block a row. */
#include "kernels/gpu/element.h"
#include "kernels/gpu/reduce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rows.h"

namespace HDI_GPU_NAMESPACE {

enum { THREADS = 256 };

template <typename T>
static __global__ void __launch_bounds__(THREADS) rms_norm(const hdi_operand y, const hdi_operand x, const hdi_operand w, float eps) {
    typedef typename T::storage storage;
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    int64_t n = hdi_row_length(&y), row = blockIdx.x;
    const storage *from = (const storage *)x.data + hdi_row_offset(&x, row), *weight = (const storage *)w.data;
    storage *to = (storage *)y.data + hdi_row_offset(&y, row);
    float sum = 0;
    for (int64_t i = threadIdx.x; i < n; i += THREADS) {
        float v = T::get(from[i]);
        sum = fmaf(v, v, sum);
    }
    float scale = 1.0f / sqrtf(gpu_block_sum(sum, partial) / (float)n + eps);
    for (int64_t i = threadIdx.x; i < n; i += THREADS) to[i] = T::put(T::get(from[i]) * scale * T::get(weight[i]));
}

int hdi_rms_norm_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *o = call->operand;
    int64_t rows = hdi_row_count(o), n = hdi_row_length(o);
    float eps = ((const hdi_rms_norm_attr *)call->attr)->eps;
    if (rows == 0 || n == 0) return GPU(Success);
    return gpu_with_float(o->dtype, [&](auto t) {
        return (int)gpu_launch(rms_norm<decltype(t)>, rows, THREADS, 0, queue->stream, o[0], o[1], o[2], eps);
    });
}

} // namespace HDI_GPU_NAMESPACE
