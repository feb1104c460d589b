/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of many tokens with plain f32 arithmetic, for vendors without tensor cores and for f32 keys.
 *
 * A block takes a tile of 64 queries through 32 keys at a time: 4 * 64 * 32 * d operations for 2 * 32 * d elements, so the limit
 * is the rate of f32 operations. A thread holds 4 x 2 scores, then 8 x 4 (or 8) of the sums, each operand from shared memory
 * serving several; k and v come in turn while the other is worked on. Rows see keys from 0 on in blocks of 32, and steps in which
 * a row sees nothing leave it as it was, so its bits do not depend on the tile that it lies in. */
#include "kernels/attention/attention_prefill_gpu.h"

namespace HDI_GPU_NAMESPACE {

enum { ROWS = 64, KEYS = 32, SCORE_PITCH = KEYS + 4, THREADS = ATTENTION_THREADS };

/* Shared memory, as offsets in bytes. */
struct plain_layout {
    int vectors_k, vectors_v;         /* 16-byte vectors of a row */
    int pitch_q, pitch_k, pitch_v;    /* bytes */
    int place, score, q, k, v, bytes; /* before: plain_rows */
};
struct plain_rows {
    int find[ATTENTION_FIND];
    int lo[ROWS], hi[ROWS];
    float max[ROWS], sum[ROWS], rescale[ROWS];
    int strange; /* v holds what is not finite */
};

static plain_layout plain_layout_of(int d, int dv, int element) {
    plain_layout l;
    l.vectors_k = (d * element + 15) / 16;
    l.vectors_v = (dv * element + 15) / 16;
    l.pitch_q = l.vectors_k * (16 / element) * 4 + 16; /* rows begin at different banks */
    l.pitch_k = l.vectors_k * 16 + 16;
    l.pitch_v = l.vectors_v * 16;
    l.place = ((int)sizeof(plain_rows) + 127) / 128 * 128;
    l.score = l.place + 2 * 2 * KEYS * 8;
    l.q = l.score + ROWS * SCORE_PITCH * 4;
    l.k = l.q + ROWS * l.pitch_q;
    l.v = l.k + KEYS * l.pitch_k;
    l.bytes = l.v + KEYS * l.pitch_v;
    return l;
}

/* Four elements of v as floats. */
template <typename KV> static __device__ __forceinline__ void four(const char *from, float *x) {
    if constexpr (sizeof(typename KV::storage) == 4) {
        attention_vector<KV>(from, x);
    } else {
        const uint32_t a = ((const uint32_t *)from)[0], b = ((const uint32_t *)from)[1];
        x[0] = KV::get((uint16_t)(a & 0xffffu)), x[1] = KV::get((uint16_t)(a >> 16));
        x[2] = KV::get((uint16_t)(b & 0xffffu)), x[3] = KV::get((uint16_t)(b >> 16));
    }
}

static __device__ __forceinline__ void bring_q(const attention_args &a, const plain_layout &l, const attention_tile &tile,
                                               char *to) {
    const int n = l.pitch_q / 4;
    for (int i = (int)threadIdx.x; i < ROWS * n; i += THREADS) {
        const int r = i / n, e = i % n;
        const int64_t t = tile.first + r / tile.heads, h = tile.head0 + r % tile.heads;
        ((float *)to)[i] = r < tile.rows && e < a.d ? attention_load_q(a, t * a.q_token + h * a.q_head + e) : 0;
    }
}

/* Four rows with two keys a thread. */
template <typename KV>
static __device__ __forceinline__ void scores(const attention_args &a, const plain_layout &l, char *shared) {
    enum { E = 16 / sizeof(typename KV::storage) };
    const int row = (int)threadIdx.x / 16 * 4, key = (int)threadIdx.x % 16;
    float sum[4][2] = {};
    for (int vector = 0; vector < l.vectors_k; vector++) {
        float k[2][E];
        attention_vector<KV>(shared + l.k + key * l.pitch_k + vector * 16, k[0]);
        attention_vector<KV>(shared + l.k + (key + 16) * l.pitch_k + vector * 16, k[1]);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const char *q = shared + l.q + (row + i) * l.pitch_q + vector * E * 4;
#pragma unroll
            for (int e = 0; e < E; e += 4) {
                float x[4];
                attention_vector<f32>(q + e * 4, x);
#pragma unroll
                for (int n = 0; n < 4; n++) {
                    sum[i][0] = fmaf(x[n], k[0][e + n], sum[i][0]);
                    sum[i][1] = fmaf(x[n], k[1][e + n], sum[i][1]);
                }
            }
        }
    }
    float *score = (float *)(shared + l.score);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        score[(row + i) * SCORE_PITCH + key] = attention_score(a, sum[i][0]);
        score[(row + i) * SCORE_PITCH + key + 16] = attention_score(a, sum[i][1]);
    }
}

