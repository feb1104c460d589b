/* SPDX-License-Identifier: Apache-2.0 */
/* A thread an id. */
#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"
#include "kernels/next_ids/next_ids.h"

namespace HDI_GPU_NAMESPACE {

enum { THREADS = 128 };

static __global__ void __launch_bounds__(THREADS) keep_ids(const hdi_operand ids, const hdi_operand x) {
    int64_t r = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (r < x.shape[0]) hdi_keep_ids_item(&ids, &x, r);
}

static __global__ void __launch_bounds__(THREADS)
    take_ids(const hdi_operand y, const hdi_operand given, const hdi_operand source, const hdi_operand ids) {
    int64_t t = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    if (t < y.shape[0]) hdi_take_ids_item(&y, &given, &source, &ids, t);
}

int hdi_keep_ids_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *o = call->operand;
    int64_t n = o[2].shape[0];
    if (n == 0) return GPU(Success);
    return (int)gpu_launch(keep_ids, (n + THREADS - 1) / THREADS, THREADS, 0, queue->stream, o[0], o[2]);
}

int hdi_take_ids_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *o = call->operand;
    int64_t n = o[0].shape[0];
    if (n == 0) return GPU(Success);
    return (int)gpu_launch(take_ids, (n + THREADS - 1) / THREADS, THREADS, 0, queue->stream, o[0], o[1], o[2], o[3]);
}

} // namespace HDI_GPU_NAMESPACE
