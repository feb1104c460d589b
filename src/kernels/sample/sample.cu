/* SPDX-License-Identifier: Apache-2.0 */
/* Three launches: the best of each slice of a row; lists of the candidates near the best of the row, with the masses; then a
 * block a row filters and draws from the lists (sample_gpu.h). The first two read the logits with the whole device and are
 * limited by memory, the last by the latency of its passes over what is left: a few thousand candidates as a rule. */
#include "kernels/sample/sample.h"
#include "kernels/argmax/argmax_gpu.h"
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/sample/sample_gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct sample_args {
    int32_t *ids;
    const float *logits, *params;
    int64_t id_stride, logit_stride, param_stride;
    int64_t rows, n, slice;
    int slices;
    float unit;
    gpu_best *winners;           /* of each slice of each row */
    sample_mass *masses, *nears; /* of each slice: of all, of its list */
    unsigned *counts;            /* of its list */
    float *keys;                 /* lists: [rows][slices * slice] */
    int32_t *list;
};
} // namespace

template <bool VECTOR> static __global__ void __launch_bounds__(THREADS) sample_best(const sample_args a) {
    gpu_begin();
    GPU_SHARED(gpu_best, shared, GPU_MAX_WARPS);
    int64_t row = (int64_t)blockIdx.x / a.slices, slice = (int64_t)blockIdx.x % a.slices;
    int64_t from = slice * a.slice, to = from + a.slice < a.n ? from + a.slice : a.n;
    const float *logits = a.logits + row * a.logit_stride;
    gpu_best best = gpu_block_best(gpu_best_of<f32, THREADS, VECTOR>(logits, from, to), shared);
    if (threadIdx.x == 0) a.winners[blockIdx.x] = best;
}

/* The best of the row, for all threads. */
static __device__ __forceinline__ gpu_best best_of_row(const sample_args &a, int64_t row, gpu_best *shared) {
    gpu_best best = gpu_no_best();
    for (int s = (int)threadIdx.x; s < a.slices; s += (int)blockDim.x) {
        gpu_best other = a.winners[row * a.slices + s];
        gpu_take_better(best, other.key, other.index);
    }
    return gpu_block_best(best, shared);
}

/* Neither a NaN nor an infinity is the largest logit. */
static __device__ __forceinline__ bool is_finite(gpu_best best) {
    return best.key < gpu_order_of(INFINITY) && best.key > gpu_order_of(-INFINITY);
}

static __global__ void __launch_bounds__(THREADS) sample_list(const sample_args a) {
    gpu_begin();
    enum { WARPS = THREADS / GPU_LANES };
    GPU_SHARED(gpu_best, bests, GPU_MAX_WARPS);
    GPU_SHARED(unsigned, taken, WARPS);
    GPU_SHARED(sample_mass, partial, GPU_MAX_WARPS);
    GPU_SHARED(sample_mass, partial2, GPU_MAX_WARPS);
    int64_t row = (int64_t)blockIdx.x / a.slices, slice = (int64_t)blockIdx.x % a.slices;
    int64_t from = slice * a.slice, to = from + a.slice < a.n ? from + a.slice : a.n, lists = row * a.slices * a.slice;
    const float *logits = a.logits + row * a.logit_stride, *params = a.params + row * a.param_stride;
    int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES;
    float temperature = params[HDI_SAMPLE_TEMPERATURE];
    gpu_best best = best_of_row(a, row, bests);
    if (!(temperature > 0.0f) || !is_finite(best)) return; /* nothing to list */
    float max = logits[best.index];
    sample_mass all = 0, near_mass = 0;
    unsigned count = 0;
    for (int64_t start = from; start < to; start += THREADS) {
        int64_t i = start + threadIdx.x;
        float key = i < to ? sample_key(logits[i], max, temperature) : INFINITY;
        bool near = key < 16.0f;
        sample_mass mass = sample_mass_of(key, a.unit);
        uint64_t votes = gpu_ballot(near);
        unsigned before = count, rank = (unsigned)sample_count_bits(votes & (((uint64_t)1 << lane) - 1));
        all += mass;
        near_mass += near ? mass : 0;
        if (lane == 0) taken[warp] = (unsigned)sample_count_bits(votes);
        __syncthreads();
        for (int w = 0; w < WARPS; w++) {
            if (w < warp) before += taken[w];
            count += taken[w];
        }
        if (near) {
            a.keys[lists + from + before + rank] = key;
            a.list[lists + from + before + rank] = (int32_t)i;
        }
        __syncthreads();
    }
    all = sample_block_sum(all, partial);
    near_mass = sample_block_sum(near_mass, partial2);
    if (threadIdx.x != 0) return;
    a.masses[blockIdx.x] = all;
    a.nears[blockIdx.x] = near_mass;
    a.counts[blockIdx.x] = count;
}

