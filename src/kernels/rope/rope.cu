/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: x once in and once out; the table is read again by every head, from the cache. A thread turns E pairs, which
 * it alone reads and writes, so y may be x. */
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/rope/rope.h"
#include "kernels/rope/rope_gpu.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct rope_args {
    void *y;
    const void *x;
    const float *cos, *sin;
    int64_t heads, count; /* heads of a token; of all tokens */
    int64_t y_token, y_head, x_token, x_head, cos_token, sin_token;
    int64_t r, d;             /* pairs; dims of a head */
    int64_t turned, per_head; /* items that turn pairs, and all with those that copy the rest */
};
} // namespace

/* Pairs j .. j + E of the head at x. */
template <typename T, int E, bool VECTOR, bool INTERLEAVED>
static __device__ __forceinline__ void turn(typename T::storage *y, const typename T::storage *x, const float *cos,
                                            const float *sin, int64_t j, int64_t r) {
    float c[E], s[E], v[2 * E];
    int64_t left = r - j;
    gpu_load<f32, E, VECTOR>(cos + j, left, c);
    gpu_load<f32, E, VECTOR>(sin + j, left, s);
    if (INTERLEAVED) {
        gpu_load<T, 2 * E, VECTOR>(x + 2 * j, 2 * left, v);
        for (int i = 0; i < E; i++) gpu_rope_pair(v[2 * i], v[2 * i + 1], c[i], s[i]);
        gpu_store<T, 2 * E, VECTOR>(y + 2 * j, 2 * left, v);
    } else {
        gpu_load<T, E, VECTOR>(x + j, left, v);
        gpu_load<T, E, VECTOR>(x + r + j, left, v + E);
        for (int i = 0; i < E; i++) gpu_rope_pair(v[i], v[E + i], c[i], s[i]);
        gpu_store<T, E, VECTOR>(y + j, left, v);
        gpu_store<T, E, VECTOR>(y + r + j, left, v + E);
    }
}

template <typename T, int E, bool VECTOR, bool INTERLEAVED>
static __global__ void __launch_bounds__(THREADS) rope(const rope_args a) {
    gpu_begin();
    typedef typename T::storage storage;
    int64_t total = a.count * a.per_head, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.per_head), i = item - row * a.per_head;
        int64_t t = gpu_divide(row, a.heads), h = row - t * a.heads;
        storage *y = (storage *)a.y + t * a.y_token + h * a.y_head;
        const storage *x = (const storage *)a.x + t * a.x_token + h * a.x_head;
        if (i < a.turned) {
            turn<T, E, VECTOR, INTERLEAVED>(y, x, a.cos + t * a.cos_token, a.sin + t * a.sin_token, i * E, a.r);
        } else {
            for (int64_t k = 2 * a.r + (i - a.turned) * E, j = 0; j < E && k < a.d; j++, k++) y[k] = x[k];
        }
    }
}

template <typename T, int E, bool VECTOR> static int launch_rope(hdi_gpu_queue *queue, rope_args a, bool interleaved) {
    a.turned = (a.r + E - 1) / E;
    a.per_head = a.turned + (a.d - 2 * a.r + E - 1) / E;
    int64_t items = a.count * a.per_head;
    if (items == 0) return GPU(Success);
    return interleaved ? gpu_launch_early(queue, (rope<T, E, VECTOR, true>), gpu_blocks(queue, items, THREADS), THREADS, 0, a)
                       : gpu_launch_early(queue, (rope<T, E, VECTOR, false>), gpu_blocks(queue, items, THREADS), THREADS, 0, a);
}

int hdi_rope_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *cos = &call->operand[2], *sin = &call->operand[3];
    rope_args a = {};
    bool interleaved = ((const hdi_rope_attr *)call->attr)->interleaved;
    a.y = y->data;
    a.x = x->data;
    a.cos = (const float *)cos->data;
    a.sin = (const float *)sin->data;
    a.heads = y->shape[1];
    a.count = y->shape[0] * y->shape[1];
    a.y_token = y->stride[0], a.y_head = y->stride[1], a.x_token = x->stride[0], a.x_head = x->stride[1];
    a.cos_token = cos->stride[0], a.sin_token = sin->stride[0];
    a.r = cos->shape[1];
    a.d = y->shape[2];
    return gpu_with_float(y->dtype, [&](auto t) {
        typedef decltype(t) T;
        enum { E = 16 / sizeof(typename T::storage) };
        bool vector =
            a.r % E == 0 && gpu_rows_aligned(y) && gpu_rows_aligned(x) && gpu_rows_aligned(cos) && gpu_rows_aligned(sin);
        return vector ? launch_rope<T, E, true>(queue, a, interleaved) : launch_rope<T, 1, false>(queue, a, interleaved);
    });
}

} // namespace HDI_GPU_NAMESPACE
