/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory, of this device or, for what other ranks hold, of the way there: everything is read once. A row of
 * reduce_norm is a block's, which reads its own sums again for the norm. */
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/gpu/reduce.h"
#include "kernels/reduce/reduce.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct reduce_args {
    const float *part[HDI_REDUCE_PARTS];
    const float *bias, *residual, *weight;
    float *y, *z;
    int64_t part_stride[HDI_REDUCE_PARTS], residual_stride; /* from row to row; of y and z it is n */
    int64_t rows, n;
    float eps;
};
} // namespace

/* A pack of E elements of a row from element i on. */
template <int PARTS, int E, bool VECTOR>
static __device__ __forceinline__ void add_pack(const reduce_args &a, int64_t row, int64_t i, float *sum) {
    float v[PARTS][E], more[E];
    int64_t left = a.n - i;
    for (int p = 0; p < PARTS; p++) gpu_load<f32, E, VECTOR>(a.part[p] + row * a.part_stride[p] + i, left, v[p]);
    for (int half = 1; half < PARTS; half *= 2)
        for (int p = 0; p + half < PARTS; p += 2 * half)
            for (int j = 0; j < E; j++) v[p][j] += v[p + half][j];
    for (int j = 0; j < E; j++) sum[j] = v[0][j];
    if (a.bias) {
        gpu_load<f32, E, VECTOR>(a.bias + i, left, more);
        for (int j = 0; j < E; j++) sum[j] += more[j];
    }
    if (a.residual) {
        gpu_load<f32, E, VECTOR>(a.residual + row * a.residual_stride + i, left, more);
        for (int j = 0; j < E; j++) sum[j] = more[j] + sum[j];
    }
    gpu_store<f32, E, VECTOR>(a.y + row * a.n + i, left, sum);
}

template <int PARTS, bool VECTOR> static __global__ void __launch_bounds__(THREADS) reduce(const reduce_args a) {
    gpu_begin();
    enum { E = VECTOR ? 4 : 1 };
    int64_t packs = (a.n + E - 1) / E, total = a.rows * packs;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += (int64_t)gridDim.x * THREADS) {
        int64_t row = gpu_divide(item, packs), i = (item - row * packs) * E;
        float sum[E];
        add_pack<PARTS, E, VECTOR>(a, row, i, sum);
    }
}

template <int PARTS, bool VECTOR> static __global__ void __launch_bounds__(THREADS) reduce_norm(const reduce_args a) {
    gpu_begin();
    enum { E = VECTOR ? 4 : 1 };
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    for (int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
        float squares = 0;
        for (int64_t i = (int64_t)threadIdx.x * E; i < a.n; i += THREADS * E) {
            float sum[E];
            add_pack<PARTS, E, VECTOR>(a, row, i, sum);
            for (int j = 0; j < E; j++)
                if (i + j < a.n) squares = fmaf(sum[j], sum[j], squares);
        }
        float scale = 1.0f / sqrtf(gpu_block_sum(squares, partial) / (float)a.n + a.eps);
        for (int64_t i = (int64_t)threadIdx.x * E; i < a.n; i += THREADS * E) { /* a thread's own sums */
            float v[E], w[E];
            gpu_load<f32, E, VECTOR>(a.y + row * a.n + i, a.n - i, v);
            gpu_load<f32, E, VECTOR>(a.weight + i, a.n - i, w);
            for (int j = 0; j < E; j++) v[j] = v[j] * scale * w[j];
            gpu_store<f32, E, VECTOR>(a.z + row * a.n + i, a.n - i, v);
        }
        __syncthreads();
    }
}

static int64_t row_stride(const hdi_operand *t) { return t->rank > 1 ? t->stride[t->rank - 2] : 0; }

/* The operands, and whether all of them lie in packs. */
static reduce_args args_of(const hdi_kernel_call *call, int outputs, bool *vector) {
    const hdi_reduce_attr *attr = (const hdi_reduce_attr *)call->attr;
    const hdi_operand *y = &call->operand[0], *in = call->operand + outputs;
    reduce_args a = {};
    a.n = y->rank ? y->shape[y->rank - 1] : 1;
    a.rows = a.n ? gpu_count(y) / a.n : 0;
    a.eps = attr->eps;
    a.y = (float *)y->data;
    a.z = outputs > 1 ? (float *)call->operand[1].data : nullptr;
    for (int p = 0; p < attr->parts; p++) a.part[p] = (const float *)in[p].data;
    a.bias = (const float *)in[HDI_REDUCE_BIAS].data;
    a.residual = (const float *)in[HDI_REDUCE_RESIDUAL].data;
    a.weight = outputs > 1 ? (const float *)in[HDI_REDUCE_WEIGHT].data : nullptr;
    uintptr_t bits = (uintptr_t)a.y | (uintptr_t)a.z | (uintptr_t)a.bias | (uintptr_t)a.residual | (uintptr_t)a.weight;
    int64_t strides = a.n | (a.residual_stride = row_stride(&in[HDI_REDUCE_RESIDUAL]));
    for (int p = 0; p < attr->parts; p++) {
        bits |= (uintptr_t)a.part[p];
        strides |= a.part_stride[p] = row_stride(&in[p]);
    }
    *vector = bits % 16 == 0 && strides % 4 == 0;
    return a;
}

/* Calls f with the number of parts as a constant. */
template <typename F> static int with_parts(int parts, F f) {
    switch (parts) {
#define CASE(n) \
    case n:     \
        return f(std::integral_constant<int, n>());
        CASE(1)
        CASE(2)
        CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
            default : return HDI_GPU_UNSUPPORTED;
    }
}

int hdi_reduce_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    bool vector;
    const reduce_args a = args_of(call, 1, &vector);
    if (a.rows == 0 || a.n == 0) return GPU(Success);
    return with_parts(((const hdi_reduce_attr *)call->attr)->parts, [&](auto parts) {
        constexpr int P = decltype(parts)::value;
        unsigned blocks = gpu_blocks(queue, vector ? a.rows * a.n / 4 : a.rows * a.n, THREADS);
        return vector ? gpu_launch_early(queue, (reduce<P, true>), blocks, THREADS, 0, a)
                      : gpu_launch_early(queue, (reduce<P, false>), blocks, THREADS, 0, a);
    });
}

int hdi_reduce_norm_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    bool vector;
    const reduce_args a = args_of(call, 2, &vector);
    if (a.rows == 0 || a.n == 0) return GPU(Success);
    return with_parts(((const hdi_reduce_attr *)call->attr)->parts, [&](auto parts) {
        constexpr int P = decltype(parts)::value;
        return vector ? gpu_launch_early(queue, (reduce_norm<P, true>), gpu_blocks(queue, a.rows, 1), THREADS, 0, a)
                      : gpu_launch_early(queue, (reduce_norm<P, false>), gpu_blocks(queue, a.rows, 1), THREADS, 0, a);
    });
}

} // namespace HDI_GPU_NAMESPACE
