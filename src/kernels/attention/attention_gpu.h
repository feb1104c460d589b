/* SPDX-License-Identifier: Apache-2.0 */
/* Decode attention: the keys of a token are cut into splits that blocks take in parallel; the last block to finish adds them up.
 *
 * Bytes: k and v once; operations: 2 a byte of bf16 and head of a group, so memory is the limit. A block of 256 threads takes 64
 * keys at a time through shared memory, filled in the background: while it works on k, v is under way, while on v, the next k;
 * with four blocks on a multiprocessor that is 100 KiB under way. All heads of a group share what was read. The arithmetic is a
 * type with five words: attention_plain or attention_warp. attention_decode_item is one block's share, for any kernel that walks
 * over items. */
#ifndef HDI_KERNELS_ATTENTION_GPU_H
#define HDI_KERNELS_ATTENTION_GPU_H

#include "kernels/attention/attention_plain_gpu.h"
#include "kernels/attention/attention_warp_gpu.h"

namespace HDI_GPU_NAMESPACE {

/* out = sums / l; a token that sees no key gives zeros. */
static __device__ __forceinline__ void attention_write(const attention_args &a, const attention_cell &c, const float *total,
                                                       const float *sum) {
    for (int i = (int)threadIdx.x; i < c.heads * a.dv; i += ATTENTION_THREADS) {
        const int h = i / a.dv, e = i % a.dv;
        const float x = c.splits ? total[h * a.layout.columns + e] / sum[h] : 0;
        attention_store_out(a, c.token * a.out_token + (c.head0 + h) * a.out_head + e, x);
    }
}

/* What blocks leave for each other, of cell `id`: sums [slot][head][column], and [slot][head]{m, l}. */
static __device__ __forceinline__ float *attention_partial(const attention_args &a, int64_t id) {
    return a.partial + id * a.slots * a.heads * a.layout.columns;
}
static __device__ __forceinline__ float *attention_partial_ml(const attention_args &a, int64_t id) {
    const int64_t cells = (int64_t)a.tokens * a.kv_heads * a.head_blocks;
    return a.partial + cells * a.slots * a.heads * a.layout.columns + id * a.slots * a.heads * 2;
}

/* Adds up the splits of a cell from memory, in their order, with the very operations that one worker uses. */
template <int W> static __device__ void attention_combine(const attention_args &a, const attention_cell &c, char *shared) {
    attention_state<W> *state = (attention_state<W> *)(shared + a.layout.state);
    float *total = (float *)(shared + a.layout.total), *before = state->split_before, *here = state->split_here;
    const float *partial = attention_partial(a, c.id), *ml = attention_partial_ml(a, c.id);
    const int columns = a.layout.columns;
    for (int i = (int)threadIdx.x; i < c.splits * c.heads; i += ATTENTION_THREADS) {
        const int n = i / c.heads, h = i % c.heads;
        float all = -INFINITY;
        for (int j = 0; j < n; j++) all = fmaxf(all, ml[(j * a.heads + h) * 2]);
        attention_join(all, ml[(n * a.heads + h) * 2], &before[n * W + h], &here[n * W + h]);
    }
    __syncthreads();
    if ((int)threadIdx.x < c.heads) {
        const int h = (int)threadIdx.x;
        float sum = 0;
        for (int n = 0; n < c.splits; n++) sum = fmaf(sum, before[n * W + h], ml[(n * a.heads + h) * 2 + 1] * here[n * W + h]);
        state->all_sum[h] = sum;
    }
    for (int i = (int)threadIdx.x * 4; i < c.heads * columns; i += ATTENTION_THREADS * 4) {
        const int h = i / columns;
        float sum[4] = {0, 0, 0, 0};
#pragma unroll 8
        for (int n = 0; n < c.splits; n++) {
            const attention_bytes x = *(const attention_bytes *)(partial + n * a.heads * columns + i);
#pragma unroll
            for (int e = 0; e < 4; e++) sum[e] = fmaf(sum[e], before[n * W + h], gpu_bits_to_f32(x.w[e]) * here[n * W + h]);
        }
        for (int e = 0; e < 4; e++) total[i + e] = sum[e];
    }
    __syncthreads();
    attention_write(a, c, total, state->all_sum);
}

/* Where the rows of the chunk at `key` lie; -1 for keys not seen. place: [2][CHUNK], k then v. */
static __device__ __forceinline__ void attention_look_up(const attention_args &a, const attention_cell &c, int key,
                                                         int64_t *place) {
    for (int i = (int)threadIdx.x; i < a.chunk; i += ATTENTION_THREADS) {
        int64_t k = -1, v = -1;
        if (key + i >= c.lo && key + i < c.hi) attention_place(a, c.s, key + i, &k, &v);
        place[i] = k;
        place[ATTENTION_CHUNK + i] = v;
    }
}

/* One more split is summed: to the workspace, or to the total when nobody else works on the cell. */
template <typename M>
static __device__ __forceinline__ void attention_keep(const attention_args &a, const attention_cell &c, int split, const M &math,
                                                      char *shared) {
    attention_state<M::W> *state = (attention_state<M::W> *)(shared + a.layout.state);
    const int h = (int)threadIdx.x, slot = split - c.first;
    if (c.workers > 1) {
        float *ml = attention_partial_ml(a, c.id) + slot * a.heads * 2;
        if (h < c.heads) ml[h * 2] = state->max[h], ml[h * 2 + 1] = state->sum[h];
        math.collect(a, c, shared, attention_partial(a, c.id) + slot * a.heads * a.layout.columns);
    } else {
        if (h < c.heads) {
            attention_join(state->all_max[h], state->max[h], &state->before[h], &state->here[h]);
            state->all_max[h] = fmaxf(state->all_max[h], state->max[h]);
            state->all_sum[h] = fmaf(state->all_sum[h], state->before[h], state->sum[h] * state->here[h]);
        }
        math.collect(a, c, shared, NULL);
    }
    __syncthreads();
}

/* Whether this block is the last of its cell to come here, with what the others wrote before. All threads. */
static __device__ __forceinline__ bool attention_last(const attention_args &a, const attention_cell &c, int *word) {
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        *word = atomicAdd(&a.counter[c.id], 1u) == (unsigned)c.workers - 1;
        if (*word) a.counter[c.id] = 0; /* nobody else comes */
    }
    __syncthreads();
    if (!*word) return false;
    __threadfence();
    return true;
}

