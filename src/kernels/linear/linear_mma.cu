/* SPDX-License-Identifier: Apache-2.0 */
/* Our own products of many rows, by tensor cores: bf16 and f16 weights by strides, q8_0 and q4_0 panels, which become bf16 in
 * shared memory. A block of threads makes BM x 128 of y, 32 of k at a time, two steps ahead on their way (cp.async), 8 warps of
 * BM / 2 x 32. A step multiplies 2 BM 128 32 operations from (BM + 128) 64 bytes: at BM = 128 the tensor cores are the limit, at
 * BM = 64 (17 to 64 rows: decoding many sequences) the memory of the weights, and k is split over blocks until the
 * multiprocessors are all busy; the parts are added in their order by a second launch. */
#include "kernels/gpu/early.h"
#include "kernels/linear/linear_block_gpu.h"
#include "kernels/linear/linear_many.h"

#if GPU_HAS_MMA
#include "kernels/gpu/mma.h"
#endif

namespace HDI_GPU_NAMESPACE {

#if GPU_HAS_MMA

enum {
    BN = 128,
    BK = 32,
    PITCH = 40,
    MMA_PARTS = 3
}; /* PITCH: elements a row in shared memory; 8 rows of 16 bytes meet all banks */

struct mma_args {
    linear_x x;
    linear_part w;
    linear_y y;
    float *parts;                     /* [splits, rows, n] where k is split */
    int64_t tiles_m, tiles_n, splits; /* blocks of threads, m fastest */
};

/* One x with up to MMA_PARTS weights of one type. */
struct mma_call {
    mma_args all; /* but w and y, which each tile takes from here */
    linear_part w[MMA_PARTS];
    linear_y y[MMA_PARTS];
    int32_t count, columns; /* of all y together */
};

/* Which product the tile or column `i` of all belongs to; i and `before` (columns of the products before) become its own. */
static __device__ __forceinline__ int part_of(const mma_call &c, int64_t &i, int32_t unit, int32_t &before) {
    int part = 0;
    before = 0;
    for (; part + 1 < c.count && i >= (c.w[part].n + unit - 1) / unit; part++) {
        i -= (c.w[part].n + unit - 1) / unit;
        before += c.w[part].n;
    }
    return part;
}

/* Elements k .. k + 7 of `rows` rows, from row `first` on, to shared memory; zeros beyond `count` rows and k_all. */
static __device__ __forceinline__ void copy_rows(char *to, const char *from, int64_t stride, int64_t first, int64_t count,
                                                 int rows, int64_t k, int64_t k_all) {
    for (int i = (int)threadIdx.x; i < rows * 4; i += LINEAR_THREADS) {
        int64_t row = first + i / 4, at = k + i % 4 * 8, left = row < count && at < k_all ? k_all - at : 0;
        gpu_copy_async(to + (i / 4 * PITCH + i % 4 * 8) * 2, left ? from + row * stride + at * 2 : from, 16,
                       left < 8 ? (int)left * 2 : 16);
    }
}

/* How weights come to shared memory: as they are, or as blocks that are unpacked there. */
struct plain_bf16 {
    enum { RAW = BN * PITCH * 2, UNPACKED = 0 };
    static __device__ __forceinline__ void load(char *raw, const mma_args &a, int64_t n, int64_t k) {
        copy_rows(raw, a.w.w, a.w.stride, n, a.w.n, BN, k, a.x.k);
    }
    static __device__ __forceinline__ void unpack(const char *, char *) {}
    static __device__ __forceinline__ void multiply(float *d, const uint32_t *a, const uint32_t *b) { gpu_mma_bf16(d, a, b); }
};
struct plain_f16 : plain_bf16 {
    static __device__ __forceinline__ void multiply(float *d, const uint32_t *a, const uint32_t *b) { gpu_mma_f16(d, a, b); }
};
template <typename B> struct blocks : plain_bf16 {
    enum { RAW = 4 * B::BYTES, UNPACKED = BN * PITCH * 2 };
    static __device__ __forceinline__ void load(char *raw, const mma_args &a, int64_t n, int64_t k) {
        int64_t panels = (a.w.n + 31) / 32;
        for (int i = (int)threadIdx.x; i < RAW / 16; i += LINEAR_THREADS) {
            int p = i * 16 / B::BYTES, at = i * 16 % B::BYTES;
            bool in = n / 32 + p < panels && k < a.x.k;
            const char *from = in ? a.w.w + (n / 32 + p) * a.w.stride + k / 32 * B::BYTES + at : a.w.w;
            gpu_copy_async(raw + i * 16, from, 16, in ? 16 : 0);
        }
    }
    /* A thread unpacks half a row. */
    static __device__ __forceinline__ void unpack(const char *raw, char *to) {
        int row = (int)threadIdx.x / 2, half = (int)threadIdx.x % 2;
        const char *block = raw + row / 32 * B::BYTES;
        float d = gpu_f16_to_f32(((const uint16_t *)block)[row % 32]);
        uint32_t *out = (uint32_t *)(to + (row * PITCH + half * 16) * 2);
#pragma unroll
        for (int i = 0; i < 2; i++) {
            float v[8];
            B::row_values((const uint32_t *)(block + 64) + row % 32, half * 2 + i, v);
#pragma unroll
            for (int j = 0; j < 4; j++) out[i * 4 + j] = linear_pack_bf16(d * v[2 * j], d * v[2 * j + 1]);
        }
    }
};

/* Thin products have more steps on their way: their weights are what takes the time. */
HDI_DEVICE_TOO static constexpr int stages(int bm) { return bm == 64 ? 5 : 3; }

template <typename W, int BM> static constexpr size_t mma_shared() {
    return (size_t)stages(BM) * (BM * PITCH * 2 + W::RAW) + W::UNPACKED;
}

template <typename W, int BM> static __global__ void __launch_bounds__(LINEAR_THREADS, 2) mma_tiles(const mma_call c) {
    enum { MI = BM / 32, NI = 4, STAGES = stages(BM), STAGE = BM * PITCH * 2 + W::RAW };
    GPU_SHARED_DYNAMIC(shared);
    mma_args a = c.all;
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32, wm = warp / 4 * (BM / 2), wn = warp % 4 * 32;
    int64_t tile = blockIdx.x, m0 = tile % a.tiles_m * BM, column = tile / a.tiles_m % a.tiles_n,
            split = tile / a.tiles_m / a.tiles_n;
    int32_t before;
    int part = part_of(c, column, BN, before);
    a.w = c.w[part];
    a.y = c.y[part];
    int64_t n0 = column * BN;
    int64_t steps_all = (a.x.k + BK - 1) / BK, begin = split * steps_all / a.splits, end = (split + 1) * steps_all / a.splits;
    char *unpacked = shared + STAGES * STAGE;
    float sum[MI][NI][4] = {};

    auto stage_of = [&](int64_t step) { return shared + step % STAGES * STAGE; };
    auto load_w = [&](int64_t step) {
        if (step < end) W::load(stage_of(step) + BM * PITCH * 2, a, n0, step * BK);
    };
    auto load_x = [&](int64_t step) {
        if (step < end) copy_rows(stage_of(step), (const char *)a.x.data, a.x.stride * 2, m0, a.x.rows, BM, step * BK, a.x.k);
        gpu_copy_commit();
    };
    for (int s = 0; s < STAGES - 1; s++) load_w(begin + s); /* while the kernel before still makes x */
    gpu_wait_previous();
    gpu_let_next_begin();
    for (int s = 0; s < STAGES - 1; s++) load_x(begin + s);
    for (int64_t step = begin; step < end; step++) {
        gpu_copy_wait<STAGES - 2>();
        __syncthreads();
        load_w(step + STAGES - 1);
        load_x(step + STAGES - 1);
        const char *x = stage_of(step), *w = x + BM * PITCH * 2;
        if constexpr (W::UNPACKED > 0) {
            W::unpack(w, unpacked);
            w = unpacked;
            __syncthreads();
        }
#pragma unroll
        for (int k = 0; k < BK; k += 16) {
            uint32_t xs[MI][4], ws[NI / 2][4];
#pragma unroll
            for (int i = 0; i < MI; i++) gpu_ldmatrix_x4(xs[i], x + ((wm + i * 16 + lane % 16) * PITCH + k + lane / 16 * 8) * 2);
#pragma unroll
            for (int j = 0; j < NI / 2; j++)
                gpu_ldmatrix_x4(ws[j], w + ((wn + j * 16 + lane / 16 * 8 + lane % 8) * PITCH + k + lane / 8 % 2 * 8) * 2);
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int j = 0; j < NI; j++) W::multiply(sum[i][j], xs[i], ws[j / 2] + j % 2 * 2);
        }
    }
    gpu_copy_wait<0>();
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                int64_t m = m0 + wm + i * 16 + lane / 4 + e / 2 * 8;
                int32_t n = (int32_t)n0 + wn + j * 8 + lane % 4 * 2 + e % 2;
                if (m >= a.x.rows || n >= a.w.n) continue;
                if (a.splits > 1) {
                    a.parts[(split * a.x.rows + m) * c.columns + before + n] = sum[i][j][e];
                    continue;
                }
                float v = linear_biased(a.w, n, sum[i][j][e]);
                if (a.y.residual) v += linear_get(a.y.residual, m * a.y.residual_stride + n, a.y.dtype);
                linear_put(a.y.data, m * a.y.stride + n, a.y.dtype, v);
            }
}

