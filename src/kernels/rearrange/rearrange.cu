/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory. Where both sides lie in packs of 16 bytes these are moved; a transposition goes through tiles in shared
 * memory, so that both sides are walked along their neighbours; else element by element along the result's last dim. */
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/rearrange/rearrange.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256, TILE = 32 };

struct copy_args {
    gpu_rows<2> rows;
    int64_t n, y_step, x_step; /* of a row */
    void *y;
    const void *x;
};

/* dim `across` is the one along which x has its neighbours; the rows' dims have 1 in its place. */
struct transpose_args {
    gpu_rows<2> rows;
    int64_t n, y_step, x_step;     /* the last dim */
    int64_t m, y_across, x_across; /* the other */
    int64_t n_tiles, m_tiles;
    void *y;
    const void *x;
};
} // namespace

template <typename V> static __global__ void __launch_bounds__(THREADS) copy_elements(const copy_args a) {
    gpu_begin();
    int64_t total = a.rows.count * a.n, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.n), i = item - row * a.n, at[2];
        a.rows.offsets(row, at);
        ((V *)a.y)[at[0] + i * a.y_step] = ((const V *)a.x)[at[1] + i * a.x_step];
    }
}

template <typename V> static __global__ void __launch_bounds__(THREADS) transpose(const transpose_args a) {
    gpu_begin();
    GPU_SHARED(V, tile, TILE * (TILE + 1));
    int64_t total = a.rows.count * a.n_tiles * a.m_tiles;
    int fast = (int)threadIdx.x % TILE, slow = (int)threadIdx.x / TILE;
    for (int64_t item = blockIdx.x; item < total; item += gridDim.x) {
        int64_t q = gpu_divide(item, a.n_tiles), n0 = (item - q * a.n_tiles) * TILE, row = gpu_divide(q, a.m_tiles);
        int64_t m0 = (q - row * a.m_tiles) * TILE, at[2];
        a.rows.offsets(row, at);
        for (int i = slow; i < TILE; i += THREADS / TILE)
            if (n0 + i < a.n && m0 + fast < a.m)
                tile[i * (TILE + 1) + fast] = ((const V *)a.x)[at[1] + (n0 + i) * a.x_step + (m0 + fast) * a.x_across];
        __syncthreads();
        for (int i = slow; i < TILE; i += THREADS / TILE)
            if (m0 + i < a.m && n0 + fast < a.n)
                ((V *)a.y)[at[0] + (m0 + i) * a.y_across + (n0 + fast) * a.y_step] = tile[fast * (TILE + 1) + i];
        __syncthreads();
    }
}

/* The dim along which x has its neighbours, when it is not the last and a tile of both is worth it; else -1. */
static int across_of(const hdi_operand *y, const hdi_operand *x) {
    int last = x->rank - 1;
    if (y->stride[last] != 1 || x->stride[last] == 1 || x->shape[last] < 8) return -1;
    for (int d = 0; d < last; d++)
        if (x->stride[d] == 1 && x->shape[d] >= 8) return d;
    return -1;
}

template <typename V> static int launch_transpose(hdi_gpu_queue *queue, gpu_merged<2> o, int across) {
    transpose_args a = {};
    int last = o.t[0].rank - 1;
    a.y = o.t[0].data;
    a.x = o.t[1].data;
    a.n = o.t[0].shape[last], a.y_step = o.t[0].stride[last], a.x_step = o.t[1].stride[last];
    a.m = o.t[0].shape[across], a.y_across = o.t[0].stride[across], a.x_across = o.t[1].stride[across];
    o.t[0].shape[across] = o.t[1].shape[across] = 1;
    a.rows = gpu_rows_of<2>(o.t);
    a.n_tiles = (a.n + TILE - 1) / TILE;
    a.m_tiles = (a.m + TILE - 1) / TILE;
    int64_t tiles = a.rows.count * a.n_tiles * a.m_tiles;
    return gpu_launch_early(queue, transpose<V>, gpu_blocks(queue, tiles, 1), THREADS, 0, a);
}

template <typename V> static int launch_copy(hdi_gpu_queue *queue, const gpu_merged<2> &o) {
    copy_args a = {};
    int last = o.t[0].rank - 1;
    a.rows = gpu_rows_of<2>(o.t);
    a.n = o.t[0].shape[last];
    a.y = o.t[0].data, a.x = o.t[1].data;
    a.y_step = o.t[0].stride[last], a.x_step = o.t[1].stride[last];
    return gpu_launch_early(queue, copy_elements<V>, gpu_blocks(queue, a.rows.count * a.n, THREADS), THREADS, 0, a);
}

/* Rows of packs: sizes and strides count packs of `per` elements then. */
static bool as_packs(gpu_merged<2> &o, int64_t per) {
    int last = o.t[0].rank - 1;
    if (o.t[0].shape[last] % per != 0 || o.t[0].stride[last] != 1 || o.t[1].stride[last] != 1) return false;
    if (!gpu_rows_aligned(&o.t[0]) || !gpu_rows_aligned(&o.t[1])) return false;
    for (int i = 0; i < 2; i++) {
        o.t[i].shape[last] /= per;
        for (int d = 0; d < last; d++) o.t[i].stride[d] /= per;
    }
    return true;
}

int hdi_rearrange_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    gpu_merged<2> o(call->operand, false);
    int64_t size = gpu_block_bytes(o.t[0].dtype);
    if (gpu_count(&o.t[0]) == 0) return GPU(Success);
    if (as_packs(o, 16 / size)) return launch_copy<gpu_pack>(queue, o);
    int across = across_of(&o.t[0], &o.t[1]);
    switch (size) {
    case 1:
        return across >= 0 ? launch_transpose<uint8_t>(queue, o, across) : launch_copy<uint8_t>(queue, o);
    case 2:
        return across >= 0 ? launch_transpose<uint16_t>(queue, o, across) : launch_copy<uint16_t>(queue, o);
    case 4:
        return across >= 0 ? launch_transpose<uint32_t>(queue, o, across) : launch_copy<uint32_t>(queue, o);
    case 8:
        return across >= 0 ? launch_transpose<uint64_t>(queue, o, across) : launch_copy<uint64_t>(queue, o);
    default:
        return HDI_GPU_UNSUPPORTED;
    }
}

} // namespace HDI_GPU_NAMESPACE