/* One block's share of a cell. */
template <typename M> static __device__ void attention_decode_cell(const attention_args &a, int64_t item, char *shared) {
    typedef typename M::KV KV;
    const attention_cell c = attention_cell_of(a, item);
    const attention_layout &l = a.layout;
    attention_state<M::W> *state = (attention_state<M::W> *)(shared + l.state);
    int64_t *place = (int64_t *)(shared + 128);
    float *total = (float *)(shared + l.total);
    const char *k = a.k + c.kv_head * a.k_head, *v = a.v + c.kv_head * a.v_head;
    M math;
    if (c.worker >= (c.splits ? c.workers : 1)) return;
    if (c.splits == 0) return attention_write(a, c, total, state->all_sum);

    int key = (c.first + c.worker) * c.split;
    if (key < c.lo) key = c.lo / a.chunk * a.chunk;
    attention_look_up(a, c, key, place);
    __syncthreads();
    attention_stage<KV, ATTENTION_THREADS>(k, place, a.aligned, a.chunk, a.d, l.vectors_k, shared + l.k, l.pitch_k);
    gpu_copy_commit();
    attention_stage<KV, ATTENTION_THREADS>(v, place + ATTENTION_CHUNK, a.aligned, a.chunk, a.dv, l.vectors_v, shared + l.v,
                                           l.pitch_v);
    gpu_copy_commit();
    math.bring_q(a, c, shared);
    for (int i = (int)threadIdx.x; i < M::W * l.columns; i += ATTENTION_THREADS) total[i] = 0;
    if (threadIdx.x < M::W) state->all_max[threadIdx.x] = -INFINITY, state->all_sum[threadIdx.x] = 0;

    bool begins = true;
    for (int step = 1; key >= 0; step++) {
        const int next = attention_next(a, c, key), split = key / c.split;
        const bool ends = next < 0 || next / c.split != split;
        int64_t *at = place + step % 2 * 2 * ATTENTION_CHUNK;
        if (next >= 0) attention_look_up(a, c, next, at);
        gpu_copy_wait<1>(); /* k is here, v under way */
        __syncthreads();
        math.scores(a, shared);
        __syncthreads();
        if (next >= 0)
            attention_stage<KV, ATTENTION_THREADS>(k, at, a.aligned, a.chunk, a.d, l.vectors_k, shared + l.k, l.pitch_k);
        gpu_copy_commit();
        math.soften(a, c, key, begins, shared);
        gpu_copy_wait<1>(); /* v is here, the next k under way */
        __syncthreads();
        math.values(a, begins, shared);
        __syncthreads();
        if (next >= 0)
            attention_stage<KV, ATTENTION_THREADS>(v, at + ATTENTION_CHUNK, a.aligned, a.chunk, a.dv, l.vectors_v, shared + l.v,
                                                   l.pitch_v);
        gpu_copy_commit();
        if (ends) attention_keep(a, c, split, math, shared);
        begins = ends;
        key = next;
    }
    if (c.workers == 1) return attention_write(a, c, total, state->all_sum);
    if (attention_last(a, c, (int *)shared)) attention_combine<M::W>(a, c, shared);
}

/* ---- the arithmetic of a call: with tensor cores where attention_cut said so, else for 1, 4 or 8 heads ---- */

