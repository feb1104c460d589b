/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of many tokens with tensor cores, after FlashAttention-2 (Dao 2023).
 *
 * A block of 4 warps takes a tile of 64 or 128 queries through 64 keys at a time: 4 * rows * 64 * D operations for 64 rows of k
 * and v, so the limit is the rate of mma; 128 queries are 32 a warp, which halve what a warp reads from shared memory for each
 * product. Scores, p and the sums stay in registers: what mma leaves of q k is what it takes as p. k and v come in turn while the
 * other is worked on. q and p are rounded to the type of k and v, sums are f32. Rows see keys from 0 on in blocks of 64, and
 * blocks in which a row sees nothing leave it as it was, so its bits do not depend on the tile that it lies in. */
#include "kernels/attention/attention_pack_gpu.h"
#include "kernels/attention/attention_prefill_gpu.h"

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_MMA

enum { WARPS = 4, THREADS = WARPS * GPU_LANES, KEYS = 64, MOST_ROWS = 128 };

/* Shared memory: rows of D elements and 16 bytes, so that eight rows lie in different banks. */
template <int D, int MT> struct tile_memory {
    enum { ROWS = 16 * WARPS * MT, PITCH = 2 * D + 16 };
    alignas(128) char q[ROWS * PITCH];
    char k[KEYS * PITCH], v[KEYS * PITCH];
    int64_t place[2][2 * KEYS];
    int lo[ROWS], hi[ROWS];
    int find[ATTENTION_FIND];
    int strange; /* v holds what is not finite */
};

/* What a warp holds: MT times 16 queries. With g = lane / 4, t = lane % 4: rows 16 m + g and 16 m + g + 8, of score tile n the
 * keys 8 n + 2 t and 8 n + 2 t + 1, of sum tile n such columns. */
template <int D, int MT> struct warp_state {
    float sums[MT][D / 8][4];
    float max[MT][2], total[MT][2]; /* total: of this lane's keys */
    int first;                      /* row of the tile */
    attention_span seen;            /* by the rows of this warp */
};

template <typename KV, int D, int MT>
static __device__ __forceinline__ void bring_q(const attention_args &a, const attention_tile &tile, tile_memory<D, MT> *shared) {
    const bool copy = a.q_aligned && a.q_type == a.kv_type;
    for (int i = (int)threadIdx.x; i < tile_memory<D, MT>::ROWS * (D / 8); i += THREADS) {
        const int r = i / (D / 8), e = i % (D / 8) * 8;
        const int64_t t = tile.first + r / tile.heads, h = tile.head0 + r % tile.heads, at = t * a.q_token + h * a.q_head + e;
        const int left = r < tile.rows && a.d > e ? a.d - e : 0;
        char *to = shared->q + r * tile_memory<D, MT>::PITCH + e * 2;
        if (copy) {
            gpu_copy_async(to, left ? a.q + at * 2 : a.q, 16, left < 8 ? left * 2 : 16);
            continue;
        }
        float x[8];
        if (a.q_aligned && a.q_type == HD_DTYPE_F32 && left >= 8) {
            attention_vector<f32>(a.q + at * 4, x);
            attention_vector<f32>(a.q + at * 4 + 16, x + 4);
        } else {
#pragma unroll
            for (int n = 0; n < 8; n++) x[n] = n < left ? attention_load_q(a, at + n) : 0;
        }
#pragma unroll
        for (int n = 0; n < 8; n += 2) ((uint32_t *)to)[n / 2] = attention_pack(KV(), x[n], x[n + 1]);
    }
}

/* scores[m][n]: q k of the warp's rows with all keys of the block. */
template <typename KV, int D, int MT>
static __device__ __forceinline__ void multiply_keys(const tile_memory<D, MT> *shared, int first,
                                                     float (&scores)[MT][KEYS / 8][4]) {
    enum { PITCH = tile_memory<D, MT>::PITCH };
    const int lane = (int)threadIdx.x % GPU_LANES;
    const char *q = shared->q + (first + lane % 16) * PITCH + lane / 16 * 16;
    const char *k = shared->k + (lane / 16 * 8 + lane % 8) * PITCH + lane / 8 % 2 * 16;
#pragma unroll
    for (int i = 0; i < MT * (KEYS / 8) * 4; i++) scores[i / 4 / (KEYS / 8)][i / 4 % (KEYS / 8)][i % 4] = 0;
#pragma unroll
    for (int e = 0; e < D; e += 16) {
        uint32_t x[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++) gpu_ldmatrix_x4(x[m], q + m * 16 * PITCH + e * 2);
#pragma unroll
        for (int n = 0; n < KEYS / 8; n += 2) {
            uint32_t y[4];
            gpu_ldmatrix_x4(y, k + n * 8 * PITCH + e * 2);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                attention_product(KV(), scores[m][n], x[m], y);
                attention_product(KV(), scores[m][n + 1], x[m], y + 2);
            }
        }
    }
}

