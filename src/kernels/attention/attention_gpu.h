/* SPDX-License-Identifier: Apache-2.0 */
/* Decode attention: the keys of a token are cut into splits that blocks take in parallel; the last block to finish adds them up.
 *
 * Bytes: k and v once, 2 * keys * Hkv * (d + dv) / 2 elements; operations: 4 a byte of bf16 for each head of a group, so memory
 * is the limit up to groups of about 8. A block of 256 threads takes a chunk of keys at a time through shared memory, filled in
 * the background: while it works on k, v is under way, while on v, the next k. All heads of a group (up to 8) share what was
 * read. Splits, chunks in them and the order of additions follow from a token's own position alone, never from how many blocks
 * there are or what else is in the batch: one block that takes all splits in turn gives the same bits as many. */
#ifndef HDI_KERNELS_ATTENTION_GPU_H
#define HDI_KERNELS_ATTENTION_GPU_H

#include "kernels/attention/attention_args_gpu.h"
#include "kernels/gpu/reduce.h"

namespace HDI_GPU_NAMESPACE {

enum {
    ATTENTION_SPLIT = 64,       /* keys of a split; doubled until a token has few enough of them */
    ATTENTION_MOST_SPLITS = 32, /* and one more where a window begins inside of one */
    ATTENTION_CHUNK = 64,       /* keys in shared memory at a time; fewer when rows are long */
    ATTENTION_PARTS = 16,       /* threads that share the dot products of a key */
    ATTENTION_KEYS = ATTENTION_CHUNK / (ATTENTION_THREADS / ATTENTION_PARTS), /* keys of a thread */
};

/* Heads that go through the keys together, as a constant: the smallest of 1, 4, 8 that has place for n. */
static inline HDI_DEVICE_TOO int attention_width(int n) { return n <= 1 ? 1 : n <= 4 ? 4 : 8; }

/* Heads that a thread adds values up for, and threads that share them. */
static inline HDI_DEVICE_TOO constexpr int attention_heads_each(int width) { return width < 4 ? width : 4; }
static inline HDI_DEVICE_TOO constexpr int attention_team(int width) {
    return ATTENTION_THREADS / (width / attention_heads_each(width));
}
/* Threads that share a row of v: a power of two. */
static inline HDI_DEVICE_TOO int attention_parts_v(int vectors) {
    int parts = 1;
    while (parts < vectors) parts *= 2;
    return parts;
}

static inline HDI_DEVICE_TOO attention_layout attention_layout_of(int d, int dv, int element, int width, int chunk) {
    attention_layout l = {};
    const int per_vector = 16 / element, slots = ATTENTION_MOST_SPLITS + 1;
    l.vectors_k = (d * element + 15) / 16;
    l.vectors_v = (dv * element + 15) / 16;
    l.pitch_v = l.vectors_v * per_vector;
    l.place = 128; /* before: a word for the whole block */
    l.q = l.place + 2 * 2 * ATTENTION_CHUNK * 8;
    l.score = l.q + width * l.vectors_k * per_vector * 4;
    l.state = l.score + ATTENTION_CHUNK * width * 4;
    l.total = l.state + (8 + 2 * slots) * width * 4;
    l.reduce = (l.total + width * l.pitch_v * 4 + 15) / 16 * 16;
    l.parts_v = attention_parts_v(l.vectors_v);
    const int wide = l.parts_v > GPU_LANES ? l.parts_v : GPU_LANES;
    l.k =
        l.reduce + attention_team(width) / wide * width * l.pitch_v * 4; /* sums of a column after the lanes of a warp have met */
    l.k = (l.k + 127) / 128 * 128;
    l.v = l.k + chunk * l.vectors_k * 16;
    l.bytes = l.v + chunk * l.vectors_v * 16;
    return l;
}

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

/* Sums each of N <= 16 values over the 16 lanes that differ in the low four bits; lane p ends with number N * p / 16 in x[0]. */
template <int N> static __device__ __forceinline__ void attention_meet(float *x, int part) {
    int n = N;
#pragma unroll
    for (int mask = ATTENTION_PARTS / 2; mask > 0; mask /= 2) {
        if (n > 1) {
            n /= 2;
            const bool upper = part & mask;
#pragma unroll
            for (int i = 0; i < N / 2; i++) {
                if (i >= n) break;
                const float keep = upper ? x[i + n] : x[i], give = upper ? x[i] : x[i + n];
                x[i] = keep + gpu_shfl_xor(give, mask);
            }
        } else {
            x[0] += gpu_shfl_xor(x[0], mask);
        }
    }
}

/* Scores of a chunk with heads h0 .. h0 + G - 1 of W: score[key * W + head]. */
template <typename KV, int W, int G>
static __device__ __forceinline__ void attention_scores(const attention_args &a, const attention_layout &l, int h0,
                                                        char *shared) {
    enum { E = 16 / sizeof(typename KV::storage), STEP = ATTENTION_THREADS / ATTENTION_PARTS, N = ATTENTION_KEYS * G };
    const int part = (int)threadIdx.x % ATTENTION_PARTS, first = (int)threadIdx.x / ATTENTION_PARTS;
    const float *q = (const float *)(shared + l.q) + h0 * l.vectors_k * E;
    float *score = (float *)(shared + l.score) + h0, sum[N];
#pragma unroll
    for (int i = 0; i < N; i++) sum[i] = 0;
    for (int vector = part; vector < l.vectors_k; vector += ATTENTION_PARTS) {
        float x[G][E];
#pragma unroll
        for (int h = 0; h < G; h++) {
#pragma unroll
            for (int e = 0; e < E; e++) x[h][e] = q[(h * l.vectors_k + vector) * E + e];
        }
#pragma unroll
        for (int i = 0; i < ATTENTION_KEYS; i++) {
            float k[E];
            const int key = first + i * STEP;
            if (key >= a.chunk) break;
            attention_vector<KV>(shared + l.k + (key * l.vectors_k + vector) * 16, k);
#pragma unroll
            for (int h = 0; h < G; h++) {
#pragma unroll
                for (int e = 0; e < E; e++) sum[i * G + h] = fmaf(x[h][e], k[e], sum[i * G + h]);
            }
        }
    }
    attention_meet<N>(sum, part);
    enum { SHARE = ATTENTION_PARTS / N }; /* lanes that end with the same sum */
    const int at = part / SHARE;
    if (part % SHARE == 0) score[(first + at / G * STEP) * W + at % G] = attention_score(a, sum[0]);
}

/* Per head: what the online softmax remembers. */
template <int W> struct attention_state {
    float max[W], sum[W];         /* of the present split */
    float rescale[W];             /* what the present chunk does to the sums before it */
    float all_max[W], all_sum[W]; /* of the splits added up */
    float before[W], here[W];     /* factors of the sums so far and of the split that is added */
    float spare[W];
    float split_max[(ATTENTION_MOST_SPLITS + 1) * W], split_sum[(ATTENTION_MOST_SPLITS + 1) * W];
};

/* Scores of the keys seen become p = 2^(score - max), a warp a head; the others 0. */
template <int W>
static __device__ __forceinline__ void attention_softmax(const attention_args &a, const attention_cell &c, int key0, bool begins,
                                                         float *score, attention_state<W> *state) {
    const int lane = (int)threadIdx.x % GPU_LANES;
    for (int h = (int)threadIdx.x / GPU_LANES; h < c.heads; h += ATTENTION_THREADS / GPU_LANES) {
        float old = begins ? -INFINITY : state->max[h], top = old, sum = 0;
        for (int i = lane; i < a.chunk; i += GPU_LANES)
            if (key0 + i >= c.lo && key0 + i < c.hi) top = fmaxf(top, score[i * W + h]);
        top = gpu_warp_max(top);
        for (int i = lane; i < a.chunk; i += GPU_LANES) {
            const bool seen = key0 + i >= c.lo && key0 + i < c.hi;
            const float p = seen ? attention_exp(score[i * W + h], top) : 0;
            score[i * W + h] = p;
            sum += p;
        }
        sum = gpu_warp_sum(sum);
        if (lane == 0) {
            const float rescale = attention_exp(old, top);
            state->rescale[h] = rescale;
            state->sum[h] = begins ? sum : fmaf(state->sum[h], rescale, sum);
            state->max[h] = top;
        }
    }
}

/* sums = sums * rescale + sum over keys of p v. A thread has G heads, one vector of columns and every so manieth key. */
template <typename KV, int W, int G, int E>
static __device__ __forceinline__ void attention_values(const attention_args &a, const attention_layout &l, int parts,
                                                        const char *shared, const float *rescale, float (&acc)[G][E]) {
    const int team = attention_team(W), h0 = (int)threadIdx.x / team * G, id = (int)threadIdx.x % team;
    const int part = id & (parts - 1), step = team / parts;
    const float *score = (const float *)(shared + l.score) + h0;
#pragma unroll
    for (int h = 0; h < G; h++) {
        const float r = rescale[h0 + h];
#pragma unroll
        for (int e = 0; e < E; e++) acc[h][e] *= r;
    }
    if (part >= l.vectors_v) return;
#pragma unroll 2
    for (int key = id / parts; key < a.chunk; key += step) {
        float v[E];
        attention_vector<KV>(shared + l.v + (key * l.vectors_v + part) * 16, v);
#pragma unroll
        for (int h = 0; h < G; h++) {
            const float p = score[key * W + h];
#pragma unroll
            for (int e = 0; e < E; e++) acc[h][e] = fmaf(p, v[e], acc[h][e]);
        }
    }
}

/* Factors with which sums relative to `max` join those relative to *all_max, which becomes that of both. */
static __device__ __forceinline__ void attention_join(float all_max, float max, float *before, float *here) {
    const float top = fmaxf(all_max, max);
    *before = attention_exp(all_max, top);
    *here = attention_exp(max, top);
}

/* The sums of all threads for the split, column by column, joined to those of the splits before (`to` is NULL), or stored in `to`
 * [head][column]. */
template <int W, int G, int E>
static __device__ __forceinline__ void attention_collect(const attention_cell &c, const attention_layout &l, int parts,
                                                         char *shared, attention_state<W> *state, const float (&acc)[G][E],
                                                         float *to) {
    const int team = attention_team(W), h0 = (int)threadIdx.x / team * G, id = (int)threadIdx.x % team;
    const int part = id & (parts - 1), wide = parts > GPU_LANES ? parts : GPU_LANES, slots = team / wide;
    float *reduce = (float *)(shared + l.reduce), *total = (float *)(shared + l.total);
#pragma unroll
    for (int h = 0; h < G; h++) {
#pragma unroll
        for (int e = 0; e < E; e++) {
            float x = acc[h][e];
            for (int mask = parts; mask < GPU_LANES; mask *= 2) x += gpu_shfl_xor(x, mask);
            if (id % wide < parts && part < l.vectors_v) reduce[((h0 + h) * slots + id / wide) * l.pitch_v + part * E + e] = x;
        }
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < c.heads * l.pitch_v; i += ATTENTION_THREADS) {
        const int h = i / l.pitch_v;
        float x = 0;
        for (int n = 0; n < slots; n++) x += reduce[(h * slots + n) * l.pitch_v + i % l.pitch_v];
        if (to)
            to[i] = x;
        else
            total[i] = fmaf(total[i], state->before[h], x * state->here[h]);
    }
    __syncthreads();
}

/* out = sums / l; a token that sees no key gives zeros. */
static __device__ __forceinline__ void attention_write(const attention_args &a, const attention_cell &c, int pitch,
                                                       const float *total, const float *sum) {
    for (int i = (int)threadIdx.x; i < c.heads * a.dv; i += ATTENTION_THREADS) {
        const int h = i / a.dv, e = i % a.dv;
        const float x = c.splits ? total[h * pitch + e] / sum[h] : 0;
        attention_store_out(a, c.token * a.out_token + (c.head0 + h) * a.out_head + e, x);
    }
}

/* Adds up the splits of a cell from memory, in their order, with the very operations that one worker uses. */
template <int W>
static __device__ void attention_combine(const attention_args &a, const attention_cell &c, const attention_layout &l,
                                         char *shared, const float *partial, const float *ml) {
    attention_state<W> *state = (attention_state<W> *)(shared + l.state);
    float *total = (float *)(shared + l.total), *before = state->split_max, *here = state->split_sum;
    for (int i = (int)threadIdx.x; i < c.splits * c.heads; i += ATTENTION_THREADS) {
        const int n = i / c.heads, h = i % c.heads;
        float all = -INFINITY;
        for (int j = 0; j < n; j++) all = fmaxf(all, ml[(j * a.heads + h) * 2]);
        attention_join(all, ml[i / c.heads * a.heads * 2 + h * 2], &before[n * W + h], &here[n * W + h]);
    }
    __syncthreads();
    if ((int)threadIdx.x < c.heads) {
        const int h = (int)threadIdx.x;
        float sum = 0;
        for (int n = 0; n < c.splits; n++) sum = fmaf(sum, before[n * W + h], ml[(n * a.heads + h) * 2 + 1] * here[n * W + h]);
        state->all_sum[h] = sum;
    }
    for (int i = (int)threadIdx.x; i < c.heads * l.pitch_v / 4; i += ATTENTION_THREADS) {
        const int h = i * 4 / l.pitch_v;
        float sum[4] = {0, 0, 0, 0};
#pragma unroll 8
        for (int n = 0; n < c.splits; n++) {
            const attention_bytes x = *(const attention_bytes *)(partial + n * a.heads * l.pitch_v + i * 4);
#pragma unroll
            for (int e = 0; e < 4; e++) sum[e] = fmaf(sum[e], before[n * W + h], gpu_bits_to_f32(x.w[e]) * here[n * W + h]);
        }
        for (int e = 0; e < 4; e++) total[i * 4 + e] = sum[e];
    }
    __syncthreads();
    attention_write(a, c, l.pitch_v, total, state->all_sum);
}

/* Brings the head's queries to shared memory as floats, padded with zeros. */
static __device__ __forceinline__ void attention_bring_q(const attention_args &a, const attention_cell &c, int width, int pitch,
                                                         float *q) {
    for (int i = (int)threadIdx.x; i < width * pitch; i += ATTENTION_THREADS) {
        const int h = i / pitch, e = i % pitch;
        q[i] = h < c.heads && e < a.d ? attention_load_q(a, c.token * a.q_token + (c.head0 + h) * a.q_head + e) : 0;
    }
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

/* One block's share of a cell. All 256 threads call it together; `shared` is free again after the next barrier. */
template <typename KV, int W> static __device__ void attention_decode_cell(const attention_args &a, int64_t item, char *shared) {
    enum { E = 16 / sizeof(typename KV::storage), G = attention_heads_each(W) };
    const attention_cell c = attention_cell_of(a, item);
    const attention_layout &l = a.layout;
    const int parts = l.parts_v;
    attention_state<W> *state = (attention_state<W> *)(shared + l.state);
    int64_t *place = (int64_t *)(shared + l.place);
    float *total = (float *)(shared + l.total), acc[G][E];
    const char *k = a.k + c.kv_head * a.k_head, *v = a.v + c.kv_head * a.v_head;
    if (c.worker >= (c.splits ? c.workers : 1)) return;
    if (c.splits == 0) return attention_write(a, c, l.pitch_v, total, state->all_sum);

    int key = (c.first + c.worker) * c.split;
    if (key < c.lo) key = c.lo / a.chunk * a.chunk;
    attention_look_up(a, c, key, place);
    attention_bring_q(a, c, W, l.vectors_k * E, (float *)(shared + l.q));
    for (int i = (int)threadIdx.x; i < W * l.pitch_v; i += ATTENTION_THREADS) total[i] = 0;
    if (threadIdx.x < W) state->all_max[threadIdx.x] = -INFINITY, state->all_sum[threadIdx.x] = 0;
    __syncthreads();
    attention_stage<KV, ATTENTION_THREADS>(k, place, a.aligned, a.chunk, a.d, l.vectors_k, shared + l.k, l.vectors_k * 16);
    gpu_copy_commit();
    attention_stage<KV, ATTENTION_THREADS>(v, place + ATTENTION_CHUNK, a.aligned, a.chunk, a.dv, l.vectors_v, shared + l.v,
                                           l.vectors_v * 16);
    gpu_copy_commit();

    bool begins = true;
    for (int step = 1; key >= 0; step++) {
        const int next = attention_next(a, c, key), split = key / c.split;
        const bool ends = next < 0 || next / c.split != split;
        const int64_t *at = place + step % 2 * 2 * ATTENTION_CHUNK;
        if (next >= 0) attention_look_up(a, c, next, place + step % 2 * 2 * ATTENTION_CHUNK);
        gpu_copy_wait<1>(); /* k is here, v under way */
        __syncthreads();
#pragma unroll 1
        for (int h = 0; h < W; h += G) attention_scores<KV, W, G>(a, l, h, shared);
        __syncthreads();
        if (next >= 0)
            attention_stage<KV, ATTENTION_THREADS>(k, at, a.aligned, a.chunk, a.d, l.vectors_k, shared + l.k, l.vectors_k * 16);
        gpu_copy_commit();
        attention_softmax<W>(a, c, key, begins, (float *)(shared + l.score), state);
        if (begins) {
#pragma unroll
            for (int i = 0; i < G * E; i++) acc[i / E][i % E] = 0;
        }
        gpu_copy_wait<1>(); /* v is here, the next k under way */
        __syncthreads();
        attention_values<KV, W, G, E>(a, l, parts, shared, state->rescale, acc);
        __syncthreads();
        if (next >= 0)
            attention_stage<KV, ATTENTION_THREADS>(v, at + ATTENTION_CHUNK, a.aligned, a.chunk, a.dv, l.vectors_v, shared + l.v,
                                                   l.vectors_v * 16);
        gpu_copy_commit();
        if (ends && c.workers == 1) {
            if ((int)threadIdx.x < c.heads) {
                const int h = (int)threadIdx.x;
                attention_join(state->all_max[h], state->max[h], &state->before[h], &state->here[h]);
                state->all_max[h] = fmaxf(state->all_max[h], state->max[h]);
                state->all_sum[h] = fmaf(state->all_sum[h], state->before[h], state->sum[h] * state->here[h]);
            }
            attention_collect<W, G, E>(c, l, parts, shared, state, acc, NULL);
        } else if (ends) {
            const int64_t slot = c.id * a.slots + split - c.first;
            float *ml =
                a.partial + (int64_t)a.tokens * a.kv_heads * a.head_blocks * a.slots * a.heads * l.pitch_v + slot * a.heads * 2;
            if ((int)threadIdx.x < c.heads) {
                ml[threadIdx.x * 2] = state->max[threadIdx.x];
                ml[threadIdx.x * 2 + 1] = state->sum[threadIdx.x];
            }
            attention_collect<W, G, E>(c, l, parts, shared, state, acc, a.partial + slot * a.heads * l.pitch_v);
        }
        begins = ends;
        key = next;
    }
    if (c.workers == 1) return attention_write(a, c, l.pitch_v, total, state->all_sum);

    int *last = (int *)shared;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        *last = atomicAdd(&a.counter[c.id], 1u) == (unsigned)c.workers - 1;
        if (*last) a.counter[c.id] = 0; /* nobody else comes */
    }
    __syncthreads();
    if (!*last) return;
    __threadfence();
    const int64_t slot = c.id * a.slots, cells = (int64_t)a.tokens * a.kv_heads * a.head_blocks;
    attention_combine<W>(a, c, l, shared, a.partial + slot * a.heads * l.pitch_v,
                         a.partial + cells * a.slots * a.heads * l.pitch_v + slot * a.heads * 2);
}

/* Item `item` of attention_items(a), by one block of 256 threads; shared: attention_shared(a) bytes, 128-byte aligned, free again
 * after the next barrier. */
template <typename KV>
static __device__ __forceinline__ void attention_decode_item_of(const attention_args &a, int64_t item, char *shared) {
    switch (attention_width(a.heads)) {
    case 1:
        return attention_decode_cell<KV, 1>(a, item, shared);
    case 4:
        return attention_decode_cell<KV, 4>(a, item, shared);
    default:
        return attention_decode_cell<KV, 8>(a, item, shared);
    }
}
static __device__ __forceinline__ void attention_decode_item(const attention_args &a, int64_t item, char *shared) {
    if (a.kv_type == HD_DTYPE_F32)
        attention_decode_item_of<f32>(a, item, shared);
    else if (a.kv_type == HD_DTYPE_F16)
        attention_decode_item_of<f16>(a, item, shared);
    else
        attention_decode_item_of<bf16>(a, item, shared);
}

/* ---- on the host ---- */

static inline int64_t attention_items(const attention_args &a) {
    return (int64_t)a.tokens * a.kv_heads * a.head_blocks * a.workers;
}

static inline size_t attention_shared(const attention_args &a) { return (size_t)a.layout.bytes; }

/* Cuts the call for split decode with blocks of `limit` bytes of shared memory on a device of so many multiprocessors, and gets
 * the workspace. Gives a GPU(Error_t), or HDI_GPU_UNSUPPORTED when even 16 rows of keys do not fit. */
static inline int attention_cut(hdi_gpu_queue *queue, size_t limit, attention_args *a) {
    enum { ENOUGH = 4, AT_LEAST = 4 }; /* items a multiprocessor; workers a cell, for lengths that differ much */
    const int element = a->kv_type == HD_DTYPE_F32 ? 4 : 2;
    const size_t most = (size_t)256 << 20;
    int error;
    a->head_blocks = (a->group + 7) / 8;
    a->heads = (a->group + a->head_blocks - 1) / a->head_blocks;
    for (a->chunk = ATTENTION_CHUNK; a->chunk >= ATTENTION_CHUNK / ATTENTION_KEYS; a->chunk /= 2) {
        a->layout = attention_layout_of(a->d, a->dv, element, attention_width(a->heads), a->chunk);
        if (attention_shared(*a) <= limit) break;
    }
    if (attention_shared(*a) > limit || a->layout.parts_v > attention_team(8)) return HDI_GPU_UNSUPPORTED;
    const int64_t seen = a->window > 0 && a->window < a->room ? a->window : a->room;
    const int64_t splits = (seen + ATTENTION_SPLIT - 1) / ATTENTION_SPLIT + (a->window > 0);
    const int64_t cells = (int64_t)a->tokens * a->kv_heads * a->head_blocks;
    a->slots = (int32_t)(splits < ATTENTION_MOST_SPLITS + 1 ? splits : ATTENTION_MOST_SPLITS + 1);
    int64_t workers = (ENOUGH * (int64_t)queue->units + cells - 1) / cells;
    if (workers < AT_LEAST) workers = AT_LEAST;
    if (workers > a->slots) workers = a->slots;
    const int pitch = (a->dv * element + 15) / 16 * (16 / element);
    const size_t bytes = (size_t)(cells * a->slots * a->heads * (pitch + 2)) * sizeof(float);
    a->workers = bytes > most ? 1 : (int32_t)workers;
    if (a->workers == 1) return GPU(Success);
    error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH, bytes, (void **)&a->partial);
    if (error == GPU(Success))
        error = queue->workspace(queue, HDI_GPU_WORK_COUNTERS, (size_t)cells * sizeof(unsigned), (void **)&a->counter);
    return error;
}

} // namespace HDI_GPU_NAMESPACE

#endif
