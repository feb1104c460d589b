/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: x once in. Few long rows are cut into slices, a block each, so that one row of logits uses the whole device;
 * the block that ends last picks among the slices' winners. */
#include "kernels/argmax/argmax.h"
#include "kernels/argmax/argmax_gpu.h"
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct argmax_args {
    gpu_rows<1> x_rows;
    const void *x;
    hdi_operand index, value; /* data, shape, strides */
    int64_t n, slice;         /* elements of a row, of a slice: a multiple of a block's packs */
    int slices;               /* of a row */
    gpu_best *winners;        /* of each slice of each row */
    unsigned *ended;          /* slices of each row; zero before and after */
};
} // namespace

template <typename T>
static __device__ void write_best(const argmax_args &a, int64_t row, const typename T::storage *x, int64_t i) {
    int64_t at = gpu_place(a.index, row);
    if (a.index.dtype == HD_DTYPE_I32)
        ((int32_t *)a.index.data)[at] = (int32_t)i;
    else
        ((int64_t *)a.index.data)[at] = i;
    ((typename T::storage *)a.value.data)[gpu_place(a.value, row)] = x[i];
}

template <typename T, bool VECTOR> static __global__ void __launch_bounds__(THREADS) argmax(const argmax_args a) {
    gpu_begin();
    GPU_SHARED(gpu_best, shared, GPU_MAX_WARPS);
    GPU_SHARED(bool, last, 1);
    int64_t slice = (int64_t)blockIdx.x % a.slices;
    for (int64_t row = (int64_t)blockIdx.x / a.slices; row < a.x_rows.count; row += (int64_t)gridDim.x / a.slices) {
        int64_t at, from = slice * a.slice, to = from + a.slice < a.n ? from + a.slice : a.n;
        a.x_rows.offsets(row, &at);
        const typename T::storage *x = (const typename T::storage *)a.x + at;
        gpu_best best = gpu_block_best(gpu_best_of<T, THREADS, VECTOR>(x, from, to), shared);
        if (a.slices == 1) {
            if (threadIdx.x == 0) write_best<T>(a, row, x, best.index);
            __syncthreads();
            continue;
        }
        if (threadIdx.x == 0) {
            a.winners[row * a.slices + slice] = best;
            __threadfence();
            *last = atomicAdd(&a.ended[row], 1u) == (unsigned)a.slices - 1;
        }
        __syncthreads();
        if (*last) {
            __threadfence();
            best = gpu_no_best();
            for (int s = (int)threadIdx.x; s < a.slices; s += THREADS) {
                gpu_best other = a.winners[row * a.slices + s];
                gpu_take_better(best, other.key, other.index);
            }
            best = gpu_block_best(best, shared);
            if (threadIdx.x == 0) {
                write_best<T>(a, row, x, best.index);
                a.ended[row] = 0;
            }
        }
        __syncthreads();
    }
}

/* How many blocks share a row: enough to fill the device, each with something to do. */
static int slices_of(const hdi_gpu_queue *queue, int64_t rows, int64_t n) {
    int64_t most = (n + THREADS * 16 - 1) / (THREADS * 16), wanted = ((int64_t)queue->units * 4 + rows - 1) / rows;
    int64_t slices = wanted < most ? wanted : most;
    return slices < 1 ? 1 : slices > 1024 ? 1024 : (int)slices;
}

int hdi_argmax_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const gpu_merged<1> x(&call->operand[2], true);
    argmax_args a = {};
    a.x_rows = gpu_rows_of<1>(x.t);
    a.x = x.t[0].data;
    a.index = call->operand[0];
    a.value = call->operand[1];
    a.n = x.t[0].shape[x.t[0].rank - 1];
    if (a.x_rows.count == 0 || a.n == 0) return GPU(Success);
    a.slices = slices_of(queue, a.x_rows.count, a.n);
    a.slice = ((a.n + a.slices - 1) / a.slices + THREADS * 8 - 1) / (THREADS * 8) * (THREADS * 8);
    a.slices = (int)((a.n + a.slice - 1) / a.slice);
    if (a.slices > 1) {
        size_t winners = (size_t)(a.x_rows.count * a.slices) * sizeof(gpu_best);
        int error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH, winners, (void **)&a.winners);
        if (!error)
            error = queue->workspace(queue, HDI_GPU_WORK_COUNTERS, (size_t)a.x_rows.count * sizeof(unsigned), (void **)&a.ended);
        if (error) return error;
    }
    int64_t together = a.slices > 1 ? a.x_rows.count : gpu_blocks(queue, a.x_rows.count, 1);
    bool vector = gpu_rows_aligned(&x.t[0]);
    return gpu_with_float(x.t[0].dtype, [&](auto t) {
        typedef decltype(t) T;
        return vector ? gpu_launch_early(queue, (argmax<T, true>), together * a.slices, THREADS, 0, a)
                      : gpu_launch_early(queue, (argmax<T, false>), together * a.slices, THREADS, 0, a);
    });
}

} // namespace HDI_GPU_NAMESPACE
