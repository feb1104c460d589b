/* SPDX-License-Identifier: Apache-2.0 */
/* Our own products of many rows on Hopper. A block of threads stays on its multiprocessor and takes tile after tile of 128
 * weights by M rows of x (64, 128, 256): one warpgroup fills stages of 64 k, two multiply, 64 weights each. x and 16-bit weights
 * come by bulk copies; block weights as bytes two stages ahead, which become linear_mma.cu's bf16 on the way into the stage.
 * Predicted, not measured, at M = 256: a stage takes the tensor cores 1024 cycles, in which shared memory takes 48 KB and gives
 * 80 (q8_0: 17 more), 1.0 to 1.1 times its rate; q8_0 takes a third of the issue slots; the L2 cache gives 40 to 48 bytes a
 * cycle. With the ends of tiles, x shared by no two multiprocessors: 0.6 of the peak, for q8_0 and q4_0 as for 16 bits. */
#include "kernels/gpu/wgmma.h"
#include "kernels/linear/linear_block_gpu.h"
#include "kernels/linear/linear_many.h"

namespace HDI_GPU_NAMESPACE {
namespace {

/* Registers of a thread that fills stages and of one that multiplies; a kernel of 384 threads begins with 168. */
enum { FILL_REGISTERS = 104, MULTIPLY_REGISTERS = 200 };
static_assert(FILL_REGISTERS + 2 * MULTIPLY_REGISTERS <= 3 * 168, "more would wait for ever");

enum {
    WEIGHTS = 128, /* of a tile */
    DEPTH = 64,    /* columns of a stage */
    THREADS = 384,
    STAGES = 8, /* the most */
    RING = 3,   /* stages' bytes of block weights under way or in use */
    GROUP = 16, /* tiles of weights that are taken with all rows of x before the next ones: they stay in the L2 cache */
    ALIGNMENT = 1024
};

struct job {
    gpu_tensor_map x_map, w_map; /* w_map: of 16-bit weights */
    linear_part w;
    linear_y y;
    int32_t rows, k, stages;
};

#if GPU_HAS_WGMMA

struct tile {
    int32_t n, m; /* first weight, first row of x */
};
template <int M> static __device__ __forceinline__ int32_t tile_count(const job &a) {
    return (a.w.n + WEIGHTS - 1) / WEIGHTS * ((a.rows + M - 1) / M);
}
template <int M> static __device__ __forceinline__ tile tile_of(const job &a, int32_t index) {
    int32_t tiles_n = (a.w.n + WEIGHTS - 1) / WEIGHTS, tiles_m = (a.rows + M - 1) / M, group = index / (GROUP * tiles_m);
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
template <bool F> struct plain {
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

struct alignas(16) word {
    uint32_t pairs[4];
};

/* Block weights: a warp has a panel of the tile, a lane a row. The panel's bytes come to a ring of shared memory of the warp's
 * own two stages ahead, so that no load is under way when a fence waits for all loads. */
template <typename B> struct blocks {
    enum { F16 = 0, ARRIVALS = 5, PIECE = 2 * B::BYTES };
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
        /* Asks for the bytes of two blocks; zeros are what lies beyond the weight. */
        __device__ __forceinline__ void fetch(const job &a, char *to, int warp, int lane) const {
            int32_t panel = at.n / 32 + warp, there = t < tiles && panel * 32 < a.w.n ? (a.k - k) / 32 * B::BYTES : 0;
            const char *from = a.w.w + panel * a.w.stride + k / 32 * (int64_t)B::BYTES;
#pragma unroll
            for (int i = 16 * lane; i < PIECE; i += 512)
                gpu_copy_async(to + i, i < there ? from + i : a.w.w, 16, i < there ? 16 : 0);
            gpu_copy_commit();
        }
    };
    /* A row of two blocks to row `to` of the stage. */
    static __device__ __forceinline__ void store(const char *from, int row, char *stage, int to) {
#pragma unroll
        for (int c = 0; c < 8; c++) {
            const char *block = from + c / 4 * B::BYTES;
            float d = gpu_f16_to_f32(((const uint16_t *)block)[row]), v[8];
            word w;
            B::row_values((const uint32_t *)(block + 64) + row, c % 4, v);
#pragma unroll
            for (int i = 0; i < 4; i++) w.pairs[i] = linear_pack_bf16(d * v[2 * i], d * v[2 * i + 1]);
            *(word *)(stage + (to * 128 + ((c ^ to) & 7) * 16)) = w;
        }
    }
    template <int M> static __device__ __forceinline__ void produce(const job &a, char *stages, barriers b) {
        int warp = (int)threadIdx.x % 128 / 32, lane = (int)threadIdx.x % 32, slot = 0;
        char *ring = stages + a.stages * layout<M>::BYTES + warp * RING * PIECE;
        cursor<M> now = {(int32_t)blockIdx.x, 0, tile_count<M>(a), tile_of<M>(a, (int32_t)blockIdx.x)}, ahead = now;
        for (int i = 0; i < RING - 1; i++, ahead.next(a)) ahead.fetch(a, ring + i * PIECE, warp, lane);
        for (place at = {0, 1}; now.t < now.tiles; at.next(a.stages), now.next(a)) {
            gpu_copy_wait<RING - 2>();
            gpu_sync_warp(); /* all lanes' copies are there, and all have read the slot that is filled next */
            ahead.fetch(a, ring + (slot == 0 ? RING - 1 : slot - 1) * PIECE, warp, lane);
            ahead.next(a);
            char *stage = stages + at.stage * layout<M>::BYTES;
            gpu_mbar_wait(&b.empty[at.stage], at.parity);
            if (threadIdx.x % 128 == 0) {
                gpu_mbar_arrive_expect(&b.full[at.stage], layout<M>::X);
                gpu_copy_box(stage + layout<M>::W, &a.x_map, now.k, now.at.m, &b.full[at.stage]);
            }
            store(ring + slot * PIECE, lane, stage, warp * 32 + lane);
            if (++slot == RING) slot = 0;
            gpu_fence_async();
            gpu_sync_warp();
            if (lane == 0) gpu_mbar_arrive(&b.full[at.stage]);
        }
        gpu_copy_wait<0>();
    }
};

/* From sums to y. A thread has two weights, and two neighbouring rows of x in each of M / 8 places. Eight rows at a time, what
 * must be read is asked for at once and without branches, from the last row or weight in place of those beyond. */
template <int M, typename Y> static __device__ __forceinline__ void finish(const job &a, tile from, const float (&sums)[M / 2]) {
    enum { ROWS = 8 };
    typedef typename Y::storage storage;
    int32_t lane = (int32_t)threadIdx.x % 32, n[2], last_n = a.w.n - 1, last_m = a.rows - 1;
    float bias[2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
        n[h] = from.n + (int32_t)threadIdx.x / 32 * 16 + lane / 4 + 8 * h;
        bias[h] = linear_biased(a.w, n[h] < last_n ? n[h] : last_n, 0.0f);
    }
#pragma unroll
    for (int first = 0; first < M / 4; first += ROWS) {
        int32_t begin = from.m + 4 * first + 2 * (lane % 4);
        float add[ROWS][2] = {};
        if (a.y.residual) {
#pragma unroll
            for (int j = 0; j < ROWS; j++) {
                int32_t m = begin + 8 * (j / 2) + j % 2;
                const storage *residual = (const storage *)a.y.residual + (m < last_m ? m : last_m) * a.y.residual_stride;
#pragma unroll
                for (int h = 0; h < 2; h++) add[j][h] = Y::get(residual[n[h] < last_n ? n[h] : last_n]);
            }
        }
#pragma unroll
        for (int j = 0; j < ROWS; j++) {
            int32_t m = begin + 8 * (j / 2) + j % 2;
            storage *y = (storage *)a.y.data + m * a.y.stride;
#pragma unroll
            for (int h = 0; h < 2; h++) {
                float sum = sums[4 * ((first + j) / 2) + 2 * h + j % 2] + bias[h] + add[j][h];
                if (m <= last_m && n[h] <= last_n) y[n[h]] = Y::put(sum);
            }
        }
    }
}
template <int M> static __device__ __forceinline__ void finish_any(const job &a, tile from, const float (&sums)[M / 2]) {
    if (a.y.dtype == HD_DTYPE_F32)
        finish<M, f32>(a, from, sums);
    else if (a.y.dtype == HD_DTYPE_F16)
        finish<M, f16>(a, from, sums);
    else
        finish<M, bf16>(a, from, sums);
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
        finish_any<M>(a, tile_of<M>(a, t), sums);
    }
}
#else /* the kernels below have the same names in all passes of the compiler */
template <bool F> struct plain;
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
    if (threadIdx.x >= 256) {
        gpu_registers_fewer<FILL_REGISTERS>();
        W::template produce<M>(a, stages, b);
    } else {
        gpu_registers_more<MULTIPLY_REGISTERS>();
        consume<M, W>(a, stages, b);
    }
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
        return cudaFuncGetAttributes(&attributes, multiply<128, blocks<linear_q8_0>>) == cudaSuccess && attributes.numRegs >= 64;
    }();
    return queue->major == 9 && queue->minor == 0 && compiled;
#else
    (void)queue;
    return true;
#endif
}