static __global__ void __launch_bounds__(LINEAR_THREADS) add_parts(const mma_call c) {
    gpu_wait_previous();
    gpu_let_next_begin();
    int64_t i = (int64_t)blockIdx.x * LINEAR_THREADS + threadIdx.x, all = (int64_t)c.all.x.rows * c.columns, m = i / c.columns;
    if (i >= all) return;
    float v = 0;
    for (int64_t s = 0; s < c.all.splits; s++) v += c.all.parts[s * all + i];
    int64_t own = i - m * c.columns;
    int32_t before;
    int part = part_of(c, own, 1, before);
    const linear_y &y = c.y[part];
    v = linear_biased(c.w[part], (int32_t)own, v);
    if (y.residual) v += linear_get(y.residual, m * y.residual_stride + own, y.dtype);
    linear_put(y.data, m * y.stride + own, y.dtype, v);
}

template <typename W, int BM> static int run(hdi_gpu_queue *queue, mma_call c) {
    size_t shared = mma_shared<W, BM>();
    mma_args *a = &c.all;
    if (shared > queue->shared_limit) return HDI_GPU_UNSUPPORTED;
    int error = shared > 48 * 1024 ? (int)gpu_allow_shared(mma_tiles<W, BM>, shared) : (int)GPU(Success);
    a->tiles_m = hdi_ceil_div(a->x.rows, BM);
    for (int i = 0; i < c.count; i++) a->tiles_n += hdi_ceil_div(c.w[i].n, BN), c.columns += c.w[i].n;
    /* Until two tiles a multiprocessor are there, of four steps or more each, and parts no more bytes than half the weights'. */
    int64_t tiles = a->tiles_m * a->tiles_n, most = hdi_min_i64(hdi_ceil_div(a->x.k, 4 * BK), a->x.k / (8 * a->x.rows));
    a->splits = hdi_min_i64(most, 2 * (int64_t)queue->units / tiles);
    if (a->splits < 1) a->splits = 1;
    size_t elements = (size_t)a->x.rows * (size_t)c.columns;
    void *parts = NULL;
    if (error == GPU(Success) && a->splits > 1)
        error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH2, (size_t)a->splits * elements * sizeof(float), &parts);
    if (error != GPU(Success)) return error;
    a->parts = (float *)parts;
    error = gpu_launch_early(queue, mma_tiles<W, BM>, tiles * a->splits, LINEAR_THREADS, shared, c);
    if (error != GPU(Success) || a->splits == 1) return error;
    return gpu_launch_early(queue, add_parts, hdi_ceil_div((int64_t)elements, LINEAR_THREADS), LINEAR_THREADS, 0, c);
}