/* Four threads a row. */
static __device__ __forceinline__ void softmax(int key0, float *score, plain_rows *rows) {
    const int r = (int)threadIdx.x / 4, from = (int)threadIdx.x % 4 * (KEYS / 4), lo = rows->lo[r] - key0,
              hi = rows->hi[r] - key0;
    float *x = score + r * SCORE_PITCH;
    const float old = rows->max[r];
    float top = old, sum = 0;
    for (int i = from; i < from + KEYS / 4; i++)
        if (i >= lo && i < hi) top = fmaxf(top, x[i]);
    top = fmaxf(top, gpu_shfl_xor(top, 1));
    top = fmaxf(top, gpu_shfl_xor(top, 2));
    for (int i = from; i < from + KEYS / 4; i++) {
        const float p = i >= lo && i < hi ? attention_exp(x[i], top) : 0;
        x[i] = p;
        sum += p;
    }
    sum += gpu_shfl_xor(sum, 1);
    sum += gpu_shfl_xor(sum, 2);
    if (threadIdx.x % 4 == 0) {
        rows->rescale[r] = attention_exp(old, top);
        rows->sum[r] = fmaf(rows->sum[r], rows->rescale[r], sum);
        rows->max[r] = top;
    }
}

/* Eight rows with four columns of each 128 a thread. `exact`: what a row does not see is left out, not taken times 0. */
template <typename KV, int NC>
static __device__ __forceinline__ void values(const plain_layout &l, int key0, bool exact, const char *shared,
                                              float (&acc)[8][NC][4]) {
    enum { SIZE = sizeof(typename KV::storage) };
    const plain_rows *rows = (const plain_rows *)shared;
    const int row = (int)threadIdx.x / 32 * 8, column = (int)threadIdx.x % 32 * 4;
    const float *score = (const float *)(shared + l.score);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const float r = rows->rescale[row + i];
#pragma unroll
        for (int c = 0; c < NC * 4; c++) acc[i][c / 4][c % 4] *= r;
    }
#pragma unroll 4
    for (int key = 0; key < KEYS; key++) {
        float v[NC][4] = {};
#pragma unroll
        for (int n = 0; n < NC; n++)
            if ((column + n * 128) * SIZE < l.pitch_v) four<KV>(shared + l.v + key * l.pitch_v + (column + n * 128) * SIZE, v[n]);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            const float p = score[(row + i) * SCORE_PITCH + key];
            if (exact && (key0 + key < rows->lo[row + i] || key0 + key >= rows->hi[row + i])) continue;
#pragma unroll
            for (int c = 0; c < NC * 4; c++) acc[i][c / 4][c % 4] = fmaf(p, v[c / 4][c % 4], acc[i][c / 4][c % 4]);
        }
    }
}

template <int NC>
static __device__ __forceinline__ void write_rows(const attention_args &a, const attention_tile &tile, const plain_rows *rows,
                                                  const float (&acc)[8][NC][4]) {
    const int row = (int)threadIdx.x / 32 * 8, column = (int)threadIdx.x % 32 * 4;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const int r = row + i;
        if (r >= tile.rows) continue;
        const int64_t t = tile.first + r / tile.heads, h = tile.head0 + r % tile.heads;
        const float sum = rows->hi[r] > rows->lo[r] ? rows->sum[r] : 1;
#pragma unroll
        for (int c = 0; c < NC * 4; c++) {
            const int e = column + c / 4 * 128 + c % 4;
            if (e < a.dv) attention_store_out(a, t * a.out_token + h * a.out_head + e, acc[i][c / 4][c % 4] / sum);
        }
    }
}

