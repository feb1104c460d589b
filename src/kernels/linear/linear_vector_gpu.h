/* SPDX-License-Identifier: Apache-2.0 */
/* Few rows of x times a plain weight by strides: the kernel of decoding, which reads every weight once.
 *
 * The limit is memory: 2 bytes a weight (16 bit), and to hide its latency about 30 KB must be on the way to each multiprocessor.
 * So a warp takes a pair of rows of w, loads 16 bytes a lane, LINEAR_AHEAD of them a row in one go, and asks for the next lot (of
 * the next pair, too) before it multiplies this one: 4 to 8 KB on the way a warp, 16 warps a multiprocessor. A lane multiplies in
 * f32, which at one row of x takes a fifth of the issue slots that memory leaves. x lies in shared memory as the lanes want it,
 * each a float4 in turn. No barrier after x is there. The sum of a row of x and one of w has a fixed order that no other row
 * changes. */
#ifndef HDI_KERNELS_LINEAR_VECTOR_GPU_H
#define HDI_KERNELS_LINEAR_VECTOR_GPU_H

#include "kernels/linear/linear_gpu.h"

namespace HDI_GPU_NAMESPACE {

struct alignas(16) linear_words {
    uint32_t w[4];
};

/* Elements of a 16-byte word, and their values. */
template <typename W> struct linear_lane {
    enum { N = 16 / sizeof(typename W::storage) };
    static __device__ __forceinline__ void values(const linear_words &from, float *v) {
        for (int i = 0; i < 4; i++) {
            v[2 * i] = W::get((uint16_t)from.w[i]);
            v[2 * i + 1] = W::get((uint16_t)(from.w[i] >> 16));
        }
    }
};
template <> __device__ __forceinline__ void linear_lane<f32>::values(const linear_words &from, float *v) {
    for (int i = 0; i < 4; i++) v[i] = gpu_bits_to_f32(from.w[i]);
}
template <> __device__ __forceinline__ void linear_lane<bf16>::values(const linear_words &from, float *v) {
    for (int i = 0; i < 4; i++) {
        v[2 * i] = gpu_bits_to_f32(from.w[i] << 16);
        v[2 * i + 1] = gpu_bits_to_f32(from.w[i] & 0xffff0000u);
    }
}

/* Floats of a row of x in shared memory: whole chunks, a chunk being what a warp loads at once. */
template <typename W> HDI_DEVICE_TOO static inline int32_t linear_vector_width(int32_t k) {
    int32_t chunk = GPU_LANES * (16 / (int32_t)sizeof(typename W::storage));
    return (k + chunk - 1) / chunk * chunk;
}
template <typename W> static inline size_t linear_vector_shared(int32_t rows, int32_t k) {
    return ((size_t)rows * linear_vector_width<W>(k) + (size_t)rows * LINEAR_WARPS) * sizeof(float);
}

/* M: the most rows; U: words a lane loads of a row in one go. */
template <typename W, int M, int U> struct linear_vector {
    enum { E = linear_lane<W>::N, CHUNK = GPU_LANES * E };
    struct batch {
        linear_words a[U], b[U];
    };

    static __device__ __forceinline__ void load(const linear_args &args, int64_t task, int chunk, int lane, batch &to) {
        linear_pair p = linear_pair_of(args, task);
        const linear_part &pa = args.part[p.part_a], &pb = args.part[p.part_b];
        int k = chunk * CHUNK + lane * E;
        int64_t at = (int64_t)k * (int64_t)sizeof(typename W::storage);
        const char *a = pa.w + p.row_a * pa.stride + at, *b = pb.w + (p.row_b < 0 ? p.row_a : p.row_b) * pb.stride + at;
#pragma unroll
        for (int u = 0; u < U; u++) {
            to.a[u] = to.b[u] = linear_words{{0, 0, 0, 0}};
            if (k + u * CHUNK < args.k) {
                to.a[u] = gpu_load_stream((const linear_words *)(a + u * CHUNK * (int)sizeof(typename W::storage)));
                to.b[u] = gpu_load_stream((const linear_words *)(b + u * CHUNK * (int)sizeof(typename W::storage)));
            }
        }
    }

    /* Where element k of a row of x lies: the words of four floats that lanes read together lie side by side. */
    static __device__ __forceinline__ int place(int k) {
        int lane = k % CHUNK / E, part = k % E / 4;
        return k / CHUNK * CHUNK + (part * GPU_LANES + lane) * 4 + k % 4;
    }

    /* Rows of x, times the norm's weight, to shared memory. Gives lane m the factor of row m that is left to apply. */
    static __device__ __forceinline__ float prepare(const linear_args &a, float *x, float *partial, int width) {
        int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES;
        for (int m = 0; m < a.rows; m++) {
            float sum = 0, v[4];
            for (int k = 4 * (int)threadIdx.x; k < width; k += 4 * LINEAR_THREADS) {
                linear_get4(a, m, k, v);
                for (int i = 0; a.norm && i < 4; i++) {
                    sum = fmaf(v[i], v[i], sum);
                    if (k + i < a.k) v[i] *= a.norm[k + i];
                }
                *(float4 *)(x + m * width + place(k)) = make_float4(v[0], v[1], v[2], v[3]);
            }
            if (!a.norm) continue;
            sum = gpu_warp_sum(sum);
            if (lane == 0) partial[m * LINEAR_WARPS + warp] = sum;
        }
        __syncthreads();
        if (!a.norm || lane >= a.rows) return 1.0f;
        float sum = 0;
        for (int w = 0; w < LINEAR_WARPS; w++) sum += partial[lane * LINEAR_WARPS + w];
        return 1.0f / sqrtf(sum / (float)a.k + a.eps);
    }

    static __device__ __forceinline__ void multiply(const linear_args &args, const batch &w, const float *x, int width, int chunk,
                                                    int chunks, int lane, float (&sum)[2][M]) {
#pragma unroll
        for (int u = 0; u < U; u++) {
            if (chunk + u >= chunks) break;
            float a[E], b[E];
            linear_lane<W>::values(w.a[u], a);
            linear_lane<W>::values(w.b[u], b);
            const float *at = x + (chunk + u) * CHUNK + lane * 4;
#pragma unroll
            for (int m = 0; m < M; m++) {
                if (M > 1 && m >= args.rows) break;
#pragma unroll
                for (int i = 0; i < E; i += 4) {
                    float4 v = *(const float4 *)(at + m * width + i * GPU_LANES);
                    sum[0][m] = fmaf(v.w, a[i + 3], fmaf(v.z, a[i + 2], fmaf(v.y, a[i + 1], fmaf(v.x, a[i], sum[0][m]))));
                    sum[1][m] = fmaf(v.w, b[i + 3], fmaf(v.z, b[i + 2], fmaf(v.y, b[i + 1], fmaf(v.x, b[i], sum[1][m]))));
                }
            }
        }
    }

    static __device__ __forceinline__ void finish(const linear_args &args, int64_t task, int lane, float scale,
                                                  float (&sum)[2][M]) {
        float u = 0, v = 0;
#pragma unroll
        for (int m = 0; m < M; m++) {
            if (M > 1 && m >= args.rows) break;
            float a = gpu_warp_sum(sum[0][m]), b = gpu_warp_sum(sum[1][m]);
            if (lane == m) u = a, v = b;
            sum[0][m] = sum[1][m] = 0;
        }
        if (lane < args.rows) linear_finish(args, linear_pair_of(args, task), lane, u * scale, v * scale);
    }

    /* Items first, first + args.step, ... of a block: LINEAR_WARPS tasks each. `shared`: linear_vector_shared bytes; it may be
     * used for other things after a barrier. */
    template <typename Wait>
    static __device__ __forceinline__ void run(const linear_args &args, int64_t first, char *shared, Wait wait) {
        int lane = (int)threadIdx.x % GPU_LANES, warp = (int)threadIdx.x / GPU_LANES;
        int width = linear_vector_width<W>(args.k), chunks = width / CHUNK;
        float *x = (float *)shared, *partial = x + args.rows * width, sum[2][M];
        int64_t task = first * LINEAR_WARPS + warp;
        batch now, next;
        if (task < args.tasks) load(args, task, 0, lane, now);
        wait();
        float scale = prepare(args, x, partial, width);
#pragma unroll
        for (int m = 0; m < M; m++) sum[0][m] = sum[1][m] = 0;
        int chunk = 0;
        while (task < args.tasks) { /* a batch of chunks of a task at a time; no lane of a warp leaves before the others */
            bool last = chunk + U >= chunks;
            int64_t next_task = last ? task + args.step * LINEAR_WARPS : task;
            int next_chunk = last ? 0 : chunk + U;
            if (next_task < args.tasks) load(args, next_task, next_chunk, lane, next);
            multiply(args, now, x, width, chunk, chunks, lane, sum);
            if (last) finish(args, task, lane, scale, sum);
            now = next;
            task = next_task;
            chunk = next_chunk;
        }
    }
};

/* A hint for the first bytes of an item. */
template <typename W> static __device__ __forceinline__ void linear_vector_prefetch(const linear_args &args, int64_t item) {
    int64_t task = item * LINEAR_WARPS + (int)threadIdx.x / GPU_LANES;
    int64_t at = (int)threadIdx.x % GPU_LANES * 128;
    if (task >= args.tasks || at >= args.k * (int64_t)sizeof(typename W::storage)) return;
    linear_pair p = linear_pair_of(args, task);
    gpu_prefetch(args.part[p.part_a].w + p.row_a * args.part[p.part_a].stride + at);
    if (p.row_b >= 0) gpu_prefetch(args.part[p.part_b].w + p.row_b * args.part[p.part_b].stride + at);
}

/* One row of x, for the persistent kernel. */
typedef linear_vector<f32, 1, 4> linear_one_f32;
typedef linear_vector<f16, 1, 4> linear_one_f16;
typedef linear_vector<bf16, 1, 4> linear_one_bf16;

} // namespace HDI_GPU_NAMESPACE

#endif