template <typename W> static int run_any(hdi_gpu_queue *queue, const mma_call &c) {
    return c.all.x.rows <= 64 ? run<W, 64>(queue, c) : run<W, 128>(queue, c);
}

int hdi_linear_mma_several(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int count, int w_dtype, int layout,
                           const linear_y *y) {
    mma_call c = {};
    if (count > MMA_PARTS || x->dtype == HD_DTYPE_F32 || x->k == 0 || ((uintptr_t)x->data | (uintptr_t)(x->stride * 2)) % 16 != 0)
        return HDI_GPU_UNSUPPORTED;
    c.all.x = *x;
    c.count = count;
    for (int i = 0; i < count; i++) {
        c.w[i] = w[i];
        c.y[i] = y[i];
        if (((uintptr_t)w[i].w | (uintptr_t)w[i].stride) % 16 != 0) return HDI_GPU_UNSUPPORTED;
    }
    if (layout == HDI_LAYOUT_PANEL) {
        if (w_dtype == HD_DTYPE_Q8_0) return run_any<blocks<linear_q8_0>>(queue, c);
        if (w_dtype == HD_DTYPE_Q4_0) return run_any<blocks<linear_q4_0>>(queue, c);
        return HDI_GPU_UNSUPPORTED;
    }
    if (w_dtype != x->dtype) return HDI_GPU_UNSUPPORTED;
    return w_dtype == HD_DTYPE_F16 ? run_any<plain_f16>(queue, c) : run_any<plain_bf16>(queue, c);
}

#else

int hdi_linear_mma_several(hdi_gpu_queue *, const linear_x *, const linear_part *, int, int, int, const linear_y *) {
    return HDI_GPU_UNSUPPORTED;
}

#endif

int hdi_linear_mma(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y) {
    return hdi_linear_mma_several(queue, x, w, 1, w_dtype, layout, y);
}

} // namespace HDI_GPU_NAMESPACE
