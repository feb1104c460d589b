/* SPDX-License-Identifier: Apache-2.0 */
/* y = x w^T for 64 rows of x and more on Hopper. A block stays on its multiprocessor and takes tile after tile of 128 weights by
 * M rows of x (64, 128 or 256): one warpgroup fills stages of 64 columns, two multiply, 64 weights each, sums in registers. x
 * comes by bulk copies, as 16-bit weights do; block weights are read a stage ahead into registers and stored as f16. Predicted,
 * not measured, for M = 256: 1024 cycles of tensor cores a stage at 4096 FLOP a cycle, in which 48 KB are written to shared
 * memory and 80 KB read (all of its 128 bytes a cycle), 130 instructions a warp turn block weights, and 40 KB (q8_0) come from
 * the L2 cache, 40 bytes a cycle. With 8 % for ends of tiles: three quarters of the peak, the same for q8_0, q4_0 and 16 bits. */
#include "kernels/gpu/element.h"
#include "kernels/gpu/reduce.h"
#include "kernels/gpu/wgmma.h"
#include "kernels/linear/linear_wgmma.h"
#include "kernels/linear/linear_wgmma_weight.h"

namespace HDI_GPU_NAMESPACE {
namespace {

enum {
    WEIGHTS = 128, /* of a tile */
    DEPTH = 64,    /* columns of a stage */
    THREADS = 384,
    STAGES = 8, /* the most */
    GROUP = 16, /* tiles of weights that are taken with all rows of x before the next ones: they stay in the L2 cache */
    ALIGNMENT = 1024
};

struct job {
    gpu_tensor_map x_map, w_map; /* w_map: of 16-bit weights */
    const char *panels;          /* of block weights */
    int64_t panel_stride;
    const float *scale; /* [rows], what sums are multiplied by; or NULL */
    const void *bias, *residual;
    void *y;
    int64_t residual_stride, y_stride;
    int32_t rows, n, k, bias_dtype, stages;
};

/* ---- x in 16 bits ---- */

/* Bits of a float, in a way that all vendors have. */
static __device__ __forceinline__ uint32_t bits_of(float x) {
    union {
        float f;
        uint32_t u;
    } v = {x};
    return v.u;
}
static __device__ __forceinline__ float float_of(uint32_t u) {
    union {
        uint32_t u;
        float f;
    } v = {u};
    return v.f;
}

/* A block a row. SCALED: by the power of two that takes the row's largest value to 2^14 and more, scale[row] takes it back. */
template <typename X, typename T, bool SCALED>
static __global__ void __launch_bounds__(256)
    pack(const typename X::storage *x, int64_t x_stride, uint16_t *to, int64_t pitch, float *scale, int32_t k) {
    GPU_SHARED(float, shared, GPU_MAX_WARPS);
    const typename X::storage *from = x + (int64_t)blockIdx.x * x_stride;
    float factor = 1.0f;
    if (SCALED) {
        float top = 0;
        for (int32_t i = (int32_t)threadIdx.x; i < k; i += 256) top = fmaxf(top, fabsf(X::get(from[i])));
        int exponent = (int)(bits_of(gpu_block_max(top, shared)) >> 23);
        int shift = exponent == 0 || exponent == 255 ? 0 : exponent < 15 ? 126 : 141 - exponent;
        factor = float_of((uint32_t)(127 + shift) << 23);
        if (threadIdx.x == 0) scale[blockIdx.x] = float_of((uint32_t)(127 - shift) << 23);
    }
    uint32_t *row = (uint32_t *)((char *)to + (int64_t)blockIdx.x * pitch);
    for (int32_t i = 2 * (int32_t)threadIdx.x; i < k; i += 512) {
        uint32_t low = T::put(X::get(from[i]) * factor), high = i + 1 < k ? T::put(X::get(from[i + 1]) * factor) : 0;
        row[i / 2] = low | high << 16;
    }
}

/* ---- the product ---- */

#if GPU_HAS_WGMMA

struct tile {
    int32_t n, m; /* first weight, first row of x */
};
template <int M> static __device__ __forceinline__ int32_t tile_count(const job &a) {
    return (a.n + WEIGHTS - 1) / WEIGHTS * ((a.rows + M - 1) / M);
}
template <int M> static __device__ __forceinline__ tile tile_of(const job &a, int32_t index) {
    int32_t tiles_n = (a.n + WEIGHTS - 1) / WEIGHTS, tiles_m = (a.rows + M - 1) / M, group = index / (GROUP * tiles_m);
    int32_t width = tiles_n - group * GROUP < GROUP ? tiles_n - group * GROUP : GROUP, in = index - group * GROUP * tiles_m;
    return {(group * GROUP + in % width) * WEIGHTS, in / width * M};
}

/* Stages in their order, round and round, with the parity of the phase that is waited for. */
struct place {
    int stage;
    unsigned parity;
    __device__ __forceinline__ void next(int stages) {
        if (++stage == stages) stage = 0, parity ^= 1;
    }
};

template <int M> struct layout {
    enum { W = WEIGHTS * DEPTH * 2, X = M * DEPTH * 2, BYTES = W + X };
};
struct barriers {
    uint64_t *full, *empty;
};

/* 16-bit weights: one thread asks for both boxes of each stage. */
template <bool F, typename Y> struct plain {
    typedef Y result;
    enum { F16 = F, ARRIVALS = 1 };
    template <int M> static __device__ __forceinline__ void produce(const job &a, char *stages, barriers b) {
        if (threadIdx.x % 128 != 0) return;
        place at = {0, 1};
        for (int32_t t = (int32_t)blockIdx.x, tiles = tile_count<M>(a); t < tiles; t += (int32_t)gridDim.x) {
            tile from = tile_of<M>(a, t);
            for (int32_t k = 0; k < a.k; k += DEPTH) {
                char *stage = stages + at.stage * layout<M>::BYTES;
                gpu_mbar_wait(&b.empty[at.stage], at.parity);
                gpu_mbar_arrive_expect(&b.full[at.stage], layout<M>::BYTES);
                gpu_copy_box(stage, &a.w_map, k, from.n, &b.full[at.stage]);
                gpu_copy_box(stage + layout<M>::W, &a.x_map, k, from.m, &b.full[at.stage]);
                at.next(a.stages);
            }
        }
    }
};

/* Block weights: a warp has a panel of the tile, a lane a row; the words of the next stage are asked for before these are turned.
 */
template <typename B> struct blocks {
    typedef f32 result;
    enum { F16 = 1, ARRIVALS = 5 };
    template <int M> struct cursor {
        int32_t t, k, tiles;
        tile at;
        __device__ __forceinline__ void next(const job &a) {
            k += DEPTH;
            if (k < a.k) return;
            k = 0;
            t += (int32_t)gridDim.x;
            if (t < tiles) at = tile_of<M>(a, t);
        }
        __device__ __forceinline__ void load(const job &a, int warp, int lane, linear_wgmma_piece<B> &to) const {
            int32_t panel = at.n / 32 + warp, left = panel * 32 < a.n ? (a.k - k) / 32 : 0;
            linear_wgmma_load<B>(to, a.panels + panel * a.panel_stride + k / 32 * (int64_t)B::BYTES, left, lane);
        }
    };
    template <int M> static __device__ __forceinline__ void produce(const job &a, char *stages, barriers b) {
        int warp = (int)threadIdx.x % 128 / 32, lane = (int)threadIdx.x % 32;
        cursor<M> now = {(int32_t)blockIdx.x, 0, tile_count<M>(a), tile_of<M>(a, (int32_t)blockIdx.x)};
        linear_wgmma_piece<B> piece, next;
        now.load(a, warp, lane, piece);
        for (place at = {0, 1}; now.t < now.tiles; at.next(a.stages)) {
            cursor<M> then = now;
            then.next(a);
            if (then.t < then.tiles) then.load(a, warp, lane, next);
            char *stage = stages + at.stage * layout<M>::BYTES;
            gpu_mbar_wait(&b.empty[at.stage], at.parity);
            if (threadIdx.x % 128 == 0) {
                gpu_mbar_arrive_expect(&b.full[at.stage], layout<M>::X);
                gpu_copy_box(stage + layout<M>::W, &a.x_map, now.k, now.at.m, &b.full[at.stage]);
            }
            linear_wgmma_store<B>(piece, stage, warp * 32 + lane);
            gpu_fence_async();
            gpu_sync_warp();
            if (lane == 0) gpu_mbar_arrive(&b.full[at.stage]);
            piece = next;
            now = then;
        }
    }
};

static __device__ __forceinline__ float element(const void *p, int64_t i, int dtype) {
    if (dtype == HD_DTYPE_F32) return ((const float *)p)[i];
    return dtype == HD_DTYPE_F16 ? gpu_f16_to_f32(((const uint16_t *)p)[i]) : gpu_bf16_to_f32(((const uint16_t *)p)[i]);
}

/* From sums to y. A thread has two weights, and two neighbouring rows of x in each of M / 8 places. */
template <int M, typename Y> static __device__ __forceinline__ void finish(const job &a, tile from, const float (&sums)[M / 2]) {
    typedef typename Y::storage storage;
    int lane = (int)threadIdx.x % 32, first = from.n + (int)threadIdx.x / 32 * 16 + lane / 4;
    float bias[2];
#pragma unroll
    for (int h = 0; h < 2; h++) bias[h] = a.bias && first + 8 * h < a.n ? element(a.bias, first + 8 * h, a.bias_dtype) : 0.0f;
#pragma unroll
    for (int j = 0; j < M / 4; j++) {
        int32_t m = from.m + 8 * (j / 2) + 2 * (lane % 4) + j % 2;
        if (m >= a.rows) continue;
        float scale = a.scale ? a.scale[m] : 1.0f;
        storage *y = (storage *)a.y + m * a.y_stride;
        const storage *residual = (const storage *)a.residual + m * a.residual_stride;
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int32_t n = first + 8 * h;
            float sum = sums[4 * (j / 2) + 2 * h + j % 2] * scale + bias[h];
            if (n < a.n) y[n] = Y::put(a.residual ? sum + Y::get(residual[n]) : sum);
        }
    }
}

template <int M, typename W> static __device__ __forceinline__ void consume(const job &a, const char *stages, barriers b) {
    float sums[M / 2];
#pragma unroll
    for (int i = 0; i < M / 2; i++) sums[i] = 0;
    place at = {0, 0};
    for (int32_t t = (int32_t)blockIdx.x, tiles = tile_count<M>(a); t < tiles; t += (int32_t)gridDim.x) {
        int before = -1; /* the stage whose products may still be under way */
        for (int32_t k = 0; k < a.k; k += DEPTH) {
            const char *stage = stages + at.stage * layout<M>::BYTES;
            uint64_t w = gpu_wgmma_descriptor(stage) + threadIdx.x / 128 * 512, x = gpu_wgmma_descriptor(stage + layout<M>::W);
            gpu_mbar_wait(&b.full[at.stage], at.parity);
            gpu_wgmma_fence();
#pragma unroll
            for (int i = 0; i < DEPTH / 16; i++) gpu_wgmma<W::F16 != 0>(sums, w + 2 * i, x + 2 * i, i || k);
            gpu_wgmma_commit();
            gpu_wgmma_wait<1>();
            if (before >= 0 && threadIdx.x % 32 == 0) gpu_mbar_arrive(&b.empty[before]);
            before = at.stage;
            at.next(a.stages);
        }
        gpu_wgmma_wait_all(sums);
        if (threadIdx.x % 32 == 0) gpu_mbar_arrive(&b.empty[before]);
        finish<M, typename W::result>(a, tile_of<M>(a, t), sums);
    }
}
#else /* the kernels below have the same names in all passes of the compiler */
template <bool F, typename Y> struct plain;
template <typename B> struct blocks;
#endif

template <int M, typename W> static __global__ void __launch_bounds__(THREADS, 1) multiply(const GPU_GRID_CONSTANT job a) {
#if GPU_HAS_WGMMA
    GPU_SHARED_DYNAMIC(dynamic);
    GPU_SHARED(uint64_t, full, STAGES);
    GPU_SHARED(uint64_t, empty, STAGES);
    char *stages = dynamic + (-(uintptr_t)dynamic & (ALIGNMENT - 1));
    barriers b = {full, empty};
    if (threadIdx.x == 0) {
        for (int i = 0; i < a.stages; i++) {
            gpu_mbar_init(&full[i], W::ARRIVALS);
            gpu_mbar_init(&empty[i], 2 * 4); /* warps that multiply */
        }
        gpu_mbar_publish();
    }
    __syncthreads();
    if (threadIdx.x >= 256)
        W::template produce<M>(a, stages, b);
    else
        consume<M, W>(a, stages, b);
#else
    (void)a;
#endif
}

/* ---- on the host ---- */

#if defined(HDI_GPU_CUDA) || (defined(HDI_GPU_HOST) && GPU_LANES == 32)

/* Whether this device has the instructions, and this library the code for them: it is in what was compiled for sm_90a only, and
 * empty in what else the device could run, which needs hardly a register. */
static bool here(const hdi_gpu_queue *queue) {
#if defined(HDI_GPU_CUDA)
    static const bool compiled = [] {
        cudaFuncAttributes attributes;
        return cudaFuncGetAttributes(&attributes, multiply<128, blocks<linear_wgmma_q8_0>>) == cudaSuccess &&
               attributes.numRegs >= 64;
    }();
    return queue->major == 9 && queue->minor == 0 && compiled;
#else
    (void)queue;
    return true;
#endif
}

static size_t stage_bytes(int m) { return (size_t)(WEIGHTS + m) * DEPTH * 2; }
static int stages_of(const hdi_gpu_queue *queue, int m) {
    size_t room = queue->shared_limit > 2 * ALIGNMENT ? queue->shared_limit - 2 * ALIGNMENT : 0, n = room / stage_bytes(m);
    return n < STAGES ? (int)n : (int)STAGES;
}

/* Rows of x in a tile: the choice that takes the fewest cycles, a stage being 4 cycles a row, and never less than its weights
 * take. */
static int tile_rows(const hdi_gpu_queue *queue, int64_t rows, int64_t n) {
    int best = 0;
    int64_t least = INT64_MAX;
    for (int m = 256; m >= 64; m /= 2) {
        int64_t tiles = (n + WEIGHTS - 1) / WEIGHTS * ((rows + m - 1) / m), turns = (tiles + queue->units - 1) / queue->units;
        int64_t cycles = turns * (4 * m > 320 ? 4 * m : 320);
        if (stages_of(queue, m) < 2 || tiles > INT32_MAX || cycles >= least) continue;
        best = m;
        least = cycles;
    }
    return best;
}

template <int M, typename W> static int launch_tiles(hdi_gpu_queue *queue, const job &a) {
    int64_t tiles = ((int64_t)a.n + WEIGHTS - 1) / WEIGHTS * ((a.rows + M - 1) / M);
    size_t shared = (size_t)a.stages * stage_bytes(M) + ALIGNMENT;
    int error = (int)gpu_allow_shared(multiply<M, W>, shared);
    if (error) return error;
    return (int)gpu_launch(multiply<M, W>, tiles < queue->units ? tiles : queue->units, THREADS, shared, queue->stream, a);
}
template <typename W> static int launch_type(hdi_gpu_queue *queue, const job &a, int m) {
    return m == 256 ? launch_tiles<256, W>(queue, a) : m == 128 ? launch_tiles<128, W>(queue, a) : launch_tiles<64, W>(queue, a);
}
static int launch(hdi_gpu_queue *queue, const job &a, const linear_wgmma_args &p, int m) {
    bool wide = p.x_dtype == HD_DTYPE_F32;
    switch (p.w_dtype) {
    case HD_DTYPE_Q8_0:
        return launch_type<blocks<linear_wgmma_q8_0>>(queue, a, m);
    case HD_DTYPE_Q4_0:
        return launch_type<blocks<linear_wgmma_q4_0>>(queue, a, m);
    case HD_DTYPE_F16:
        return wide ? launch_type<plain<true, f32>>(queue, a, m) : launch_type<plain<true, f16>>(queue, a, m);
    default:
        return wide ? launch_type<plain<false, f32>>(queue, a, m) : launch_type<plain<false, bf16>>(queue, a, m);
    }
}

static bool block_type(int dtype) { return dtype == HD_DTYPE_Q8_0 || dtype == HD_DTYPE_Q4_0; }

static bool can(const linear_wgmma_args &p, const linear_wgmma_args &first) {
    if (p.rows != first.rows || p.k != first.k || p.w_dtype != first.w_dtype || p.x_dtype != first.x_dtype || p.n < 1)
        return false;
    if (block_type(p.w_dtype)) return p.x_dtype == HD_DTYPE_F32 && p.k % 32 == 0 && (uintptr_t)p.w % 4 == 0;
    return (p.w_dtype == HD_DTYPE_F16 || p.w_dtype == HD_DTYPE_BF16) && (p.x_dtype == HD_DTYPE_F32 || p.x_dtype == p.w_dtype);
}

/* x in the weights' type, with rows of a multiple of 16 bytes: x itself, or a copy in the stream's workspace. */
struct packed {
    const void *data;
    int64_t pitch;
    const float *scale;
};
static int pack_rows(hdi_gpu_queue *queue, const linear_wgmma_args &p, packed *out) {
    bool f32_x = p.x_dtype == HD_DTYPE_F32, f16_w = p.w_dtype != HD_DTYPE_BF16;
    *out = {p.x, p.x_stride * 2, NULL};
    if (!f32_x && (uintptr_t)p.x % 16 == 0 && out->pitch % 16 == 0) return GPU(Success);
    void *work;
    int64_t pitch = ((int64_t)p.k * 2 + 15) / 16 * 16;
    int error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH, (size_t)p.rows * ((size_t)pitch + sizeof(float)), &work);
    if (error) return error;
    float *scale = (float *)((char *)work + p.rows * pitch);
    *out = {work, pitch, f32_x && f16_w ? scale : NULL};
    if (!f32_x)
        return (int)gpu_launch(pack<bf16, bf16, false>, p.rows, 256, 0, queue->stream, (const uint16_t *)p.x, p.x_stride,
                               (uint16_t *)work, pitch, scale, p.k);
    return (int)gpu_launch(f16_w ? pack<f32, f16, true> : pack<f32, bf16, false>, p.rows, 256, 0, queue->stream,
                           (const float *)p.x, p.x_stride, (uint16_t *)work, pitch, scale, p.k);
}

} // namespace

