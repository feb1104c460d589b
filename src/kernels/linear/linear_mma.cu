/* SPDX-License-Identifier: Apache-2.0 */
/* Our own products of many rows, by tensor cores: bf16 and f16 weights by strides, q8_0 and q4_0 panels, which become bf16 in
 * shared memory. A block of threads makes BM x 128 of y, 32 of k at a time, two steps ahead on their way (cp.async), 8 warps of
 * BM / 2 x 32. A step multiplies 2 BM 128 32 operations from (BM + 128) 64 bytes: at BM = 128 the tensor cores are the limit, at
 * BM = 64 (17 to 64 rows: decoding many sequences) the memory of the weights, and k is split over blocks until the
 * multiprocessors are all busy; the parts are added in their order by a second launch. */
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
    STAGES = 3
}; /* PITCH: elements a row in shared memory; 8 rows of 16 bytes meet all banks */

struct mma_args {
    linear_x x;
    linear_part w;
    linear_y y;
    float *parts;                     /* [splits, rows, n] where k is split */
    int64_t tiles_m, tiles_n, splits; /* blocks of threads, m fastest */
};

/* Two floats as 16-bit elements of a word. */
static __device__ __forceinline__ uint32_t pack_bf16(float lo, float hi) {
#if GPU_PTX
    uint32_t v;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(hi), "f"(lo));
    return v;
#else
    return gpu_f32_to_bf16(lo) | (uint32_t)gpu_f32_to_bf16(hi) << 16;
#endif
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
            for (int j = 0; j < 4; j++) out[i * 4 + j] = pack_bf16(d * v[2 * j], d * v[2 * j + 1]);
        }
    }
};

template <typename W, int BM> static constexpr size_t mma_shared() {
    return (size_t)STAGES * (BM * PITCH * 2 + W::RAW) + W::UNPACKED;
}

template <typename W, int BM> static __global__ void __launch_bounds__(LINEAR_THREADS, 2) mma_tiles(const mma_args a) {
    enum { MI = BM / 32, NI = 4, STAGE = BM * PITCH * 2 + W::RAW };
    GPU_SHARED_DYNAMIC(shared);
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32, wm = warp / 4 * (BM / 2), wn = warp % 4 * 32;
    int64_t tile = blockIdx.x, m0 = tile % a.tiles_m * BM, n0 = tile / a.tiles_m % a.tiles_n * BN,
            split = tile / a.tiles_m / a.tiles_n;
    int64_t steps_all = (a.x.k + BK - 1) / BK, begin = split * steps_all / a.splits, end = (split + 1) * steps_all / a.splits;
    char *unpacked = shared + STAGES * STAGE;
    float sum[MI][NI][4] = {};

    auto load = [&](int64_t step) {
        char *stage = shared + step % STAGES * STAGE;
        if (step < end) {
            copy_rows(stage, (const char *)a.x.data, a.x.stride * 2, m0, a.x.rows, BM, step * BK, a.x.k);
            W::load(stage + BM * PITCH * 2, a, n0, step * BK);
        }
        gpu_copy_commit();
    };
    for (int s = 0; s < STAGES - 1; s++) load(begin + s);
    for (int64_t step = begin; step < end; step++) {
        gpu_copy_wait<STAGES - 2>();
        __syncthreads();
        load(step + STAGES - 1);
        const char *x = shared + step % STAGES * STAGE, *w = x + BM * PITCH * 2;
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
                    a.parts[(split * a.x.rows + m) * a.w.n + n] = sum[i][j][e];
                    continue;
                }
                float v = linear_biased(a.w, n, sum[i][j][e]);
                if (a.y.residual) v += linear_get(a.y.residual, m * a.y.residual_stride + n, a.y.dtype);
                linear_put(a.y.data, m * a.y.stride + n, a.y.dtype, v);
            }
}

static __global__ void __launch_bounds__(LINEAR_THREADS) add_parts(const mma_args a) {
    int64_t i = (int64_t)blockIdx.x * LINEAR_THREADS + threadIdx.x, all = (int64_t)a.x.rows * a.w.n, m = i / a.w.n;
    if (i >= all) return;
    int32_t n = (int32_t)(i - m * a.w.n);
    float v = 0;
    for (int64_t s = 0; s < a.splits; s++) v += a.parts[s * all + i];
    v = linear_biased(a.w, n, v);
    if (a.y.residual) v += linear_get(a.y.residual, m * a.y.residual_stride + n, a.y.dtype);
    linear_put(a.y.data, m * a.y.stride + n, a.y.dtype, v);
}

template <typename W, int BM> static int run(hdi_gpu_queue *queue, mma_args a) {
    size_t shared = mma_shared<W, BM>();
    if (shared > queue->shared_limit) return HDI_GPU_UNSUPPORTED;
    int error = shared > 48 * 1024 ? (int)gpu_allow_shared(mma_tiles<W, BM>, shared) : (int)GPU(Success);
    a.tiles_m = hdi_ceil_div(a.x.rows, BM);
    a.tiles_n = hdi_ceil_div(a.w.n, BN);
    int64_t tiles = a.tiles_m * a.tiles_n, most = hdi_ceil_div(a.x.k, 4 * BK); /* four steps or more a split */
    a.splits = hdi_min_i64(most, 2 * (int64_t)queue->units / tiles);
    if (a.splits < 1) a.splits = 1;
    void *parts = NULL;
    if (error == GPU(Success) && a.splits > 1)
        error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH2,
                                 (size_t)a.splits * (size_t)a.x.rows * (size_t)a.w.n * sizeof(float), &parts);
    if (error != GPU(Success)) return error;
    a.parts = (float *)parts;
    error = (int)gpu_launch(mma_tiles<W, BM>, tiles * a.splits, LINEAR_THREADS, shared, queue->stream, a);
    if (error != GPU(Success) || a.splits == 1) return error;
    int64_t blocks_of_sum = hdi_ceil_div((int64_t)a.x.rows * a.w.n, LINEAR_THREADS);
    return (int)gpu_launch(add_parts, blocks_of_sum, LINEAR_THREADS, 0, queue->stream, a);
}

template <typename W> static int run_any(hdi_gpu_queue *queue, const mma_args &a) {
    return a.x.rows <= 64 ? run<W, 64>(queue, a) : run<W, 128>(queue, a);
}

int hdi_linear_mma(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y) {
    mma_args a = {*x, *w, *y, NULL, 0, 0, 1};
    if (x->dtype == HD_DTYPE_F32 || x->k == 0 || ((uintptr_t)x->data | (uintptr_t)(x->stride * 2)) % 16 != 0)
        return HDI_GPU_UNSUPPORTED;
    if (layout == HDI_LAYOUT_PANEL) {
        if (w_dtype == HD_DTYPE_Q8_0) return run_any<blocks<linear_q8_0>>(queue, a);
        if (w_dtype == HD_DTYPE_Q4_0) return run_any<blocks<linear_q4_0>>(queue, a);
        return HDI_GPU_UNSUPPORTED;
    }
    if (w_dtype != x->dtype || ((uintptr_t)w->w | (uintptr_t)w->stride) % 16 != 0) return HDI_GPU_UNSUPPORTED;
    return w_dtype == HD_DTYPE_F16 ? run_any<plain_f16>(queue, a) : run_any<plain_bf16>(queue, a);
}

#else

int hdi_linear_mma(hdi_gpu_queue *, const linear_x *, const linear_part *, int, int, const linear_y *) {
    return HDI_GPU_UNSUPPORTED;
}

#endif

} // namespace HDI_GPU_NAMESPACE
