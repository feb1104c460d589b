/* SPDX-License-Identifier: Apache-2.0 */
/* Launches the products of few rows: as many blocks of threads as are resident at once, each taking items in turn, so that x is
 * made ready once a block. More rows than shared memory holds go in several launches, which read the weights again. */
#include "kernels/gpu/early.h"
#include "kernels/gpu/unit.h"
#include "kernels/linear/linear_panel_gpu.h"
#include "kernels/linear/linear_vector_gpu.h"

namespace HDI_GPU_NAMESPACE {

/* Blocks of threads a multiprocessor holds at once, by the registers that __launch_bounds__ leaves. */
enum { RESIDENT = 2 };

/* The first weights are on their way while the kernel before still makes x. */
struct wait_for_x {
    __device__ __forceinline__ void operator()() const {
        gpu_wait_previous();
        gpu_let_next_begin();
    }
};

template <typename W, int M, int U>
static __global__ void __launch_bounds__(LINEAR_THREADS, RESIDENT) few_vector(const linear_args args) {
    GPU_SHARED_DYNAMIC(shared);
    linear_vector<W, M, U>::run(args, blockIdx.x, shared, wait_for_x());
}

template <typename P, int U>
static __global__ void __launch_bounds__(LINEAR_THREADS, RESIDENT) few_panel(const linear_args args) {
    GPU_SHARED_DYNAMIC(shared);
    linear_panel<P, U>::run(args, blockIdx.x, shared, wait_for_x());
}

/* For the persistent kernel, which has the bodies of one row. */
static constexpr gpu_body body_of(f32) { return GPU_BODY_LINEAR_F32; }
static constexpr gpu_body body_of(f16) { return GPU_BODY_LINEAR_F16; }
static constexpr gpu_body body_of(bf16) { return GPU_BODY_LINEAR_BF16; }
static constexpr gpu_body body_of(linear_q8_0) { return GPU_BODY_LINEAR_Q8_0; }
static constexpr gpu_body body_of(linear_q4_0) { return GPU_BODY_LINEAR_Q4_0; }

static int describe(hdi_gpu_queue *queue, linear_args args, gpu_body body, size_t shared) {
    args.step = hdi_min_i64(args.items, (int64_t)queue->units * GPU_UNIT_RESIDENT);
    return gpu_describe(queue->unit, body, args.items, shared, args);
}

template <typename K> static int launch(hdi_gpu_queue *queue, K kernel, linear_args args, size_t shared) {
    GPU(Error_t) error = shared > 48 * 1024 ? gpu_allow_shared(kernel, shared) : GPU(Success);
    if (error != GPU(Success)) return (int)error;
    args.step = hdi_min_i64(args.items, (int64_t)queue->units * RESIDENT);
    return gpu_launch_early(queue, kernel, args.step, LINEAR_THREADS, shared, args);
}

/* Rows from, from + 1, ... of the product. */
static linear_args rows_of(const linear_args &all, int32_t from, int32_t rows) {
    linear_args a = all;
    int64_t x_bytes = a.x_dtype == HD_DTYPE_F32 ? 4 : 2, y_bytes = a.y_dtype == HD_DTYPE_F32 ? 4 : 2;
    a.x = (const char *)a.x + from * a.x_stride * x_bytes;
    a.y = (char *)a.y + from * a.y_stride * y_bytes;
    if (a.residual) a.residual = (const char *)a.residual + from * a.residual_stride * y_bytes;
    a.rows = rows;
    if (a.kind == LINEAR_QKV) {
        a.rotary.cos += from * a.rotary.cos_stride;
        a.rotary.sin += from * a.rotary.sin_stride;
        a.rotary.slots += from * a.rotary.slots_stride;
        for (int i = 0; i < 3 && a.rotary.raw[0]; i++) a.rotary.raw[i] += from * a.rotary.raw_stride[i];
    }
    return a;
}

/* Calls one(rows of a launch) until all rows are done. */
template <typename Fit, typename One> static int in_turn(hdi_gpu_queue *queue, const linear_args &all, Fit bytes, One one) {
    int32_t most = all.rows;
    while (most > 1 && bytes(most) > queue->shared_limit) most--;
    if (bytes(most) > queue->shared_limit) return HDI_GPU_UNSUPPORTED;
    for (int32_t from = 0; from < all.rows; from += most) {
        int error = one(rows_of(all, from, (int32_t)hdi_min_i64(most, all.rows - from)));
        if (error != GPU(Success)) return error;
    }
    return GPU(Success);
}

template <typename W> static int vector(hdi_gpu_queue *queue, linear_args *all) {
    all->items = hdi_ceil_div(all->tasks, LINEAR_WARPS);
    return in_turn(
        queue, *all, [&](int32_t rows) { return linear_vector_shared<W>(rows, all->k); },
        [&](const linear_args &a) {
            size_t shared = linear_vector_shared<W>(a.rows, a.k);
            if (queue->unit) return describe(queue, a, body_of(W()), shared);
            if (a.rows == 1) return launch(queue, few_vector<W, 1, 4>, a, shared);
            if (a.rows <= 4) return launch(queue, few_vector<W, 4, 4>, a, shared);
            return launch(queue, few_vector<W, 16, 2>, a, shared);
        });
}

/* U: blocks of k that a lane asks for at once when rows are few. */
template <typename B, int U> static int panels(hdi_gpu_queue *queue, linear_args *all) {
    typedef linear_panel_best<B, 2> P2;
    typedef linear_panel_best<B, 8> P8;
    typedef linear_panel_best<B, LINEAR_FEW> P16;
    auto shared = [&](int32_t rows) {
        if (rows <= 2) return linear_panel_shared<P2>(rows, all->k);
        return rows <= 8 ? linear_panel_shared<P8>(rows, all->k) : linear_panel_shared<P16>(rows, all->k);
    };
    all->items = hdi_ceil_div(all->tasks, all->kind == LINEAR_PLAIN ? 8 : 16);
    return in_turn(queue, *all, shared, [&](const linear_args &a) {
        if (queue->unit) return describe(queue, a, body_of(B()), shared(1));
        if (a.rows <= 2) return launch(queue, few_panel<P2, U>, a, shared(a.rows));
        if (a.rows <= 8) return launch(queue, few_panel<P8, U / 2>, a, shared(a.rows));
        return launch(queue, few_panel<P16, 1>, a, shared(a.rows));
    });
}

/* Whether 16-byte loads of every row are aligned and inside it. */
static bool aligned(const linear_args *a, int64_t element) {
    int parts = a->kind == LINEAR_PLAIN ? 1 : a->kind == LINEAR_SWIGLU ? 2 : 3;
    if (a->k * element % 16 != 0) return false;
    for (int i = 0; i < parts; i++)
        if (((uintptr_t)a->part[i].w | (uintptr_t)a->part[i].stride) % 16 != 0) return false;
    return true;
}

/* Whether the pairs of a panel item are whole groups of 16 rows. */
static bool grouped(const linear_args *a) {
    if (a->kind != LINEAR_QKV) return true;
    if (a->rotary.raw[0]) return (a->part[0].n | a->part[1].n | a->part[2].n) % 32 == 0;
    return a->rotary.d % 32 == 0 && (a->rotary.interleaved || a->rotary.r % 16 == 0);
}

int hdi_linear_few(hdi_gpu_queue *queue, linear_args *a, int w_dtype, int layout) {
    if (a->rows > LINEAR_FEW || a->k == 0 || (queue->unit && a->rows > 1)) return HDI_GPU_UNSUPPORTED;
    if (layout == HDI_LAYOUT_PANEL) {
        if (!grouped(a)) return HDI_GPU_UNSUPPORTED;
        if (w_dtype == HD_DTYPE_Q8_0) return panels<linear_q8_0, 4>(queue, a);
        if (w_dtype == HD_DTYPE_Q4_0) return panels<linear_q4_0, 6>(queue, a);
        return HDI_GPU_UNSUPPORTED;
    }
    return gpu_with_float(w_dtype, [&](auto t) {
        typedef decltype(t) W;
        return aligned(a, (int64_t)sizeof(typename W::storage)) ? vector<W>(queue, a) : (int)HDI_GPU_UNSUPPORTED;
    });
}

} // namespace HDI_GPU_NAMESPACE
