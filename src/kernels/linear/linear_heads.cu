/* SPDX-License-Identifier: Apache-2.0 */
/* Finishes q, k and v that lie as their products left them: the norms of heads, rotation, the write into the paged cache, in one
 * pass. A warp a head of a token; a lane reads and writes pairs of dims, each once but for the norm: the limit is memory. */
#include "kernels/gpu/early.h"
#include "kernels/linear/linear_gpu.h"

namespace HDI_GPU_NAMESPACE {

static __global__ void __launch_bounds__(LINEAR_THREADS) finish_heads(const linear_heads h) {
    gpu_wait_previous();
    gpu_let_next_begin();
    const linear_args &a = h.all;
    const linear_rotary &t = a.rotary;
    int32_t heads[3] = {a.part[0].n / t.d, a.part[1].n / t.d, a.part[2].n / t.d}, all = heads[0] + heads[1] + heads[2];
    int lane = (int)threadIdx.x % GPU_LANES;
    int64_t item = (int64_t)blockIdx.x * LINEAR_WARPS + (int)threadIdx.x / GPU_LANES;
    if (item >= (int64_t)a.rows * all) return;
    int64_t m = item / all;
    int32_t head = (int32_t)(item - m * all), part = 0;
    for (; part < 2 && head >= heads[part]; part++) head -= heads[part];
    const float *from = t.raw[part] + m * t.raw_stride[part] + (int64_t)head * t.d;
    const float *norm = part < 2 ? h.norm[part] : NULL;
    linear_part bias = a.part[part];
    if (h.biased) bias.bias = NULL;
    auto get = [&](int i) { return linear_biased(bias, head * t.d + i, from[i]); };
    float scale = 1;
    if (norm) { /* every lane has read the head before any writes it: the two may be one memory */
        float sum = 0;
        for (int i = lane; i < t.d; i += GPU_LANES) {
            float v = get(i);
            sum = fmaf(v, v, sum);
        }
        scale = 1.0f / sqrtf(gpu_warp_sum(sum) / (float)t.d + h.eps[part]);
    }
    for (int j = lane; j < t.d / 2; j += GPU_LANES) {
        bool halves = part < 2 && !t.interleaved && j < t.r;
        int u = halves ? j : 2 * j, v = halves ? j + t.r : 2 * j + 1;
        float x = get(u), y = get(v);
        if (norm) x = x * scale * norm[u], y = y * scale * norm[v];
        linear_finish_qkv(a, {part, part, head * t.d + u, head * t.d + v}, m, x, y);
    }
}

int hdi_linear_finish_heads(hdi_gpu_queue *queue, const linear_heads *heads) {
    const linear_args *a = &heads->all;
    int64_t items = (int64_t)a->rows * ((a->part[0].n + a->part[1].n + a->part[2].n) / a->rotary.d);
    return gpu_launch_early(queue, finish_heads, hdi_ceil_div(items, LINEAR_WARPS), LINEAR_THREADS, 0, *heads);
}

} // namespace HDI_GPU_NAMESPACE
