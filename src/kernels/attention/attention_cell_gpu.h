/* SPDX-License-Identifier: Apache-2.0 */
/* Split decode's division of work: cells, splits and chunks, and what the online softmax remembers.
 *
 * A cell is a token with the heads (up to 8) of a kv head. Its keys are cut into splits, counted from key 0, whose size follows
 * from how many keys the token sees; splits are added up in order. So its bits follow from its own position alone, never from how
 * many blocks there are or what else is in the batch: a block that takes all splits in turn gives the same as many that take one.
 */
#ifndef HDI_KERNELS_ATTENTION_CELL_GPU_H
#define HDI_KERNELS_ATTENTION_CELL_GPU_H

#include "kernels/attention/attention_args_gpu.h"
#include "kernels/gpu/reduce.h"

namespace HDI_GPU_NAMESPACE {

enum {
    ATTENTION_SPLIT = 64,       /* keys of a split; doubled until a token has few enough of them */
    ATTENTION_MOST_SPLITS = 32, /* and one more where a window begins inside of one */
    ATTENTION_SLOTS = ATTENTION_MOST_SPLITS + 1,
    ATTENTION_CHUNK = 64,                               /* keys in shared memory at a time; fewer when rows are long */
    ATTENTION_FEWEST = 16,                              /* so many */
    ATTENTION_FIXED = 128 + 2 * 2 * ATTENTION_CHUNK * 8 /* bytes at the start of shared memory: a word, and where keys lie */
};

/* What an item works on; alike in all threads. */
struct attention_cell {
    int64_t id;
    int token, kv_head, head0, heads; /* heads head0 .. head0 + heads - 1 of the query */
    int s, lo, hi;                    /* sequence; keys seen */
    int split, first, splits;         /* keys of a split; the first one's number, how many */
    int worker, workers;              /* this one takes splits worker, worker + workers ... */
};

static __device__ __forceinline__ attention_cell attention_cell_of(const attention_args &a, int64_t item) {
    attention_cell c;
    c.id = item / a.workers;
    c.worker = (int)(item % a.workers);
    const int block = (int)(c.id % a.head_blocks), pair = (int)(c.id / a.head_blocks);
    c.kv_head = pair % a.kv_heads;
    c.token = pair / a.kv_heads;
    c.head0 = c.kv_head * a.group + block * a.heads;
    c.heads = a.group - block * a.heads < a.heads ? a.group - block * a.heads : a.heads;
    c.s = attention_sequence(a, c.token);
    attention_range(a, c.token, c.s, &c.lo, &c.hi);
    c.split = ATTENTION_SPLIT;
    while ((c.hi - c.lo - 1) / c.split >= ATTENTION_MOST_SPLITS) c.split *= 2;
    c.first = c.lo / c.split;
    c.splits = c.hi > c.lo ? (c.hi - 1) / c.split - c.first + 1 : 0;
    c.workers = c.splits < a.workers ? c.splits : a.workers;
    return c;
}

/* The first key of the chunk after the one at `key`, in this worker's splits; -1: none. */
static __device__ __forceinline__ int attention_next(const attention_args &a, const attention_cell &c, int key) {
    const int split = key / c.split;
    if (key + a.chunk < c.hi && (key + a.chunk) / c.split == split) return key + a.chunk;
    const int next = split + c.workers;
    return next < c.first + c.splits ? next * c.split : -1;
}

/* Per head: what the online softmax remembers. */
template <int W> struct attention_state {
    float max[W], sum[W];         /* of the present split */
    float rescale[W];             /* what the present chunk does to the sums before it */
    float all_max[W], all_sum[W]; /* of the splits added up */
    float before[W], here[W];     /* factors of the sums so far and of the split that is added */
    float spare[W];
    float split_before[ATTENTION_SLOTS * W], split_here[ATTENTION_SLOTS * W]; /* the same of each split */
};

/* The maximum of a head with those of all lanes and, unless the split begins, of the chunks before. */
template <int W>
static __device__ __forceinline__ float attention_top(const attention_state<W> &state, int h, bool begins, float top) {
    return gpu_warp_max(begins ? top : fmaxf(top, state.max[h]));
}
/* Takes a chunk into a head's state, `sum` being a lane's share of its p. By a warp. */
template <int W>
static __device__ __forceinline__ void attention_advance(attention_state<W> *state, int h, bool begins, float top, float sum) {
    sum = gpu_warp_sum(sum);
    gpu_sync_warp(); /* all have read the maximum before */
    if (threadIdx.x % GPU_LANES == 0) {
        const float rescale = begins ? 0.0f : attention_exp(state->max[h], top);
        state->rescale[h] = rescale;
        state->sum[h] = begins ? sum : fmaf(state->sum[h], rescale, sum);
        state->max[h] = top;
    }
}

/* Factors with which sums relative to `max` join those relative to *all_max, which becomes that of both. */
static __device__ __forceinline__ void attention_join(float all_max, float max, float *before, float *here) {
    const float top = fmaxf(all_max, max);
    *before = attention_exp(all_max, top);
    *here = attention_exp(max, top);
}

} // namespace HDI_GPU_NAMESPACE

#endif