template <typename KV, int NC>
static __device__ __forceinline__ void run_tile(const attention_args &a, const plain_layout &l, const attention_tile &tile,
                                                char *shared) {
    plain_rows *rows = (plain_rows *)shared;
    int64_t *place = (int64_t *)(shared + l.place);
    const char *k = a.k + tile.kv_head * a.k_head, *v = a.v + tile.kv_head * a.v_head;
    float acc[8][NC][4] = {};
    attention_row_ranges(a, tile, ROWS, rows->lo, rows->hi);
    for (int r = (int)threadIdx.x; r < ROWS; r += THREADS) rows->max[r] = -INFINITY, rows->sum[r] = 0;
    bring_q(a, l, tile, shared + l.q);
    __syncthreads();
    const attention_span seen = attention_span_of(rows->lo, rows->hi, ROWS);
    if (seen.hi <= seen.lo) return write_rows<NC>(a, tile, rows, acc);
    int key = seen.lo / KEYS * KEYS;
    attention_tile_places(a, tile.s, key, KEYS, seen.lo, seen.hi, place);
    __syncthreads();
    attention_stage<KV, THREADS>(k, place, a.aligned, KEYS, a.d, l.vectors_k, shared + l.k, l.pitch_k);
    gpu_copy_commit();
    attention_stage<KV, THREADS>(v, place + KEYS, a.aligned, KEYS, a.dv, l.vectors_v, shared + l.v, l.pitch_v);
    gpu_copy_commit();
    for (int step = 1; key < seen.hi; step++, key += KEYS) {
        const bool more = key + KEYS < seen.hi, partly = key < seen.last_lo || key + KEYS > seen.first_hi;
        int64_t *next = place + step % 2 * 2 * KEYS;
        if (more) attention_tile_places(a, tile.s, key + KEYS, KEYS, seen.lo, seen.hi, next);
        if (threadIdx.x == 0) rows->strange = 0;
        gpu_copy_wait<1>(); /* k is here, v under way */
        __syncthreads();
        scores<KV>(a, l, shared);
        __syncthreads();
        if (more) attention_stage<KV, THREADS>(k, next, a.aligned, KEYS, a.d, l.vectors_k, shared + l.k, l.pitch_k);
        gpu_copy_commit();
        softmax(key, (float *)(shared + l.score), rows);
        gpu_copy_wait<1>(); /* v is here, the next k under way */
        __syncthreads();
        if (partly) {
            if (attention_strange<KV>(shared + l.v, KEYS, l.vectors_v, l.pitch_v)) atomicMax(&rows->strange, 1);
            __syncthreads();
        }
        values<KV, NC>(l, key, partly && rows->strange, shared, acc);
        __syncthreads();
        if (more) attention_stage<KV, THREADS>(v, next + KEYS, a.aligned, KEYS, a.dv, l.vectors_v, shared + l.v, l.pitch_v);
        gpu_copy_commit();
    }
    write_rows<NC>(a, tile, rows, acc);
}

template <typename KV, int NC>
static __global__ void __launch_bounds__(THREADS)
    attention_plain(const attention_args a, const attention_tiling t, const plain_layout l) {
    GPU_SHARED_DYNAMIC(shared);
    const int around = a.kv_heads * t.head_blocks;
    attention_tile tile;
    for (int i = (int)(blockIdx.x / around); attention_find(a, i, t.step, ((plain_rows *)shared)->find, &tile); i += t.tiles) {
        attention_take_heads(a, t, (int)(blockIdx.x % around), &tile);
        run_tile<KV, NC>(a, l, tile, shared);
        __syncthreads();
    }
}

int attention_prefill_plain(hdi_gpu_queue *queue, const attention_args *a) {
    const plain_layout l = plain_layout_of(a->d, a->dv, a->kv_type == HD_DTYPE_F32 ? 4 : 2);
    const attention_tiling t = attention_tiling_of(*a, ROWS);
    if (a->dv > 256 || (size_t)l.bytes > queue->shared_limit) return HDI_GPU_UNSUPPORTED;
    return gpu_with_float(a->kv_type, [&](auto type) {
        typedef decltype(type) KV;
        auto kernel = a->dv > 128 ? attention_plain<KV, 2> : attention_plain<KV, 1>;
        int error = (int)gpu_allow_shared(kernel, (size_t)l.bytes);
        if (error != GPU(Success)) return error;
        return (int)gpu_launch(kernel, attention_blocks(*a, t), THREADS, (size_t)l.bytes, queue->stream, *a, t, l);
    });
}

} // namespace HDI_GPU_NAMESPACE
