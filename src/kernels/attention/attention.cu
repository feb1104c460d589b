/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel attention takes, from shapes alone: split decode while there are few tokens for each sequence, tiles of queries
 * otherwise. */
#include "kernels/attention/attention_gpu.h"
#include "kernels/attention/attention_prefill_gpu.h"
#include "kernels/gpu/early.h"
#include "kernels/gpu/unit.h"

namespace HDI_GPU_NAMESPACE {

/* M: the arithmetic; BLOCKS: of a multiprocessor, that registers must leave room for: what is under way to all of them hides the
 * memory's delay. */
template <typename M, int BLOCKS>
static __global__ void __launch_bounds__(ATTENTION_THREADS, BLOCKS) attention_decode(const attention_args a, int64_t items) {
    GPU_SHARED_DYNAMIC(shared);
    gpu_wait_previous();
    gpu_let_next_begin(); /* few tokens leave most multiprocessors idle: the next kernel's weights may come there meanwhile */
    for (int64_t item = blockIdx.x; item < items; item += gridDim.x) {
        attention_decode_cell<M>(a, item, shared);
        __syncthreads();
    }
}

template <typename M, int BLOCKS> static int launch(hdi_gpu_queue *queue, const attention_args &a) {
    const int64_t items = attention_items(a), most = (int64_t)1 << 30;
    const size_t shared = attention_shared(a);
    const int error = (int)gpu_allow_shared(attention_decode<M, BLOCKS>, shared);
    if (error != GPU(Success)) return error;
    return gpu_launch_early(queue, attention_decode<M, BLOCKS>, items < most ? items : most, ATTENTION_THREADS, shared, a, items);
}

static gpu_body body_of(int kv_type) {
    return kv_type == HD_DTYPE_F32 ? GPU_BODY_ATTENTION_F32 : kv_type == HD_DTYPE_F16 ? GPU_BODY_ATTENTION_F16 : GPU_BODY_ATTENTION_BF16;
}

static int decode(hdi_gpu_queue *queue, attention_args *a) {
    const int error = attention_cut(queue, queue->shared_limit, a);
    if (error != GPU(Success)) return error;
    if (queue->unit) return gpu_describe(queue->unit, body_of(a->kv_type), attention_items(*a), attention_shared(*a), *a);
    return gpu_with_float(a->kv_type, [&](auto t) {
        typedef decltype(t) KV;
#if GPU_HAS_MMA
        if constexpr (sizeof(typename KV::storage) == 2)
            if (a->warp) return launch<attention_warp<KV>, 4>(queue, *a);
#endif
        if (a->heads == 1) return launch<attention_plain<KV, 1>, 4>(queue, *a);
        return a->heads <= 4 ? launch<attention_plain<KV, 4>, 2>(queue, *a) : launch<attention_plain<KV, 8>, 2>(queue, *a);
    });
}

int hdi_attention_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    enum { FEW = 4 }; /* tokens a sequence, */
    const hdi_operand *out = &call->operand[0];
    if (out->shape[0] == 0 || out->shape[1] == 0 || out->shape[2] == 0) return GPU(Success);
    attention_args a = attention_args_of(call);
    int error = HDI_GPU_UNSUPPORTED;
    /* or so few that tiles would leave most multiprocessors idle while a few go through all keys */
    const bool few = (int64_t)a.tokens <= FEW * (int64_t)a.seqs || (int64_t)a.tokens * a.kv_heads <= queue->units;
    if (!queue->unit && !few) {
        error = attention_prefill_mma(queue, &a);
        if (error == HDI_GPU_UNSUPPORTED) error = attention_prefill_plain(queue, &a);
    }
    return error == HDI_GPU_UNSUPPORTED ? decode(queue, &a) : error; /* which takes heads of any size */
}

} // namespace HDI_GPU_NAMESPACE