/* Products become scores, or -inf where a row does not see the key. Gives what they are still to be multiplied by. */
template <int D, int MT>
static __device__ __forceinline__ float score_keys(const attention_args &a, const tile_memory<D, MT> *shared,
                                                   const warp_state<D, MT> &w, int key0, float (&scores)[MT][KEYS / 8][4]) {
    const int lane = (int)threadIdx.x % GPU_LANES, g = lane / 4, t = lane % 4;
    const bool now = a.softcap > 0 || !(a.scale > 0);
    if (now) {
#pragma unroll
        for (int i = 0; i < MT * (KEYS / 8) * 4; i++) {
            float &x = scores[i / 4 / (KEYS / 8)][i / 4 % (KEYS / 8)][i % 4];
            x = attention_score(a, x);
        }
    }
    const float by = now ? 1.0f : a.scale * 1.44269504089f;
    if (key0 >= w.seen.last_lo && key0 + KEYS <= w.seen.first_hi) return by;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int row = w.first + m * 16 + g + i / 2 * 8, lo = shared->lo[row] - key0, hi = shared->hi[row] - key0;
#pragma unroll
            for (int n = 0; n < KEYS / 8; n++) {
                const int key = n * 8 + t * 2 + i % 2;
                if (key < lo || key >= hi) scores[m][n][i] = -INFINITY;
            }
        }
    return by;
}

/* 2^x in one instruction where there is one; 0 below 2^-126. */
static __device__ __forceinline__ float power(float x) {
#if GPU_PTX
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#else
    return exp2f(x);
#endif
}

/* Scores, times `by`, become p; what was summed before is brought to the new maxima. Fewer instructions than products: they would
 * be the limit otherwise. */
template <int D, int MT>
static __device__ __forceinline__ void soften(warp_state<D, MT> &w, float by, float (&scores)[MT][KEYS / 8][4]) {
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const float old = w.max[m][half];
            float top = old;
#pragma unroll
            for (int n = 0; n < KEYS / 8; n++) top = fmaxf(top, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
            top = fmaxf(top, gpu_shfl_xor(top, 1));
            top = fmaxf(top, gpu_shfl_xor(top, 2));
            const float base = top == -INFINITY ? 0.0f : top * by;
            const float rescale = old == top ? 1.0f : power((old - top) * by); /* just 1: other rows may spare us the product */
            float sum = 0;
#pragma unroll
            for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) sum += scores[m][n][i] = power(fmaf(scores[m][n][i], by, -base));
            w.max[m][half] = top;
            w.total[m][half] = fmaf(w.total[m][half], rescale, sum);
            if (gpu_any(old != top)) {
#pragma unroll
                for (int n = 0; n < D / 8; n++) {
                    w.sums[m][n][2 * half] *= rescale;
                    w.sums[m][n][2 * half + 1] *= rescale;
                }
            }
        }
}

/* sums += p v */
template <typename KV, int D, int MT>
static __device__ __forceinline__ void multiply_values(const tile_memory<D, MT> *shared, const float (&p)[MT][KEYS / 8][4],
                                                       warp_state<D, MT> &w) {
    enum { PITCH = tile_memory<D, MT>::PITCH };
    const int lane = (int)threadIdx.x % GPU_LANES;
    const char *v = shared->v + lane % 16 * PITCH + lane / 16 * 16;
#pragma unroll
    for (int n = 0; n < KEYS / 8; n += 2) {
        uint32_t x[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                x[m][i] = attention_pack(KV(), p[m][n + i / 2][i % 2 * 2], p[m][n + i / 2][i % 2 * 2 + 1]);
#pragma unroll
        for (int e = 0; e < D / 8; e += 2) {
            uint32_t y[4];
            gpu_ldmatrix_x4_trans(y, v + n * 8 * PITCH + e * 16);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                attention_product(KV(), w.sums[m][e], x[m], y);
                attention_product(KV(), w.sums[m][e + 1], x[m], y + 2);
            }
        }
    }
}