static __device__ int32_t draw_row(const sample_args &a, int64_t row, gpu_best best, sample_shared &shared) {
    int64_t first = row * a.slices, lists = first * a.slice;
    const float *logits = a.logits + row * a.logit_stride, *params = a.params + row * a.param_stride;
    const sample_row r = {logits,
                          a.keys + lists,
                          a.list + lists,
                          a.counts + first,
                          a.n,
                          a.slice,
                          a.slices,
                          logits[best.index],
                          params[HDI_SAMPLE_TEMPERATURE],
                          a.unit};
    sample_mass all = 0, near = 0, count = 0;
    for (int s = (int)threadIdx.x; s < a.slices; s += SAMPLE_THREADS) {
        all += a.masses[first + s];
        near += a.nears[first + s];
        count += a.counts[first + s];
    }
    all = sample_block_sum(all, shared.partial);
    __syncthreads();
    near = sample_block_sum(near, shared.partial);
    __syncthreads();
    count = sample_block_sum(count, shared.partial);
    __syncthreads();
    sample_filter f = {r, shared, false, false, all, near, 0x7f800000u, 0, INT32_MAX, 0.0, false, 0.0f};
    f.top_k(params[HDI_SAMPLE_TOP_K], count);
    f.typical(params[HDI_SAMPLE_TYPICAL_P]);
    f.top_p(params[HDI_SAMPLE_TOP_P]);
    f.min_p(params[HDI_SAMPLE_MIN_P]);
    return f.draw(params[HDI_SAMPLE_UNIFORM]);
}

static __global__ void __launch_bounds__(SAMPLE_THREADS, 1) sample_draw(const sample_args a) {
    gpu_begin();
    GPU_SHARED(sample_shared, shared, 1);
    GPU_SHARED(gpu_best, bests, GPU_MAX_WARPS);
    int64_t row = blockIdx.x;
    gpu_best best = best_of_row(a, row, bests);
    int32_t id = -1;
    if (is_finite(best)) {
        if (a.params[row * a.param_stride + HDI_SAMPLE_TEMPERATURE] > 0.0f)
            id = draw_row(a, row, best, shared[0]);
        else
            id = (int32_t)best.index;
    }
    if (threadIdx.x == 0) a.ids[row * a.id_stride] = id;
}

/* Places the arrays of a.rows rows behind one another from `at` on; gives the bytes of all. */
static size_t place_work(sample_args *a, char *at) {
    size_t slices = (size_t)(a->rows * a->slices), listed = slices * (size_t)a->slice, bytes = 0;
    a->winners = (gpu_best *)(at + bytes), bytes += slices * sizeof *a->winners;
    a->masses = (sample_mass *)(at + bytes), bytes += slices * sizeof *a->masses;
    a->nears = (sample_mass *)(at + bytes), bytes += slices * sizeof *a->nears;
    a->counts = (unsigned *)(at + bytes), bytes += slices * sizeof *a->counts;
    a->keys = (float *)(at + bytes), bytes += listed * sizeof *a->keys;
    a->list = (int32_t *)(at + bytes), bytes += listed * sizeof *a->list;
    return bytes;
}

static int launch_rows(hdi_gpu_queue *queue, const sample_args &a) {
    int64_t blocks = a.rows * a.slices;
    bool vector = (uintptr_t)a.logits % 16 == 0 && (a.rows == 1 || a.logit_stride % 4 == 0);
    int error = vector ? gpu_launch_early(queue, sample_best<true>, blocks, THREADS, 0, a)
                       : gpu_launch_early(queue, sample_best<false>, blocks, THREADS, 0, a);
    if (!error) error = gpu_launch_early(queue, sample_list, blocks, THREADS, 0, a);
    if (!error) error = gpu_launch_early(queue, sample_draw, a.rows, SAMPLE_THREADS, 0, a);
    return error;
}

int hdi_sample_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *ids = &call->operand[0], *logits = &call->operand[1], *params = &call->operand[2];
    const size_t most = (size_t)512 << 20; /* bytes of lists at a time */
    sample_args a = {};
    int64_t rows = logits->shape[0], bits = 0;
    a.n = logits->shape[1];
    if (rows == 0 || a.n == 0) return GPU(Success);
    while (a.n >> bits) bits++;
    a.unit = bits <= 18 ? 0x1p44f : ldexpf(1.0f, (int)(62 - bits));
    a.slice = ((a.n + SAMPLE_SLICES - 1) / SAMPLE_SLICES + 1023) / 1024 * 1024;
    a.slices = (int)((a.n + a.slice - 1) / a.slice);
    a.id_stride = ids->stride[0], a.logit_stride = logits->stride[0], a.param_stride = params->stride[0];
    a.rows = 1;
    int64_t together = (int64_t)(most / place_work(&a, nullptr));
    if (together < 1) together = 1;
    for (int64_t row = 0; row < rows; row += together) {
        void *work;
        a.rows = rows - row < together ? rows - row : together;
        int error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH, place_work(&a, nullptr), &work);
        if (error) return error;
        place_work(&a, (char *)work);
        a.ids = (int32_t *)ids->data + row * a.id_stride;
        a.logits = (const float *)logits->data + row * a.logit_stride;
        a.params = (const float *)params->data + row * a.param_stride;
        error = launch_rows(queue, a);
        if (error) return error;
    }
    return GPU(Success);
}

} // namespace HDI_GPU_NAMESPACE
