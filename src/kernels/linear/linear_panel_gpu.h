/* SPDX-License-Identifier: Apache-2.0 */
/* Few rows of x times block weights in panels (q8_0, q4_0): 8.5 and 4.5 bits a weight, so arithmetic is as near as memory.
 *
 * A block of threads takes two groups of 16 rows (a plain product: one, by halves of k), its eight streams of 32 lanes every
 * eighth block of k; a lane asks for the words of U blocks of both groups, and for the next U before it multiplies: 2 to 3 KB a
 * warp in each of two lots. Then the streams' sums meet in shared memory and a thread finishes a pair of rows. How a piece is
 * multiplied is the policy P: by f32 fma (linear_panel_fma), or by tensor cores with x in three bf16 parts
 * (linear_panel_mma_gpu.h), which takes a third of the issue slots. Sums have a fixed order that no other row of x changes. */
#ifndef HDI_KERNELS_LINEAR_PANEL_GPU_H
#define HDI_KERNELS_LINEAR_PANEL_GPU_H

#include "kernels/linear/linear_block_gpu.h"
#include "kernels/linear/linear_gpu.h"
#include "kernels/linear/linear_panel_mma_gpu.h"

namespace HDI_GPU_NAMESPACE {

enum { LINEAR_STREAMS = LINEAR_THREADS / 32 };

/* f32 sums of up to M rows of x; x lies in shared memory as floats in the lanes' order. */
template <typename B, int M> struct linear_panel_fma {
    typedef B block;
    enum { COLUMNS = M, PARTS = 1, X_BLOCK = 128 };
    struct sums {
        float s[2][2][M];
    };

    HDI_DEVICE_TOO static int64_t x_bytes(int32_t rows, int32_t k) { return (int64_t)rows * k * 4; }
    static __device__ __forceinline__ void put(char *x, int32_t, int32_t k_all, int m, int k, float v) {
        ((float *)x)[(int64_t)m * k_all + k / 32 * 32 + B::lane(k % 32) * 8 + B::slot(k % 32)] = v;
    }
    static __device__ __forceinline__ void clear(sums &to) {
#pragma unroll
        for (int m = 0; m < M; m++) to.s[0][0][m] = to.s[0][1][m] = to.s[1][0][m] = to.s[1][1][m] = 0;
    }
    /* What a lane reads of the first block of x; the next lies X_BLOCK bytes on. */
    struct lane_x {
        const char *at;
        int32_t rows, pitch;
    };
    static __device__ __forceinline__ lane_x lane_of(const char *x, int32_t rows, int32_t k_all, int lane) {
        return {x + lane % 4 * 32, rows, k_all * 4};
    }
    static __device__ __forceinline__ void multiply(const lane_x &x, int32_t offset, const linear_piece<B> &w, int group,
                                                    sums &to) {
        float u[8], v[8], du = gpu_f16_to_f32((uint16_t)w.d), dv = gpu_f16_to_f32((uint16_t)(w.d >> 16));
        B::values(w.q, 0, u);
        B::values(w.q, 1, v);
#pragma unroll
        for (int m = 0; m < M; m++) {
            if (M > 1 && m >= x.rows) break;
            const float4 *at = (const float4 *)(x.at + offset + m * x.pitch);
            float4 lo = at[0], hi = at[1];
            float xs[8] = {lo.x, lo.y, lo.z, lo.w, hi.x, hi.y, hi.z, hi.w}, su = 0, sv = 0;
#pragma unroll
            for (int i = 0; i < 8; i++) {
                su = fmaf(xs[i], u[i], su);
                sv = fmaf(xs[i], v[i], sv);
            }
            to.s[group][0][m] = fmaf(du, su, to.s[group][0][m]);
            to.s[group][1][m] = fmaf(dv, sv, to.s[group][1][m]);
        }
    }
    /* To out[group][row][column]. */
    static __device__ __forceinline__ void deliver(const sums &from, int32_t rows, int lane, float *out) {
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int m = 0; m < M; m++) {
                if (M > 1 && m >= rows) break;
                float s = from.s[i / 2][i % 2][m];
                s += gpu_shfl_xor(s, 1);
                s += gpu_shfl_xor(s, 2);
                if (lane % 4 == 0) out[(i / 2 * 16 + lane / 4 * 2 + i % 2) * COLUMNS + m] = s;
            }
    }
};

/* Where the two groups of an item begin, and how its pairs lie in them. */
struct linear_item {
    const char *panel[2];
    int32_t row[2]; /* 0 or 16, in the panel */
    bool apart;     /* a pair is row i of both groups; else neighbours in the first and then the second */
};