template <typename KV>
static __device__ __forceinline__ void attention_decode_typed(const attention_args &a, int64_t item, char *shared) {
#if GPU_HAS_MMA
    if constexpr (sizeof(typename KV::storage) == 2)
        if (a.warp) return attention_decode_cell<attention_warp<KV>>(a, item, shared);
#endif
    if (a.heads == 1) return attention_decode_cell<attention_plain<KV, 1>>(a, item, shared);
    if (a.heads <= 4) return attention_decode_cell<attention_plain<KV, 4>>(a, item, shared);
    attention_decode_cell<attention_plain<KV, 8>>(a, item, shared);
}

/* Item `item` of attention_items(a), by one block of 256 threads, all of which call it; shared: attention_shared(a) bytes,
 * 128-byte aligned, free again after the next barrier. */
static __device__ __forceinline__ void attention_decode_item(const attention_args &a, int64_t item, char *shared) {
    if (a.kv_type == HD_DTYPE_F32)
        attention_decode_typed<f32>(a, item, shared);
    else if (a.kv_type == HD_DTYPE_F16)
        attention_decode_typed<f16>(a, item, shared);
    else
        attention_decode_typed<bf16>(a, item, shared);
}

template <typename KV> static inline attention_layout attention_layout_typed(const attention_args &a, int chunk) {
#if GPU_HAS_MMA
    if constexpr (sizeof(typename KV::storage) == 2)
        if (a.warp) return attention_warp<KV>::layout(a.d, a.dv, chunk);
#endif
    if (a.heads == 1) return attention_plain<KV, 1>::layout(a.d, a.dv, chunk);
    return a.heads <= 4 ? attention_plain<KV, 4>::layout(a.d, a.dv, chunk) : attention_plain<KV, 8>::layout(a.d, a.dv, chunk);
}

/* ---- on the host ---- */

static inline int64_t attention_items(const attention_args &a) {
    return (int64_t)a.tokens * a.kv_heads * a.head_blocks * a.workers;
}

static inline size_t attention_shared(const attention_args &a) { return (size_t)a.layout.bytes; }

/* Chooses arithmetic and chunks for blocks of `limit` bytes of shared memory; false when even the fewest keys do not fit. */
static inline bool attention_fit(attention_args *a, size_t limit) {
    /* f32 queries may be beyond what two f16 hold */
    const bool warp = GPU_HAS_MMA && a->kv_type != HD_DTYPE_F32 && (a->kv_type == HD_DTYPE_BF16 || a->q_type == HD_DTYPE_F16);
    a->head_blocks = (a->group + 7) / 8;
    a->heads = (a->group + a->head_blocks - 1) / a->head_blocks;
    for (int way = warp ? 0 : 1; way < 2; way++) {
        a->warp = way == 0;
        for (a->chunk = ATTENTION_CHUNK; a->chunk >= ATTENTION_FEWEST; a->chunk /= 2) {
            a->layout = a->kv_type == HD_DTYPE_F32   ? attention_layout_typed<f32>(*a, a->chunk)
                        : a->kv_type == HD_DTYPE_F16 ? attention_layout_typed<f16>(*a, a->chunk)
                                                     : attention_layout_typed<bf16>(*a, a->chunk);
            if (a->layout.possible && attention_shared(*a) <= limit) return true;
        }
    }
    return false;
}

/* Cuts the call for split decode on a device of so many multiprocessors, and gets the workspace. Gives a GPU(Error_t), or
 * HDI_GPU_UNSUPPORTED for heads that are too long for the shared memory. */
static inline int attention_cut(hdi_gpu_queue *queue, size_t limit, attention_args *a) {
    enum { ENOUGH = 4, AT_LEAST = 4 }; /* items a multiprocessor; workers a cell, for lengths that differ much */
    const size_t most = (size_t)256 << 20;
    if (!attention_fit(a, limit)) return HDI_GPU_UNSUPPORTED;
    const int64_t seen = a->window > 0 && a->window < a->room ? a->window : a->room;
    const int64_t splits = (seen + ATTENTION_SPLIT - 1) / ATTENTION_SPLIT + (a->window > 0);
    const int64_t cells = (int64_t)a->tokens * a->kv_heads * a->head_blocks;
    a->slots = (int32_t)(splits < ATTENTION_SLOTS ? splits : (int64_t)ATTENTION_SLOTS);
    int64_t workers = (ENOUGH * (int64_t)queue->units + cells - 1) / cells;
    if (workers < AT_LEAST) workers = queue->units < AT_LEAST ? queue->units : (int)AT_LEAST;
    if (workers > a->slots) workers = a->slots;
    const size_t bytes = (size_t)(cells * a->slots * a->heads * (a->layout.columns + 2)) * sizeof(float);
    a->workers = bytes > most ? 1 : (int32_t)workers;
    if (a->workers <= 1) return a->workers = 1, GPU(Success);
    int error = (int)queue->workspace(queue, HDI_GPU_WORK_SCRATCH, bytes, (void **)&a->partial);
    if (error == GPU(Success))
        error = (int)queue->workspace(queue, HDI_GPU_WORK_COUNTERS, (size_t)cells * sizeof(unsigned), (void **)&a->counter);
    return error;
}

} // namespace HDI_GPU_NAMESPACE

#endif