static size_t stage_bytes(int m) { return (size_t)(WEIGHTS + m) * DEPTH * 2; }
/* Of shared memory beside the stages: what aligns them, and the rings. */
static size_t other_bytes(int w_dtype) {
    size_t block = w_dtype == HD_DTYPE_Q8_0 ? linear_q8_0::BYTES : w_dtype == HD_DTYPE_Q4_0 ? linear_q4_0::BYTES : 0;
    return ALIGNMENT + RING * 4 * 2 * block;
}
static int stages_of(const hdi_gpu_queue *queue, int m, int w_dtype) {
    enum { BARRIERS = 2 * STAGES * sizeof(uint64_t) };
    size_t other = other_bytes(w_dtype) + BARRIERS,
           n = queue->shared_limit > other ? (queue->shared_limit - other) / stage_bytes(m) : 0;
    return n < STAGES ? (int)n : (int)STAGES;
}

/* Rows of x in a tile: the choice that takes the fewest cycles, a stage being 4 cycles a row and never less than its weights
 * take. 0: too few tiles for half of the multiprocessors, which by parts of k (linear_mma.cu) all have work. */
static int tile_rows(const hdi_gpu_queue *queue, int64_t rows, int64_t n, int w_dtype) {
    int best = 0;
    int64_t least = INT64_MAX;
    for (int m = 256; m >= 64; m /= 2) {
        int64_t tiles = hdi_ceil_div(n, WEIGHTS) * hdi_ceil_div(rows, m), turns = hdi_ceil_div(tiles, queue->units);
        int64_t cycles = turns * hdi_max_i64(4 * m, 400);
        if (stages_of(queue, m, w_dtype) < 2 || 2 * tiles < queue->units || tiles > INT32_MAX / 2 || cycles >= least) continue;
        best = m;
        least = cycles;
    }
    return best;
}

