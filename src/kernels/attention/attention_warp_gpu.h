/* SPDX-License-Identifier: Apache-2.0 */
/* Split decode's arithmetic with tensor cores, for f16 and bf16 keys of up to 256 elements.
 *
 * One shape serves groups of 1 to 8 heads: keys (or columns of v) are the 16 rows of a product, heads its 8 columns, so nothing
 * is computed twice and no thread adds up what others hold. About 130 instructions a warp for 64 keys, where their 32 KiB take
 * some 1,500 clocks of a multiprocessor's share of the memory. q of a wider type is taken as the sum of two, as p always is: what
 * is lost are bits below 2^-17. */
#ifndef HDI_KERNELS_ATTENTION_WARP_GPU_H
#define HDI_KERNELS_ATTENTION_WARP_GPU_H

#include "kernels/attention/attention_cell_gpu.h"
#include "kernels/attention/attention_pack_gpu.h"

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_MMA

template <typename T> struct attention_warp {
    typedef T KV;
    enum {
        W = 8,
        MOST = 256,                   /* elements of a head */
        TILES = MOST / 16 / 8,        /* of 16 columns, that a warp has */
        SCORES = ATTENTION_CHUNK + 4, /* floats of a row of scores: rows begin at different banks */
        P = ATTENTION_CHUNK * 2 + 16, /* bytes of a row of p, likewise */
    };
    float sums[TILES][4]; /* g = lane / 4, t = lane % 4: column 16 n + g (+ 8 in [2], [3]) of head 2 t (+ 1 in [1], [3]) */

    static attention_layout layout(int d, int dv, int chunk) {
        attention_layout l = {};
        l.vectors_k = (d + 15) / 16 * 2;
        l.vectors_v = (dv + 15) / 16 * 2;
        l.pitch_k = l.vectors_k * 16 + 16; /* an odd number of vectors: eight rows lie in different banks */
        l.pitch_v = l.vectors_v * 16 + 16;
        l.columns = l.vectors_v * 8;
        l.q = ATTENTION_FIXED;
        l.score = l.q + 2 * W * l.pitch_k;
        l.p = l.score + 2 * W * SCORES * 4;
        l.state = l.p + 2 * W * P;
        l.total = l.state + (int)sizeof(attention_state<W>);
        l.k = (l.total + W * l.columns * 4 + 127) / 128 * 128;
        l.v = l.k + chunk * l.pitch_k;
        l.bytes = l.v + chunk * l.pitch_v;
        l.possible = d <= MOST && dv <= MOST && chunk == ATTENTION_CHUNK;
        return l;
    }

    /* The queries in two terms [term][head], padded with zeros. */
    static __device__ __forceinline__ void bring_q(const attention_args &a, const attention_cell &c, char *shared) {
        const int n = a.layout.vectors_k * 8;
        for (int i = (int)threadIdx.x; i < W * n; i += ATTENTION_THREADS) {
            const int h = i / n, e = i % n;
            const float x = h < c.heads && e < a.d ? attention_load_q(a, c.token * a.q_token + (c.head0 + h) * a.q_head + e) : 0;
            uint16_t high, low;
            attention_two<KV>(x, &high, &low);
            uint16_t *to = (uint16_t *)(shared + a.layout.q + h * a.layout.pitch_k) + e;
            to[0] = high;
            to[W * a.layout.pitch_k / 2] = low;
        }
        for (int i = (int)threadIdx.x; i < 2 * W * P / 4; i += ATTENTION_THREADS) ((uint32_t *)(shared + a.layout.p))[i] = 0;
    }

    /* score[half][head][key]: two warps have the same 16 keys, and half the elements each. */
    static __device__ __forceinline__ void scores(const attention_args &a, char *shared) {
        const attention_layout &l = a.layout;
        const int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES, g = lane / 4, t = lane % 4;
        const int steps = l.vectors_k / 2, half = warp % 2, begin = half ? (steps + 1) / 2 : 0,
                  end = half ? steps : (steps + 1) / 2;
        const char *k = shared + l.k + (warp / 2 * 16 + lane % 16) * l.pitch_k + lane / 16 * 16;
        const char *q = shared + l.q + g * l.pitch_k + t * 4;
        const bool exact = a.q_type == a.kv_type;
        float x[4] = {}, y[4] = {};
#pragma unroll 4
        for (int i = begin; i < end; i++) {
            uint32_t m[4], high[2], low[2];
            gpu_ldmatrix_x4(m, k + i * 32);
            high[0] = *(const uint32_t *)(q + i * 32);
            high[1] = *(const uint32_t *)(q + i * 32 + 16);
            attention_product(KV(), x, m, high);
            if (exact) continue;
            low[0] = *(const uint32_t *)(q + W * l.pitch_k + i * 32);
            low[1] = *(const uint32_t *)(q + W * l.pitch_k + i * 32 + 16);
            attention_product(KV(), y, m, low);
        }
        float *score = (float *)(shared + l.score) + half * W * SCORES + warp / 2 * 16 + g;
#pragma unroll
        for (int i = 0; i < 4; i++) score[(2 * t + i % 2) * SCORES + i / 2 * 8] = x[i] + y[i];
    }

    /* Scores of the keys seen become p = 2^(score - max), a warp a head, in two terms; the others 0. */
    static __device__ __forceinline__ void soften(const attention_args &a, const attention_cell &c, int key0, bool begins,
                                                  char *shared) {
        enum { N = ATTENTION_CHUNK / GPU_LANES };
        attention_state<W> *state = (attention_state<W> *)(shared + a.layout.state);
        const int lane = (int)threadIdx.x % GPU_LANES, h = (int)threadIdx.x / GPU_LANES;
        if (h >= c.heads) return;
        const float *score = (const float *)(shared + a.layout.score) + h * SCORES;
        float x[N], top = -INFINITY, sum = 0;
#pragma unroll
        for (int i = 0; i < N; i++) {
            const int n = i * GPU_LANES + lane, key = key0 + n;
            x[i] = key >= c.lo && key < c.hi ? attention_score(a, score[n] + score[W * SCORES + n]) : -INFINITY;
            top = fmaxf(top, x[i]);
        }
        top = attention_top(*state, h, begins, top);
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float p = attention_exp(x[i], top);
            uint16_t high, low, *to = (uint16_t *)(shared + a.layout.p + h * P) + i * GPU_LANES + lane;
            attention_two<KV>(p, &high, &low);
            to[0] = high;
            to[W * P / 2] = low;
            sum += p;
        }
        attention_advance(state, h, begins, top, sum);
    }

    /* sums = sums * rescale + sum over keys of p v */
    __device__ __forceinline__ void values(const attention_args &a, bool begins, const char *shared) {
        const attention_layout &l = a.layout;
        const attention_state<W> *state = (const attention_state<W> *)(shared + l.state);
        const int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES, g = lane / 4, t = lane % 4;
        const char *v = shared + l.v + (lane / 16 * 8 + lane % 8) * l.pitch_v + lane / 8 % 2 * 16;
        const char *p = shared + l.p + g * P + t * 4;
#pragma unroll
        for (int n = 0; n < TILES; n++) {
            const int tile = warp + n * 8;
#pragma unroll
            for (int i = 0; i < 4; i++) sums[n][i] = begins ? 0 : sums[n][i] * state->rescale[2 * t + i % 2];
            if (tile * 2 >= l.vectors_v) continue;
            float rest[4] = {}; /* a second chain, which need not wait for the first */
#pragma unroll
            for (int i = 0; i < ATTENTION_CHUNK / 16; i++) {
                uint32_t m[4], high[2], low[2];
                gpu_ldmatrix_x4_trans(m, v + i * 16 * l.pitch_v + tile * 32);
                high[0] = *(const uint32_t *)(p + i * 32), high[1] = *(const uint32_t *)(p + i * 32 + 16);
                low[0] = *(const uint32_t *)(p + W * P + i * 32), low[1] = *(const uint32_t *)(p + W * P + i * 32 + 16);
                attention_product(KV(), sums[n], m, high);
                attention_product(KV(), rest, m, low);
            }
#pragma unroll
            for (int i = 0; i < 4; i++) sums[n][i] += rest[i];
        }
    }

    /* The sums to `to` [head][column], or joined to the total when it is NULL. */
    __device__ __forceinline__ void collect(const attention_args &a, const attention_cell &c, char *shared, float *to) const {
        const attention_layout &l = a.layout;
        const attention_state<W> *state = (const attention_state<W> *)(shared + l.state);
        const int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES, g = lane / 4, t = lane % 4;
        float *total = (float *)(shared + l.total);
        if (!to) __syncthreads(); /* the factors are there */
#pragma unroll
        for (int n = 0; n < TILES; n++) {
            if ((warp + n * 8) * 2 >= l.vectors_v) continue;
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int h = 2 * t + i % 2, at = h * l.columns + (warp + n * 8) * 16 + g + i / 2 * 8;
                if (h >= c.heads) continue;
                if (to)
                    to[at] = sums[n][i];
                else
                    total[at] = fmaf(total[at], state->before[h], sums[n][i] * state->here[h]);
            }
        }
    }
};

#endif

} // namespace HDI_GPU_NAMESPACE

#endif
