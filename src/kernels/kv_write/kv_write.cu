/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: x once in and once out. */
#include "kernels/gpu/pack.h"
#include "kernels/kv_write/kv_write.h"
#include "kernels/kv_write/kv_write_gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct kv_write_args {
    gpu_cache cache;
    const void *x;
    const int32_t *slots;
    int64_t tokens, heads, d, packs; /* packs of a head */
    int64_t x_token, x_head, slot_stride;
};
} // namespace

template <typename X, typename C, int E, bool VECTOR>
static __global__ void __launch_bounds__(THREADS) kv_write(const kv_write_args a) {
    gpu_begin();
    int64_t total = a.tokens * a.heads * a.packs, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.packs), i = (item - row * a.packs) * E;
        int64_t t = gpu_divide(row, a.heads), h = row - t * a.heads, at = gpu_cache_offset(a.cache, a.slots[t * a.slot_stride]);
        float v[E];
        if (at < 0) continue;
        gpu_load<X, E, VECTOR>((const typename X::storage *)a.x + t * a.x_token + h * a.x_head + i, a.d - i, v);
        gpu_store<C, E, VECTOR>((typename C::storage *)a.cache.data + at + h * a.cache.head_stride + i, a.d - i, v);
    }
}

template <typename X, typename C> static int launch_kv_write(hdi_gpu_queue *queue, kv_write_args a, bool vector) {
    enum { E = 16 / sizeof(typename C::storage) };
    a.packs = vector ? (a.d + E - 1) / E : a.d;
    int64_t items = a.tokens * a.heads * a.packs, blocks = gpu_blocks(queue, items, THREADS);
    if (items == 0) return GPU(Success);
    return vector ? gpu_launch_early(queue, (kv_write<X, C, E, true>), blocks, THREADS, 0, a)
                  : gpu_launch_early(queue, (kv_write<X, C, 1, false>), blocks, THREADS, 0, a);
}

int hdi_kv_write_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *cache = &call->operand[0], *x = &call->operand[2], *slots = &call->operand[3];
    kv_write_args a = {};
    a.cache = gpu_cache_of(cache);
    a.x = x->data;
    a.slots = (const int32_t *)slots->data;
    a.tokens = x->shape[0], a.heads = x->shape[1], a.d = x->shape[2];
    a.x_token = x->stride[0], a.x_head = x->stride[1], a.slot_stride = slots->stride[0];
    bool vector = gpu_rows_aligned(cache) && gpu_rows_aligned(x);
    if (x->dtype == cache->dtype)
        return gpu_with_float(x->dtype, [&](auto t) { return launch_kv_write<decltype(t), decltype(t)>(queue, a, vector); });
    if (x->dtype == HD_DTYPE_F32 && cache->dtype == HD_DTYPE_F16) return launch_kv_write<f32, f16>(queue, a, vector);
    if (x->dtype == HD_DTYPE_F32 && cache->dtype == HD_DTYPE_BF16) return launch_kv_write<f32, bf16>(queue, a, vector);
    return HDI_GPU_UNSUPPORTED;
}

} // namespace HDI_GPU_NAMESPACE
