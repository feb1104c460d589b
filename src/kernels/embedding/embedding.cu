/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: a row of the table in and one of y out for each id; plain rows of packs of 16 bytes where they lie so. A row
 * of a panel is spread over it: each of its pieces brings 31 other rows along, for the few rows of a step. */
#include "kernels/embedding/embedding.h"
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/weights/weights_gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct embedding_args {
    gpu_rows<1> y_rows;
    hdi_operand ids;
    void *y;
    const uint8_t *table;
    int64_t v, d, packs;            /* packs of a row of y */
    int64_t first, total;           /* of a part of a table; total 0: the whole */
    int64_t row_bytes, panel_bytes; /* from one row of the table, or panel, to the next */
};
} // namespace

static __device__ __forceinline__ int64_t id_of(const hdi_operand &ids, int64_t r) {
    int64_t at = gpu_place(ids, r);
    return ids.dtype == HD_DTYPE_I64 ? ((const int64_t *)ids.data)[at] : ((const int32_t *)ids.data)[at];
}

/* The row of this table that an id names, -1 for none; `fill` is then what its place holds. */
static __device__ __forceinline__ int64_t row_of(const embedding_args &a, int64_t id, float *fill) {
    bool whole = a.total > 0 && id >= 0 && id < a.total;
    int64_t row = whole ? id - a.first : a.total > 0 ? -1 : id;
    if (row < 0 || row >= a.v) row = -1;
    *fill = whole ? -0.0f : 0.0f;
    return row;
}

/* Rows of a plain table of y's type, in packs. */
static __global__ void __launch_bounds__(THREADS) embedding_packs(const embedding_args a) {
    gpu_begin();
    int64_t total = a.y_rows.count * a.packs, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        float fill;
        int64_t row = gpu_divide(item, a.packs), i = item - row * a.packs, id = row_of(a, id_of(a.ids, row), &fill), at;
        gpu_pack pack = {};
        if (a.total > 0) {
            float fills[4] = {fill, fill, fill, fill}; /* of parts: y is f32 */
            memcpy(&pack, fills, sizeof pack);
        }
        a.y_rows.offsets(row, &at); /* in packs */
        if (id >= 0) pack = ((const gpu_pack *)(a.table + id * a.row_bytes))[i];
        ((gpu_pack *)a.y)[at + i] = pack;
    }
}

template <typename T, typename W, bool PANEL>
static __global__ void __launch_bounds__(THREADS) embedding(const embedding_args a) {
    gpu_begin();
    int64_t total = a.y_rows.count * a.d, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        float v;
        int64_t row = gpu_divide(item, a.d), k = item - row * a.d, id = row_of(a, id_of(a.ids, row), &v), at;
        a.y_rows.offsets(row, &at);
        if (id >= 0)
            v = PANEL ? W::in_panel(a.table + id / 32 * a.panel_bytes, (int)(id % 32), k)
                      : W::in_row(a.table + id * a.row_bytes, k);
        ((typename T::storage *)a.y)[at + k] = T::put(v);
    }
}

template <typename T, typename W> static int launch_embedding(hdi_gpu_queue *queue, const embedding_args &a, bool panel) {
    int64_t blocks = gpu_blocks(queue, a.y_rows.count * a.d, THREADS);
    return panel ? gpu_launch_early(queue, (embedding<T, W, true>), blocks, THREADS, 0, a)
                 : gpu_launch_early(queue, (embedding<T, W, false>), blocks, THREADS, 0, a);
}

static int launch_packs(hdi_gpu_queue *queue, embedding_args a, int64_t per) {
    a.packs = a.d / per;
    for (int d = 0; d < a.y_rows.dims; d++) a.y_rows.stride[0][d] /= per;
    return gpu_launch_early(queue, embedding_packs, gpu_blocks(queue, a.y_rows.count * a.packs, THREADS), THREADS, 0, a);
}

int hdi_embedding_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *table = &call->operand[2];
    const gpu_merged<1> y(call->operand, true);
    embedding_args a = {};
    bool panel = table->layout == HDI_LAYOUT_PANEL, narrow = y.t[0].dtype != HD_DTYPE_F32;
    a.y_rows = gpu_rows_of<1>(y.t);
    a.ids = call->operand[1];
    a.y = y.t[0].data;
    a.table = (const uint8_t *)table->data;
    a.v = table->shape[0];
    a.first = ((const hdi_embedding_attr *)call->attr)->first;
    a.total = ((const hdi_embedding_attr *)call->attr)->total;
    a.d = y.t[0].shape[y.t[0].rank - 1];
    if (a.y_rows.count == 0 || a.d == 0) return GPU(Success);
    return gpu_with_weight(table->dtype, [&](auto weight) {
        typedef decltype(weight) W;
        int64_t per = 16 / gpu_block_bytes(y.t[0].dtype);
        a.row_bytes = W::row_bytes(table->stride[0]);
        a.panel_bytes = W::panel_bytes(a.d);
        if (!panel && table->dtype == y.t[0].dtype && a.d % per == 0 && gpu_rows_aligned(table) && gpu_rows_aligned(&y.t[0]))
            return launch_packs(queue, a, per);
        if (!narrow) return launch_embedding<f32, W>(queue, a, panel);
        if (table->dtype != y.t[0].dtype) return (int)HDI_GPU_UNSUPPORTED;
        return y.t[0].dtype == HD_DTYPE_F16 ? launch_embedding<f16, gpu_plain_weight<f16>>(queue, a, panel)
                                            : launch_embedding<bf16, gpu_plain_weight<bf16>>(queue, a, panel);
    });
}

} // namespace HDI_GPU_NAMESPACE