int linear_wgmma(hdi_gpu_queue *queue, const linear_wgmma_args *products, int n) {
    enum { MANY = 4 };
    const linear_wgmma_args &first = products[0];
    static const int rows_limit = 1 << 24;
    job jobs[MANY];
    int tile_m[MANY];
    if (n < 1 || n > MANY || first.rows < LINEAR_WGMMA_ROWS || first.rows > rows_limit || first.k < 1 || !here(queue))
        return HDI_GPU_UNSUPPORTED;
    for (int i = 0; i < n; i++) {
        const linear_wgmma_args &p = products[i];
        job &a = jobs[i] = {};
        tile_m[i] = can(p, first) ? tile_rows(queue, p.rows, p.n) : 0;
        if (!tile_m[i]) return HDI_GPU_UNSUPPORTED;
        int error = block_type(p.w_dtype)
                        ? 0
                        : gpu_tensor_map_make(&a.w_map, p.w_dtype == HD_DTYPE_F16, p.w, p.n, p.k, p.w_stride, WEIGHTS);
        if (error) return error;
        a.panels = (const char *)p.w;
        a.panel_stride = p.w_stride;
        a.bias = p.bias, a.bias_dtype = p.bias_dtype;
        a.residual = p.residual, a.residual_stride = p.residual_stride;
        a.y = p.y, a.y_stride = p.y_stride;
        a.rows = (int32_t)p.rows, a.n = p.n, a.k = p.k;
        a.stages = stages_of(queue, tile_m[i]);
    }
    packed x;
    int error = pack_rows(queue, first, &x);
    for (int i = 0; !error && i < n; i++) {
        jobs[i].scale = x.scale;
        error =
            gpu_tensor_map_make(&jobs[i].x_map, first.w_dtype != HD_DTYPE_BF16, x.data, first.rows, first.k, x.pitch, tile_m[i]);
        if (!error) error = launch(queue, jobs[i], products[i], tile_m[i]);
    }
    return error;
}

#else
} // namespace

int linear_wgmma(hdi_gpu_queue *, const linear_wgmma_args *, int) { return HDI_GPU_UNSUPPORTED; }
#endif

} // namespace HDI_GPU_NAMESPACE
