/* SPDX-License-Identifier: Apache-2.0 */
/* The persistent kernel: one launch whose blocks stay and walk through the units of a plan in order, each block doing its share of
 * every unit's items. Nothing is launched between units, and blocks meet only where data flows: a block that has done its share of a
 * unit adds to the unit's counter, and who needs the unit waits until the counter is full, its own first weights meanwhile on their
 * way. The last block to leave sets the counters back to zero for the next run. All blocks must be resident at once.
 * It walks over what one token of one sequence takes: products of one row, alone or in groups, and attention. */
#include "kernels/attention/attention_gpu.h"
#include "kernels/gpu/unit.h"
#include "kernels/linear/linear_panel_gpu.h"
#include "kernels/linear/linear_vector_gpu.h"
#include "kernels/rows.h"

namespace HDI_GPU_NAMESPACE {

/* All threads of the block wait until every block has ended the unit of this counter. */
struct wait_for_unit {
    const unsigned *ended; /* NULL: for nothing */
    __device__ __forceinline__ void operator()() const {
        if (!ended) return;
        if (threadIdx.x == 0)
            while (gpu_load_acquire(ended) < gridDim.x) gpu_pause();
        __syncthreads();
    }
};

/* Each body is a function of its own: together they would need more registers than there are.
 * Products take the items of a block in turn themselves, and ask for their first weights before they wait. */
template <typename Product> static __device__ __noinline__ void run_product(const gpu_unit *unit, char *shared, wait_for_unit wait) {
    Product::run(*(const linear_args *)unit->args, blockIdx.x, shared, wait);
}

template <typename Arithmetic> static __device__ __noinline__ void run_attention(const gpu_unit *unit, char *shared, wait_for_unit wait) {
    wait();
    for (int64_t item = blockIdx.x; item < unit->items; item += gridDim.x) {
        attention_decode_cell<Arithmetic>(*(const attention_args *)unit->args, item, shared);
        __syncthreads();
    }
}

template <typename KV> static __device__ __forceinline__ void attend(const gpu_unit *unit, char *shared, wait_for_unit wait) {
    const attention_args &a = *(const attention_args *)unit->args;
#if GPU_HAS_MMA
    if constexpr (sizeof(typename KV::storage) == 2)
        if (a.warp) return run_attention<attention_warp<KV>>(unit, shared, wait);
#endif
    if (a.heads == 1) return run_attention<attention_plain<KV, 1>>(unit, shared, wait);
    if (a.heads <= 4) return run_attention<attention_plain<KV, 4>>(unit, shared, wait);
    run_attention<attention_plain<KV, 8>>(unit, shared, wait);
}

static __device__ __forceinline__ void run_unit(const gpu_unit *unit, char *shared, wait_for_unit wait) {
    switch (unit->body) {
    case GPU_BODY_LINEAR_F32: return run_product<linear_one_f32>(unit, shared, wait);
    case GPU_BODY_LINEAR_F16: return run_product<linear_one_f16>(unit, shared, wait);
    case GPU_BODY_LINEAR_BF16: return run_product<linear_one_bf16>(unit, shared, wait);
    case GPU_BODY_LINEAR_Q8_0: return run_product<linear_one_q8_0>(unit, shared, wait);
    case GPU_BODY_LINEAR_Q4_0: return run_product<linear_one_q4_0>(unit, shared, wait);
    case GPU_BODY_ATTENTION_F32: return attend<f32>(unit, shared, wait);
    case GPU_BODY_ATTENTION_F16: return attend<f16>(unit, shared, wait);
    case GPU_BODY_ATTENTION_BF16: return attend<bf16>(unit, shared, wait);
    }
}

/* A unit's data to shared memory, where all threads read it at once; there after the next barrier. */
static __device__ __forceinline__ void bring(const gpu_unit *from, gpu_unit *to) {
    enum { WORDS = sizeof(gpu_unit) / sizeof(uint4) };
    for (int i = (int)threadIdx.x; i < WORDS; i += GPU_UNIT_THREADS) ((uint4 *)to)[i] = ((const uint4 *)from)[i];
}

/* counters: one a unit, then one for those who leave; zero before and after. */
static __global__ void __launch_bounds__(GPU_UNIT_THREADS, GPU_UNIT_RESIDENT) walk(const gpu_unit *units, int n, unsigned *counters) {
    GPU_SHARED_DYNAMIC(shared);
    GPU_SHARED(unsigned, left, 1);
    GPU_SHARED(gpu_unit, held, 2); /* the present unit and the next */
    bring(&units[0], &held[0]);
    __syncthreads();
    for (int u = 0; u < n; u++) {
        const gpu_unit *unit = &held[u % 2];
        if (u + 1 < n) bring(&units[u + 1], &held[(u + 1) % 2]);
        if (blockIdx.x < unit->items) run_unit(unit, shared, {unit->wait < 0 ? nullptr : &counters[unit->wait]});
        __syncthreads(); /* the next unit uses the same shared memory; and all is written before it counts as ended */
        if (threadIdx.x == 0) {
            __threadfence();
            gpu_add_release(&counters[u], 1);
        }
    }
    if (threadIdx.x == 0) left[0] = atomicAdd(&counters[n], 1u);
    __syncthreads();
    for (int u = (int)threadIdx.x; left[0] == gridDim.x - 1 && u <= n; u += GPU_UNIT_THREADS) counters[u] = 0;
}

/* ---- on the host ---- */

static int fill(hdi_gpu_queue *queue, int group, hdi_kernel_id kernel, const hdi_kernel_call *calls, int n, int wait, void *to) {
    const hdi_gpu_kernels *kernels = hdi_gpu_table();
    const hdi_gpu_fn op = group < 0 ? kernels->op[kernel] : nullptr;
    gpu_unit *unit = (gpu_unit *)to;
    if (op != hdi_attention_gpu) { /* groups are all products; more rows than one take other ways */
        if ((op && op != hdi_linear_gpu) || hdi_row_count(&calls[0].operand[0]) != 1) return HDI_GPU_UNSUPPORTED;
    } else if (calls[0].operand[0].shape[0] != 1) {
        return HDI_GPU_UNSUPPORTED;
    }
    *unit = gpu_unit();
    queue->unit = unit;
    int error = op ? op(queue, calls) : kernels->group[group](queue, calls, n);
    queue->unit = nullptr;
    unit->wait = wait;
    if (error != GPU(Success)) return error;
    const size_t own = 2 * sizeof(gpu_unit) + 64; /* what the kernel itself holds in shared memory */
    bool fits = unit->body != GPU_BODY_NONE && GPU_UNIT_RESIDENT * (unit->shared + own) <= queue->shared_limit;
    return fits ? (int)GPU(Success) : (int)HDI_GPU_UNSUPPORTED;
}

static size_t shared_of(const void *unit) { return ((const gpu_unit *)unit)->shared; }

static int launch(hdi_gpu_queue *queue, const void *units, int n, unsigned *counters, size_t shared) {
    const gpu_unit *all = (const gpu_unit *)units;
    void *arguments[] = {&all, &n, &counters};
    GPU(Error_t) error = gpu_allow_shared(walk, shared);
    if (error != GPU(Success)) return (int)error;
    return (int)gpu_launch_together(walk, queue->units * GPU_UNIT_RESIDENT, GPU_UNIT_THREADS, shared, queue->stream, arguments);
}

void hdi_gpu_walk_table(hdi_gpu_kernels *kernels) {
    kernels->walk_unit_bytes = sizeof(gpu_unit);
    kernels->walk_fill = fill;
    kernels->walk_shared = shared_of;
    kernels->walk = launch;
}

} // namespace HDI_GPU_NAMESPACE
