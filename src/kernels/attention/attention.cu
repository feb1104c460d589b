/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel attention takes, from shapes alone: split decode while there are few tokens for each sequence, tiles of queries
 * otherwise. */
#include "kernels/attention/attention_gpu.h"
#include "kernels/attention/attention_prefill_gpu.h"

namespace HDI_GPU_NAMESPACE {

/* Blocks of a multiprocessor that registers must leave room for: what is under way to all of them hides the memory's delay. */
static constexpr int resident(int width) { return width == 1 ? 4 : 2; }

template <typename KV, int W>
static __global__ void __launch_bounds__(ATTENTION_THREADS, resident(W)) attention_decode(const attention_args a, int64_t items) {
    GPU_SHARED_DYNAMIC(shared);
    for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
        attention_decode_cell<KV, W>(a, item, shared);
        __syncthreads();
    }
}

template <typename KV, int W> static int launch_decode(hdi_gpu_queue *queue, const attention_args &a) {
    const int64_t items = attention_items(a), most = (int64_t)1 << 30;
    int error = (int)gpu_allow_shared(attention_decode<KV, W>, attention_shared(a));
    if (error != GPU(Success)) return error;
    return (int)gpu_launch(attention_decode<KV, W>, items < most ? items : most, ATTENTION_THREADS, attention_shared(a),
                           queue->stream, a, items);
}

static int decode(hdi_gpu_queue *queue, attention_args *a) {
    int error = attention_cut(queue, queue->shared_limit, a);
    if (error != GPU(Success)) return error;
    return gpu_with_float(a->kv_type, [&](auto t) {
        typedef decltype(t) KV;
        const int width = attention_width(a->heads);
        return width == 1   ? launch_decode<KV, 1>(queue, *a)
               : width == 4 ? launch_decode<KV, 4>(queue, *a)
                            : launch_decode<KV, 8>(queue, *a);
    });
}

int hdi_attention_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    enum { FEW = 4 }; /* tokens a sequence */
    const hdi_operand *out = &call->operand[0];
    if (out->shape[0] == 0 || out->shape[1] == 0 || out->shape[2] == 0) return GPU(Success);
    attention_args a = attention_args_of(call);
    int error = HDI_GPU_UNSUPPORTED;
    if ((int64_t)a.tokens > FEW * (int64_t)a.seqs) {
        error = attention_prefill_mma(queue, &a);
        if (error == HDI_GPU_UNSUPPORTED) error = attention_prefill_plain(queue, &a);
    }
    return error == HDI_GPU_UNSUPPORTED ? decode(queue, &a) : error; /* which takes heads of any size */
}

} // namespace HDI_GPU_NAMESPACE
