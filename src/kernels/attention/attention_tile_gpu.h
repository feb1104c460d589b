/* SPDX-License-Identifier: Apache-2.0 */
/* How many tokens divide into tiles on the device: a tile is a run of tokens of one sequence that crosses no multiple of `step`
 * tokens. Who computes the i-th tile finds it in token_seq by himself; hosts need to know only how many there can be.
 *
 * A row of a tile is a query: row r is head head0 + r % heads of token first + r / heads, so that heads of a group share keys. */
#ifndef HDI_KERNELS_ATTENTION_TILE_GPU_H
#define HDI_KERNELS_ATTENTION_TILE_GPU_H

#include "kernels/attention/attention_args_gpu.h"
#include "kernels/gpu/reduce.h"

namespace HDI_GPU_NAMESPACE {

/* How a call divides into tiles of at most `rows` rows. */
struct attention_tiling {
    int32_t step;        /* tokens of a tile, */
    int32_t heads;       /* with so many heads each */
    int32_t head_blocks; /* blocks of heads that a group is cut into */
    int32_t tiles;       /* that blocks begin with: as many as there are when a sequence's tokens follow each other */
};

static inline attention_tiling attention_tiling_of(const attention_args &a, int rows) {
    attention_tiling t;
    t.head_blocks = (a.group + rows - 1) / rows;
    t.heads = (a.group + t.head_blocks - 1) / t.head_blocks;
    t.step = rows / t.heads;
    const int64_t most = ((int64_t)a.tokens + t.step - 1) / t.step + a.seqs;
    t.tiles = (int32_t)(most < a.tokens ? most : a.tokens);
    return t;
}
static inline int64_t attention_blocks(const attention_args &a, const attention_tiling &t) {
    return (int64_t)t.tiles * a.kv_heads * t.head_blocks;
}

struct attention_tile {
    int first, tokens, s;
    int kv_head, head0, heads; /* of the query: head0 .. head0 + heads - 1 */
    int rows;
};

enum { ATTENTION_FIND = GPU_MAX_WARPS + 4 }; /* ints of shared memory */

static __device__ __forceinline__ bool attention_begins(const attention_args &a, int t, int step) {
    return t % step == 0 || a.seq[t * a.seq_stride] != a.seq[(t - 1) * a.seq_stride];
}

/* The tile that is `index`-th from the last (the last tokens see the most keys: they begin first). False, for all threads of the
 * block, when there are not so many. */
static __device__ __forceinline__ bool attention_find(const attention_args &a, int index, int step, int *shared,
                                                      attention_tile *tile) {
    const int threads = (int)blockDim.x, warps = threads / GPU_LANES;
    const int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES;
    const int each = (a.tokens + threads - 1) / threads;
    const int begin = (int)threadIdx.x * each, end = begin + each < a.tokens ? begin + each : a.tokens;
    int count = 0;
    for (int t = begin; t < end; t++) count += attention_begins(a, t, step);
    int before = count;
    for (int d = 1; d < GPU_LANES; d *= 2) {
        const int other = gpu_shfl(before, lane >= d ? lane - d : lane);
        if (lane >= d) before += other;
    }
    if (lane == GPU_LANES - 1) shared[4 + warp] = before;
    __syncthreads();
    int total = 0;
    before -= count;
    for (int w = 0; w < warps; w++) {
        if (w < warp) before += shared[4 + w];
        total += shared[4 + w];
    }
    const int want = total - 1 - index;
    if (want < 0) return false;
    if (want >= before && want < before + count) {
        int t = begin;
        for (int left = want - before; !attention_begins(a, t, step) || left-- > 0;) t++;
        const int last = (t / step + 1) * step;
        shared[0] = t;
        shared[1] = -(last < a.tokens ? last : a.tokens);
    }
    __syncthreads();
    const int first = shared[0], last = (first / step + 1) * step < a.tokens ? (first / step + 1) * step : a.tokens;
    for (int t = first + 1 + (int)threadIdx.x; t < last; t += threads)
        if (attention_begins(a, t, step)) atomicMax(&shared[1], -t);
    __syncthreads();
    tile->first = first;
    tile->tokens = -shared[1] - first;
    tile->s = attention_sequence(a, first);
    return true;
}

/* Completes a tile with the heads that block `block` of attention_blocks has. */
static __device__ __forceinline__ void attention_take_heads(const attention_args &a, const attention_tiling &t, int block,
                                                            attention_tile *tile) {
    const int part = block % t.head_blocks;
    tile->kv_head = block / t.head_blocks % a.kv_heads;
    tile->head0 = tile->kv_head * a.group + part * t.heads;
    tile->heads = a.group - part * t.heads < t.heads ? a.group - part * t.heads : t.heads;
    tile->rows = tile->tokens * tile->heads;
}

/* The keys that the tile's rows see, for `rows` rows (those beside the tile's are like its first): lo and hi in shared memory. */
static __device__ __forceinline__ void attention_row_ranges(const attention_args &a, const attention_tile &tile, int rows,
                                                            int *lo, int *hi) {
    for (int r = (int)threadIdx.x; r < rows; r += (int)blockDim.x)
        attention_range(a, tile.first + (r < tile.rows ? r / tile.heads : 0), tile.s, &lo[r], &hi[r]);
}

/* Where rows of keys key .. key + n - 1 lie; -1 for those outside lo .. hi - 1. place: n of k, then n of v. */
static __device__ __forceinline__ void attention_tile_places(const attention_args &a, int s, int key, int n, int lo, int hi,
                                                             int64_t *place) {
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) {
        int64_t k = -1, v = -1;
        if (key + i >= lo && key + i < hi) attention_place(a, s, key + i, &k, &v);
        place[i] = k;
        place[n + i] = v;
    }
}

} // namespace HDI_GPU_NAMESPACE

#endif