static __device__ __forceinline__ linear_item linear_item_of(const linear_args &a, int64_t item) {
    linear_pair p = linear_pair_of(a, item * (a.kind == LINEAR_PLAIN ? 8 : 16));
    bool apart = a.kind == LINEAR_SWIGLU || (a.kind == LINEAR_QKV && p.row_b != p.row_a + 1);
    int32_t second = a.kind == LINEAR_PLAIN ? p.row_a : apart ? p.row_b : p.row_a + 16;
    const linear_part &pa = a.part[p.part_a], &pb = a.part[p.part_b];
    return {{pa.w + p.row_a / 32 * pa.stride, pb.w + second / 32 * pb.stride}, {p.row_a % 32, second % 32}, apart};
}

template <typename P> static inline size_t linear_panel_shared(int32_t rows, int32_t k) {
    size_t sums = (size_t)LINEAR_STREAMS * 32 * P::COLUMNS;
    return (size_t)P::x_bytes(rows, k) + (sums + (size_t)LINEAR_FEW * (LINEAR_WARPS + 1)) * sizeof(float);
}

/* P: the policy; U: blocks of k that a lane asks for at once, of both groups. */
template <typename P, int U> struct linear_panel {
    typedef typename P::block B;
    struct batch {
        linear_piece<B> piece[U][2];
    };

    /* A group's blocks of k: a plain product's groups are the two halves of k of the same rows. */
    static __device__ __forceinline__ int32_t first_of(const linear_args &a, int group) {
        return a.kind == LINEAR_PLAIN && group ? (a.k / 32 + 1) / 2 : 0;
    }
    static __device__ __forceinline__ int32_t count_of(const linear_args &a, int group) {
        int32_t all = a.k / 32, half = (all + 1) / 2;
        return a.kind != LINEAR_PLAIN ? all : group ? all - half : half;
    }

    struct places {
        linear_place group[2];
    };
    static __device__ __forceinline__ places places_of(const linear_args &a, const linear_item &item, int stream, int lane) {
        places p;
        for (int g = 0; g < 2; g++)
            p.group[g] = linear_place_of(item.panel[g] + (int64_t)(first_of(a, g) + stream) * B::BYTES, item.row[g], lane);
        return p;
    }

    enum { NEXT = LINEAR_STREAMS * B::BYTES }; /* bytes from a block of a stream to its next */

    /* `left`: the group's blocks from the stream's next on. ALL: all U are there, for both groups. */
    template <bool ALL> static __device__ __forceinline__ void load_some(const places &p, const int32_t *left, batch &to) {
#pragma unroll
        for (int u = 0; u < U; u++)
#pragma unroll
            for (int g = 0; g < 2; g++)
                if (ALL || u * LINEAR_STREAMS < left[g]) linear_load_piece<B>(to.piece[u][g], p.group[g], u * NEXT);
    }
    template <bool ALL>
    static __device__ __forceinline__ void multiply_some(const batch &w, const typename P::lane_x *x, int32_t offset,
                                                         const int32_t *left, typename P::sums &sums) {
#pragma unroll
        for (int u = 0; u < U; u++)
#pragma unroll
            for (int g = 0; g < 2; g++)
                if (ALL || u * LINEAR_STREAMS < left[g])
                    P::multiply(x[g], offset + u * LINEAR_STREAMS * P::X_BLOCK, w.piece[u][g], g, sums);
    }
    static __device__ __forceinline__ bool all_there(const int32_t *left) {
        return (U - 1) * LINEAR_STREAMS < left[0] && (U - 1) * LINEAR_STREAMS < left[1];
    }

    /* x, times the norm's weight, to shared memory as P wants it, and each row's factor to `scale`. */
    static __device__ __forceinline__ void prepare(const linear_args &a, char *x, float *scale) {
        int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES;
        float *partial = scale + LINEAR_FEW;
        for (int m = 0; m < a.rows; m++) {
            float sum = 0, v[4];
            for (int k = 4 * (int)threadIdx.x; k < a.k; k += 4 * LINEAR_THREADS) {
                linear_get4(a, m, k, v);
                for (int i = 0; i < 4; i++) {
                    sum = fmaf(v[i], v[i], sum);
                    P::put(x, a.rows, a.k, m, k + i, a.norm ? v[i] * a.norm[k + i] : v[i]);
                }
            }
            sum = gpu_warp_sum(sum);
            if (lane == 0) partial[m * LINEAR_WARPS + warp] = sum;
        }
        __syncthreads();
        int m = (int)threadIdx.x;
        if (m < a.rows) {
            float sum = 0;
            for (int w = 0; w < LINEAR_WARPS; w++) sum += partial[m * LINEAR_WARPS + w];
            scale[m] = a.norm ? 1.0f / sqrtf(sum / (float)a.k + a.eps) : 1.0f;
        }
    }

    /* The product of row m of x with a row of the item. */
    static __device__ __forceinline__ float total(const linear_args &a, const float *sums, int group, int row, int m) {
        float all = 0;
#pragma unroll
        for (int p = 0; p < P::PARTS; p++) {
            const float *at = sums + (group * 16 + row) * P::COLUMNS + m * P::PARTS + p;
            float part = 0;
            for (int s = 0; s < LINEAR_STREAMS; s++) part += at[s * 32 * P::COLUMNS];
            if (a.kind == LINEAR_PLAIN)
                for (int s = 0; s < LINEAR_STREAMS; s++) part += at[(s * 32 + 16) * P::COLUMNS];
            all += part;
        }
        return all;
    }

    static __device__ __forceinline__ void finish(const linear_args &a, int64_t index, const float *sums, const float *scale) {
        bool apart = linear_item_of(a, index).apart;
        int pairs = a.kind == LINEAR_PLAIN ? 8 : 16;
        for (int i = (int)threadIdx.x; i < pairs * a.rows; i += LINEAR_THREADS) {
            int pair = i % pairs, m = i / pairs;
            int64_t task = index * pairs + pair;
            if (task >= a.tasks) continue;
            int r = apart ? pair : 2 * pair;
            float u = total(a, sums, r / 16, r % 16, m);
            float v = apart ? total(a, sums, 1, r, m) : total(a, sums, (r + 1) / 16, (r + 1) % 16, m);
            linear_finish(a, linear_pair_of(a, task), m, u * scale[m], v * scale[m]);
        }
    }

    /* Items first, first + a.step, ... of a block. `shared`: linear_panel_shared bytes, free again after a barrier. */
    template <typename Wait>
    static __device__ __forceinline__ void run(const linear_args &a, int64_t first, char *shared, Wait wait) {
        int lane = (int)threadIdx.x % 32, stream = (int)threadIdx.x / 32;
        char *x = shared;
        float *sums = (float *)(shared + P::x_bytes(a.rows, a.k)), *scale = sums + LINEAR_STREAMS * 32 * P::COLUMNS;
        const int32_t count[2] = {count_of(a, 0) - stream, count_of(a, 1) - stream};
        places p = {};
        batch now, next;
        typename P::sums own;
        if (first < a.items) {
            p = places_of(a, linear_item_of(a, first), stream, lane);
            load_some<false>(p, count, now);
        }
        wait();
        prepare(a, x, scale);
        __syncthreads();
        P::clear(own);
        typename P::lane_x xs[2];
        for (int g = 0; g < 2; g++) xs[g] = P::lane_of(x + (first_of(a, g) + stream) * P::X_BLOCK, a.rows, a.k, lane);
        int32_t left[2] = {count[0], count[1]}, offset = 0;
        for (int64_t index = first; index < a.items;) {
            int32_t then[2] = {left[0] - U * LINEAR_STREAMS, left[1] - U * LINEAR_STREAMS};
            bool last = then[0] + stream <= 0; /* the first group has no fewer blocks; alike in all warps */
            if (!last) {
                for (int g = 0; g < 2; g++) p.group[g].q += U * NEXT, p.group[g].d += U * NEXT;
            } else if (index + a.step < a.items) {
                p = places_of(a, linear_item_of(a, index + a.step), stream, lane);
                then[0] = count[0];
                then[1] = count[1];
            }
            if (all_there(then))
                load_some<true>(p, then, next);
            else
                load_some<false>(p, then, next);
            if (all_there(left))
                multiply_some<true>(now, xs, offset, left, own);
            else
                multiply_some<false>(now, xs, offset, left, own);
            now = next;
            left[0] = then[0];
            left[1] = then[1];
            offset += U * LINEAR_STREAMS * P::X_BLOCK;
            if (!last) continue;
            P::deliver(own, a.rows, lane, sums + stream * 32 * P::COLUMNS);
            __syncthreads();
            finish(a, index, sums, scale);
            __syncthreads(); /* the sums' memory is free again */
            P::clear(own);
            index += a.step;
            offset = 0;
        }
    }
};

/* A hint for the first bytes of an item. */
template <typename B> static __device__ __forceinline__ void linear_panel_prefetch(const linear_args &a, int64_t item) {
    if (item >= a.items) return;
    linear_item i = linear_item_of(a, item);
    int64_t at = (int64_t)threadIdx.x % (LINEAR_THREADS / 2) * 128;
    if (at < a.k / 32 * (int64_t)B::BYTES) gpu_prefetch(i.panel[threadIdx.x / (LINEAR_THREADS / 2)] + at);
}

/* The better policy for up to M rows that this compiler's hardware has. */
#if GPU_HAS_MMA
template <typename B, int M> using linear_panel_best = linear_panel_mma<B, (3 * M + 7) / 8>;
#else
template <typename B, int M> using linear_panel_best = linear_panel_fma<B, M>;
#endif

/* One row of x, for the persistent kernel. */
typedef linear_panel<linear_panel_best<linear_q8_0, 2>, 4> linear_one_q8_0;
typedef linear_panel<linear_panel_best<linear_q4_0, 2>, 6> linear_one_q4_0;

} // namespace HDI_GPU_NAMESPACE

#endif