/* Values that are not finite are added to the sums of the rows that see them, p or not: 0 times them would spoil the others. */
template <typename KV, int D, int MT>
static __device__ __forceinline__ void add_strange(const tile_memory<D, MT> *shared, int key0, warp_state<D, MT> &w) {
    const int lane = (int)threadIdx.x % GPU_LANES, g = lane / 4, t = lane % 4;
#pragma unroll 1
    for (int key = 0; key < KEYS; key++) {
        const char *v = shared->v + key * tile_memory<D, MT>::PITCH + t * 4;
#pragma unroll
        for (int n = 0; n < D / 8; n++) {
            const uint32_t pair = *(const uint32_t *)(v + n * 16);
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const float x = KV::get((uint16_t)(i % 2 ? pair >> 16 : pair & 0xffffu));
                if (fabsf(x) < INFINITY) continue;
#pragma unroll
                for (int m = 0; m < MT; m++) {
                    const int row = w.first + m * 16 + g + i / 2 * 8;
                    if (key0 + key >= shared->lo[row] && key0 + key < shared->hi[row]) w.sums[m][n][i] += x;
                }
            }
        }
    }
}

/* Then they are taken out of v, by all threads. */
template <typename KV, int D, int MT> static __device__ __forceinline__ void remove_strange(tile_memory<D, MT> *shared) {
    for (int i = (int)threadIdx.x; i < KEYS * D; i += THREADS) {
        uint16_t *x = (uint16_t *)(shared->v + i / D * tile_memory<D, MT>::PITCH) + i % D;
        if (!(fabsf(KV::get(*x)) < INFINITY)) *x = 0;
    }
}

template <int D, int MT>
static __device__ __forceinline__ void write_rows(const attention_args &a, const attention_tile &tile,
                                                  const warp_state<D, MT> &w) {
    const int lane = (int)threadIdx.x % GPU_LANES, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float sum = w.total[m][half];
            sum += gpu_shfl_xor(sum, 1);
            sum += gpu_shfl_xor(sum, 2);
            const int r = w.first + m * 16 + g + half * 8;
            if (r >= tile.rows) continue;
            const float by = w.max[m][half] == -INFINITY && sum == 0 && w.seen.hi <= w.seen.lo ? 1 : sum;
            const int64_t at = (tile.first + r / tile.heads) * a.out_token + (tile.head0 + r % tile.heads) * a.out_head;
#pragma unroll
            for (int n = 0; n < D / 8; n++) {
                const float x = w.sums[m][n][2 * half] / by, y = w.sums[m][n][2 * half + 1] / by;
                const int e = n * 8 + t * 2;
                if (a.out_pairs && e < a.dv) {
                    ((uint32_t *)a.out)[(at + e) / 2] =
                        a.q_type == HD_DTYPE_F16 ? attention_pack(f16(), x, y) : attention_pack(bf16(), x, y);
                } else {
                    if (e < a.dv) attention_store_out(a, at + e, x);
                    if (e + 1 < a.dv) attention_store_out(a, at + e + 1, y);
                }
            }
        }
}

