/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory. Neighbours of f32, f16 and bf16 move in packs of 8; other pairs of types go element by element, which their
 * rarity allows; a block of a block type is made by 32 lanes. Types that do not change are a strided copy. */
#include "kernels/convert/convert.h"
#include "kernels/convert/convert_gpu.h"
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/weights/weights_gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct convert_args {
    gpu_rows<2> rows;
    int64_t n, items; /* elements of a row; its packs, elements or blocks */
    int64_t y_step, x_step;
    void *y;
    const void *x;
    int to, from;
};
} // namespace

template <typename Y, typename X> static __global__ void __launch_bounds__(THREADS) convert_packs(const convert_args a) {
    gpu_begin();
    enum { E = 8 };
    int64_t total = a.rows.count * a.items, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.items), i = (item - row * a.items) * E, at[2];
        float v[E];
        a.rows.offsets(row, at);
        gpu_load<X, E, true>((const typename X::storage *)a.x + at[1] + i, a.n - i, v);
        gpu_store<Y, E, true>((typename Y::storage *)a.y + at[0] + i, a.n - i, v);
    }
}

static __global__ void __launch_bounds__(THREADS) convert_elements(const convert_args a) {
    gpu_begin();
    int64_t total = a.rows.count * a.n, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.n), i = item - row * a.n, at[2];
        a.rows.offsets(row, at);
        gpu_put_number(a.to, a.y, at[0] + i * a.y_step, gpu_get_number(a.from, a.x, at[1] + i * a.x_step));
    }
}

/* 32 lanes a block: every lane goes through every turn, since they exchange what they have. */
template <typename X, bool FOUR_BITS> static __global__ void __launch_bounds__(THREADS) quantize(const convert_args a) {
    gpu_begin();
    enum { EACH = THREADS / 32, BYTES = FOUR_BITS ? 18 : 34 };
    int64_t total = a.rows.count * a.items;
    int lane = (int)threadIdx.x % 32;
    for (int64_t first = (int64_t)blockIdx.x * EACH; first < total; first += (int64_t)gridDim.x * EACH) {
        int64_t item = first + threadIdx.x / 32, at[2] = {0, 0};
        bool there = item < total;
        int64_t row = there ? gpu_divide(item, a.items) : 0, b = there ? item - row * a.items : 0;
        a.rows.offsets(row, at);
        float x = there ? X::get(((const typename X::storage *)a.x)[at[1] + b * 32 + lane]) : 0.0f;
        uint8_t *block = (uint8_t *)a.y + (at[0] / 32 + b) * BYTES;
        if (FOUR_BITS)
            gpu_quantize_q4_0(x, block, there);
        else
            gpu_quantize_q8_0(x, block, there);
    }
}

template <typename Y, typename W> static __global__ void __launch_bounds__(THREADS) dequantize(const convert_args a) {
    gpu_begin();
    int64_t total = a.rows.count * a.n, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.n), i = item - row * a.n, at[2];
        a.rows.offsets(row, at);
        ((typename Y::storage *)a.y)[at[0] + i] = Y::put(W::in_row((const uint8_t *)a.x, at[1] + i));
    }
}

static int launch_blocks(hdi_gpu_queue *queue, convert_args a) {
    if (gpu_block_elements(a.from) > 1) {
        int64_t blocks = gpu_blocks(queue, a.rows.count * a.n, THREADS);
        return gpu_with_float(a.to, [&](auto t) {
            typedef decltype(t) Y;
            return a.from == HD_DTYPE_Q8_0 ? gpu_launch_early(queue, (dequantize<Y, gpu_q8_0_weight>), blocks, THREADS, 0, a)
                                           : gpu_launch_early(queue, (dequantize<Y, gpu_q4_0_weight>), blocks, THREADS, 0, a);
        });
    }
    a.items = a.n / 32;
    int64_t blocks = gpu_blocks(queue, a.rows.count * a.items, THREADS / 32);
    return gpu_with_float(a.from, [&](auto t) {
        typedef decltype(t) X;
        return a.to == HD_DTYPE_Q8_0 ? gpu_launch_early(queue, (quantize<X, false>), blocks, THREADS, 0, a)
                                     : gpu_launch_early(queue, (quantize<X, true>), blocks, THREADS, 0, a);
    });
}

static bool is_float(int dtype) { return dtype == HD_DTYPE_F32 || dtype == HD_DTYPE_F16 || dtype == HD_DTYPE_BF16; }

template <typename Y, typename X> static int launch_packs(hdi_gpu_queue *queue, convert_args a) {
    a.items = (a.n + 7) / 8;
    return gpu_launch_early(queue, (convert_packs<Y, X>), gpu_blocks(queue, a.rows.count * a.items, THREADS), THREADS, 0, a);
}

int hdi_convert_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    int to = call->operand[0].dtype, from = call->operand[1].dtype;
    bool blocks = gpu_block_elements(to) > 1 || gpu_block_elements(from) > 1;
    if (gpu_count(call->operand) == 0) return GPU(Success);
    if (to == from && !blocks) return hdi_rearrange_gpu(queue, call);
    gpu_merged<2> o(call->operand, blocks); /* blocks count in rows of whole ones */
    convert_args a = {};
    int last = o.t[0].rank - 1;
    a.rows = gpu_rows_of<2>(o.t);
    a.n = o.t[0].shape[last];
    a.y = o.t[0].data, a.x = o.t[1].data;
    a.y_step = o.t[0].stride[last], a.x_step = o.t[1].stride[last];
    a.to = to, a.from = from;
    if (blocks) return is_float(to) || is_float(from) ? launch_blocks(queue, a) : HDI_GPU_UNSUPPORTED;
    if (is_float(to) && is_float(from) && gpu_rows_aligned(&o.t[0]) && gpu_rows_aligned(&o.t[1]))
        return gpu_with_float(to, [&](auto y) {
            return gpu_with_float(from, [&](auto x) { return launch_packs<decltype(y), decltype(x)>(queue, a); });
        });
    return gpu_launch_early(queue, convert_elements, gpu_blocks(queue, a.rows.count * a.n, THREADS), THREADS, 0, a);
}

} // namespace HDI_GPU_NAMESPACE
