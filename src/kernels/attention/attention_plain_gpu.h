/* SPDX-License-Identifier: Apache-2.0 */
/* Split decode's arithmetic in plain f32: any vendor, any type of keys, heads of any size.
 *
 * 2 (d + dv) operations a key and head, about 6 instructions for 8 elements of one head and 75 for 8 heads, which share what is
 * read and converted: at the memory's limit for one head, some way below for 8. */
#ifndef HDI_KERNELS_ATTENTION_PLAIN_GPU_H
#define HDI_KERNELS_ATTENTION_PLAIN_GPU_H

#include "kernels/attention/attention_cell_gpu.h"

namespace HDI_GPU_NAMESPACE {

enum {
    ATTENTION_PARTS = 16,                                                     /* threads that share the dot products of a key */
    ATTENTION_KEYS = ATTENTION_CHUNK / (ATTENTION_THREADS / ATTENTION_PARTS), /* keys of a thread */
};

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

/* W heads go through the keys together. */
template <typename T, int W_> struct attention_plain {
    typedef T KV;
    enum {
        W = W_,
        E = 16 / sizeof(typename KV::storage),
        G = W < 4 ? W : 4,               /* heads of a thread, */
        TEAM = ATTENTION_THREADS * G / W /* and threads that have the same */
    };
    float sums[G][E]; /* of one vector of columns, over every so manieth key of the split */

    static attention_layout layout(int d, int dv, int chunk) {
        attention_layout l = {};
        l.vectors_k = (d + E - 1) / E;
        l.vectors_v = (dv + E - 1) / E;
        l.pitch_k = l.vectors_k * 16;
        l.pitch_v = l.vectors_v * 16;
        l.columns = l.vectors_v * E;
        for (l.parts_v = 1; l.parts_v < l.vectors_v;) l.parts_v *= 2;
        l.q = ATTENTION_FIXED;
        l.score = l.q + W * l.vectors_k * E * 4;
        l.state = l.score + ATTENTION_CHUNK * W * 4;
        l.total = l.state + (int)sizeof(attention_state<W>);
        l.reduce = (l.total + W * l.columns * 4 + 15) / 16 * 16;
        const int wide = l.parts_v > GPU_LANES ? l.parts_v : GPU_LANES; /* lanes of a warp meet without memory */
        l.k = (l.reduce + TEAM / wide * W * l.columns * 4 + 127) / 128 * 128;
        l.v = l.k + chunk * l.pitch_k;
        l.bytes = l.v + chunk * l.pitch_v;
        l.possible = l.parts_v <= TEAM;
        return l;
    }

    /* The queries as floats, padded with zeros. */
    static __device__ __forceinline__ void bring_q(const attention_args &a, const attention_cell &c, char *shared) {
        const int pitch = a.layout.vectors_k * E;
        for (int i = (int)threadIdx.x; i < W * pitch; i += ATTENTION_THREADS) {
            const int h = i / pitch, e = i % pitch;
            ((float *)(shared + a.layout.q))[i] =
                h < c.heads && e < a.d ? attention_load_q(a, c.token * a.q_token + (c.head0 + h) * a.q_head + e) : 0;
        }
    }

    /* score[key * W + head], G heads a time; a thread has a vector of a row (or several) and up to four keys. */
    static __device__ __forceinline__ void scores(const attention_args &a, char *shared) {
#pragma unroll 1
        for (int h0 = 0; h0 < W; h0 += G) some_scores(a, h0, shared);
    }
    static __device__ __forceinline__ void some_scores(const attention_args &a, int h0, char *shared) {
        enum { STEP = ATTENTION_THREADS / ATTENTION_PARTS, N = ATTENTION_KEYS * G };
        const attention_layout &l = a.layout;
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
                attention_vector<KV>(shared + l.k + key * l.pitch_k + vector * 16, k);
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

    /* Scores of the keys seen become p = 2^(score - max), a warp a head; the others 0. */
    static __device__ __forceinline__ void soften(const attention_args &a, const attention_cell &c, int key0, bool begins,
                                                  char *shared) {
        attention_state<W> *state = (attention_state<W> *)(shared + a.layout.state);
        float *score = (float *)(shared + a.layout.score);
        const int lane = (int)threadIdx.x % GPU_LANES;
        for (int h = (int)threadIdx.x / GPU_LANES; h < c.heads; h += ATTENTION_THREADS / GPU_LANES) {
            float top = -INFINITY, sum = 0;
            for (int i = lane; i < a.chunk; i += GPU_LANES)
                if (key0 + i >= c.lo && key0 + i < c.hi) top = fmaxf(top, score[i * W + h]);
            top = attention_top(*state, h, begins, top);
            for (int i = lane; i < a.chunk; i += GPU_LANES) {
                const bool seen = key0 + i >= c.lo && key0 + i < c.hi;
                const float p = seen ? attention_exp(score[i * W + h], top) : 0;
                score[i * W + h] = p;
                sum += p;
            }
            attention_advance(state, h, begins, top, sum);
        }
    }

    /* sums = sums * rescale + sum over keys of p v */
    __device__ __forceinline__ void values(const attention_args &a, bool begins, const char *shared) {
        const attention_layout &l = a.layout;
        const attention_state<W> *state = (const attention_state<W> *)(shared + l.state);
        const int h0 = (int)threadIdx.x / TEAM * G, id = (int)threadIdx.x % TEAM, part = id & (l.parts_v - 1);
        const float *score = (const float *)(shared + l.score) + h0;
#pragma unroll
        for (int h = 0; h < G; h++) {
            const float r = state->rescale[h0 + h];
#pragma unroll
            for (int e = 0; e < E; e++) sums[h][e] = begins ? 0 : sums[h][e] * r;
        }
        if (part >= l.vectors_v) return;
#pragma unroll 2
        for (int key = id / l.parts_v; key < a.chunk; key += TEAM / l.parts_v) {
            float v[E];
            attention_vector<KV>(shared + l.v + key * l.pitch_v + part * 16, v);
#pragma unroll
            for (int h = 0; h < G; h++) {
                const float p = score[key * W + h];
#pragma unroll
                for (int e = 0; e < E; e++) sums[h][e] = fmaf(p, v[e], sums[h][e]);
            }
        }
    }

    /* The sums of all threads, column by column, to `to` [head][column], or joined to the total when it is NULL. */
    __device__ __forceinline__ void collect(const attention_args &a, const attention_cell &c, char *shared, float *to) const {
        const attention_layout &l = a.layout;
        const attention_state<W> *state = (const attention_state<W> *)(shared + l.state);
        const int h0 = (int)threadIdx.x / TEAM * G, id = (int)threadIdx.x % TEAM, part = id & (l.parts_v - 1);
        const int wide = l.parts_v > GPU_LANES ? l.parts_v : GPU_LANES, slots = TEAM / wide;
        float *reduce = (float *)(shared + l.reduce), *total = (float *)(shared + l.total);
#pragma unroll
        for (int h = 0; h < G; h++) {
#pragma unroll
            for (int e = 0; e < E; e++) {
                float x = sums[h][e];
                for (int mask = l.parts_v; mask < GPU_LANES; mask *= 2) x += gpu_shfl_xor(x, mask);
                if (id % wide < l.parts_v && part < l.vectors_v)
                    reduce[((h0 + h) * slots + id / wide) * l.columns + part * E + e] = x;
            }
        }
        __syncthreads();
        for (int i = (int)threadIdx.x; i < c.heads * l.columns; i += ATTENTION_THREADS) {
            const int h = i / l.columns;
            float x = 0;
            for (int n = 0; n < slots; n++) x += reduce[(h * slots + n) * l.columns + i % l.columns];
            if (to)
                to[i] = x;
            else
                total[i] = fmaf(total[i], state->before[h], x * state->here[h]);
        }
    }
};

} // namespace HDI_GPU_NAMESPACE

#endif