template <typename KV, int D, int MT>
static __device__ __forceinline__ void run_tile(const attention_args &a, const attention_tile &tile, tile_memory<D, MT> *shared) {
    enum { ROWS = tile_memory<D, MT>::ROWS, PITCH = tile_memory<D, MT>::PITCH };
    const char *k = a.k + tile.kv_head * a.k_head, *v = a.v + tile.kv_head * a.v_head;
    attention_row_ranges(a, tile, ROWS, shared->lo, shared->hi);
    bring_q<KV>(a, tile, shared);
    gpu_copy_commit();
    gpu_copy_wait<0>();
    __syncthreads();
    warp_state<D, MT> w = {};
    w.first = (int)threadIdx.x / GPU_LANES * 16 * MT;
    w.seen = attention_span_of(shared->lo + w.first, shared->hi + w.first, 16 * MT);
    for (int i = 0; i < 2 * MT; i++) w.max[i / 2][i % 2] = -INFINITY;
    const attention_span seen = attention_span_of(shared->lo, shared->hi, ROWS);
    const bool idle = w.first >= tile.rows; /* this warp has no rows */
    int key = seen.lo / KEYS * KEYS;
    if (seen.hi > seen.lo) {
        attention_tile_places(a, tile.s, key, KEYS, seen.lo, seen.hi, shared->place[0]);
        __syncthreads();
        attention_stage<KV, THREADS>(k, shared->place[0], a.aligned, KEYS, a.d, D / 8, shared->k, PITCH);
        gpu_copy_commit();
        attention_stage<KV, THREADS>(v, shared->place[0] + KEYS, a.aligned, KEYS, a.dv, D / 8, shared->v, PITCH);
        gpu_copy_commit();
    }
    for (int step = 1; key < seen.hi; step++, key += KEYS) {
        const bool more = key + KEYS < seen.hi, partly = key < seen.last_lo || key + KEYS > seen.first_hi;
        const bool skip = idle || key >= w.seen.hi || key + KEYS <= w.seen.lo;
        int64_t *next = shared->place[step % 2];
        float scores[MT][KEYS / 8][4];
        if (more) attention_tile_places(a, tile.s, key + KEYS, KEYS, seen.lo, seen.hi, next);
        if (threadIdx.x == 0) shared->strange = 0;
        gpu_copy_wait<1>(); /* k is here, v under way */
        __syncthreads();
        if (!skip) multiply_keys<KV>(shared, w.first, scores);
        __syncthreads();
        if (more) attention_stage<KV, THREADS>(k, next, a.aligned, KEYS, a.d, D / 8, shared->k, PITCH);
        gpu_copy_commit();
        if (!skip) {
            const float by = score_keys(a, shared, w, key, scores);
            soften(w, by, scores);
        }
        gpu_copy_wait<1>(); /* v is here, the next k under way */
        __syncthreads();
        if (partly) {
            if (attention_strange<KV>(shared->v, KEYS, D / 8, PITCH)) atomicMax(&shared->strange, 1); /* many threads may find some */
            __syncthreads();
            if (shared->strange) {
                if (!skip) add_strange<KV>(shared, key, w);
                __syncthreads();
                remove_strange<KV>(shared);
                __syncthreads();
            }
        }
        if (!skip) multiply_values<KV>(shared, scores, w);
        __syncthreads();
        if (more) attention_stage<KV, THREADS>(v, next + KEYS, a.aligned, KEYS, a.dv, D / 8, shared->v, PITCH);
        gpu_copy_commit();
    }
    if (!idle) write_rows(a, tile, w);
}

template <typename KV, int D, int MT>
static __global__ void __launch_bounds__(THREADS, 2) attention_mma(const attention_args a, const attention_tiling t) {
    GPU_SHARED_DYNAMIC(memory);
    tile_memory<D, MT> *shared = (tile_memory<D, MT> *)memory;
    const int around = a.kv_heads * t.head_blocks;
    attention_tile tile;
    for (int i = (int)(blockIdx.x / around); attention_find(a, i, t.step, shared->find, &tile); i += t.tiles) {
        attention_take_heads(a, t, (int)(blockIdx.x % around), &tile);
        run_tile<KV>(a, tile, shared);
        __syncthreads();
    }
}

template <typename KV, int D, int MT>
static int launch(hdi_gpu_queue *queue, const attention_args &a, const attention_tiling &t) {
    const size_t bytes = sizeof(tile_memory<D, MT>);
    if (bytes > queue->shared_limit) return HDI_GPU_UNSUPPORTED;
    const int error = (int)gpu_allow_shared(attention_mma<KV, D, MT>, bytes);
    if (error != GPU(Success)) return error;
    return (int)gpu_launch(attention_mma<KV, D, MT>, attention_blocks(a, t), THREADS, bytes, queue->stream, a, t);
}

/* 128 queries a block where that leaves no multiprocessor without work. */
template <typename KV> static int choose(hdi_gpu_queue *queue, const attention_args &a) {
    const int dims = a.d > a.dv ? a.d : a.dv;
    const attention_tiling large = attention_tiling_of(a, 128), small = attention_tiling_of(a, 64);
    const bool many = attention_blocks(a, large) >= 2 * (int64_t)queue->units;
    if (dims <= 64) return many ? launch<KV, 64, 2>(queue, a, large) : launch<KV, 64, 1>(queue, a, small);
    if (dims <= 128) return many ? launch<KV, 128, 2>(queue, a, large) : launch<KV, 128, 1>(queue, a, small);
    return dims <= 256 ? launch<KV, 256, 1>(queue, a, small) : (int)HDI_GPU_UNSUPPORTED;
}

int attention_prefill_mma(hdi_gpu_queue *queue, const attention_args *a) {
    if (a->kv_type == HD_DTYPE_F16) return choose<f16>(queue, *a);
    return a->kv_type == HD_DTYPE_BF16 ? choose<bf16>(queue, *a) : (int)HDI_GPU_UNSUPPORTED;
}

#else

int attention_prefill_mma(hdi_gpu_queue *, const attention_args *) { return HDI_GPU_UNSUPPORTED; }

#endif

} // namespace HDI_GPU_NAMESPACE