template <int M, typename W> static int launch_tiles(hdi_gpu_queue *queue, const job &a, int w_dtype) {
    int64_t tiles = hdi_ceil_div(a.w.n, WEIGHTS) * hdi_ceil_div(a.rows, M);
    size_t shared = (size_t)a.stages * stage_bytes(M) + other_bytes(w_dtype);
    int error = (int)gpu_allow_shared(multiply<M, W>, shared);
    if (error != GPU(Success)) return error;
    return (int)gpu_launch(multiply<M, W>, hdi_min_i64(tiles, queue->units), THREADS, shared, queue->stream, a);
}
template <typename W> static int launch(hdi_gpu_queue *queue, const job &a, int m, int w_dtype) {
    if (m == 256) return launch_tiles<256, W>(queue, a, w_dtype);
    return m == 128 ? launch_tiles<128, W>(queue, a, w_dtype) : launch_tiles<64, W>(queue, a, w_dtype);
}

} // namespace

int hdi_linear_wgmma(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y) {
    bool block = layout == HDI_LAYOUT_PANEL && (w_dtype == HD_DTYPE_Q8_0 || w_dtype == HD_DTYPE_Q4_0);
    if (x->rows <= LINEAR_THIN || x->k < 1 || w->n < 1 || !here(queue)) return HDI_GPU_UNSUPPORTED;
    if (block ? x->dtype != HD_DTYPE_BF16 || x->k % 32 != 0 || (uintptr_t)w->w % 16 != 0
              : layout == HDI_LAYOUT_PANEL || x->dtype == HD_DTYPE_F32 || w_dtype != x->dtype)
        return HDI_GPU_UNSUPPORTED;
    job a = {};
    int m = tile_rows(queue, x->rows, w->n, w_dtype), error = GPU(Success);
    if (m == 0) return HDI_GPU_UNSUPPORTED;
    a.w = *w;
    a.y = *y;
    a.rows = x->rows, a.k = x->k;
    a.stages = stages_of(queue, m, w_dtype);
    bool f16_x = x->dtype == HD_DTYPE_F16;
    error = gpu_tensor_map_make(&a.x_map, f16_x, x->data, x->rows, x->k, x->stride * 2, m);
    if (error == GPU(Success) && !block) error = gpu_tensor_map_make(&a.w_map, f16_x, w->w, w->n, x->k, w->stride, WEIGHTS);
    if (error != GPU(Success)) return error;
    if (block)
        return w_dtype == HD_DTYPE_Q8_0 ? launch<blocks<linear_q8_0>>(queue, a, m, w_dtype)
                                        : launch<blocks<linear_q4_0>>(queue, a, m, w_dtype);
    return f16_x ? launch<plain<true>>(queue, a, m, w_dtype) : launch<plain<false>>(queue, a, m, w_dtype);
}

#else
} // namespace

int hdi_linear_wgmma(hdi_gpu_queue *, const linear_x *, const linear_part *, int, int, const linear_y *) {
    return HDI_GPU_UNSUPPORTED;
}
#endif

} // namespace HDI_GPU_NAMESPACE
