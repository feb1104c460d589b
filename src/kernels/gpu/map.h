/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels that compute each element of the result from the elements at its place: packs of 16 bytes where memory allows, else
 * single elements at any strides. Limited by memory: each operand is moved once. */
#ifndef HDI_KERNELS_GPU_MAP_H
#define HDI_KERNELS_GPU_MAP_H

#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"

namespace HDI_GPU_NAMESPACE {

enum { GPU_MAP_THREADS = 256 };

/* The result is operand 0. */
template <int N> struct gpu_map_operands {
    gpu_rows<N> rows;
    int64_t n, packs; /* elements and packs of a row */
    void *data[N];
    int64_t step[N]; /* between elements of a row; packs have 1, or 0 in inputs that repeat one */
};

template <typename T, int N, int E, bool VECTOR, typename F>
static __global__ void __launch_bounds__(GPU_MAP_THREADS) gpu_map_kernel(const gpu_map_operands<N> m) {
    gpu_begin();
    typedef typename T::storage storage;
    int64_t total = m.rows.count * m.packs, stride = (int64_t)gridDim.x * GPU_MAP_THREADS;
    for (int64_t item = (int64_t)blockIdx.x * GPU_MAP_THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, m.packs), start = (item - row * m.packs) * E, at[N];
        float v[N][E];
        m.rows.offsets(row, at);
        for (int k = 1; k < N; k++) {
            const storage *p = (const storage *)m.data[k] + at[k] + start * m.step[k];
            if (VECTOR && m.step[k] == 0)
                for (int j = 0; j < E; j++) v[k][j] = T::get(*p);
            else
                gpu_load<T, E, VECTOR>(p, m.n - start, v[k]);
        }
        for (int j = 0; j < E; j++) v[0][j] = N > 2 ? F::of(v[1][j], v[N - 1][j]) : F::of(v[1][j], 0.0f);
        gpu_store<T, E, VECTOR>((storage *)m.data[0] + at[0] + start * m.step[0], m.n - start, v[0]);
    }
}

/* Enqueues y = F::of(a, b), or F::of(a, 0) of one input, over operands of the type T and of one shape (strides of 0 repeat). */
template <typename T, int N, typename F> static inline int gpu_map(hdi_gpu_queue *queue, const hdi_operand *operand) {
    enum { E = 16 / sizeof(typename T::storage) };
    gpu_merged<N> o(operand, false);
    gpu_map_operands<N> m;
    int last = o.t[0].rank - 1;
    bool vector = true;
    m.rows = gpu_rows_of<N>(o.t);
    m.n = o.t[0].shape[last];
    for (int k = 0; k < N; k++) {
        m.data[k] = o.t[k].data;
        m.step[k] = o.t[k].stride[last];
        bool repeats = k > 0 && m.step[k] == 0;
        vector = vector && (repeats || gpu_rows_aligned(&o.t[k])) && (m.step[k] == 1 || repeats);
    }
    m.packs = vector ? (m.n + E - 1) / E : m.n;
    int64_t items = m.rows.count * m.packs, blocks = gpu_blocks(queue, items, GPU_MAP_THREADS);
    if (items == 0) return GPU(Success);
    if (vector) return gpu_launch_early(queue, (gpu_map_kernel<T, N, E, true, F>), blocks, GPU_MAP_THREADS, 0, m);
    return gpu_launch_early(queue, (gpu_map_kernel<T, N, 1, false, F>), blocks, GPU_MAP_THREADS, 0, m);
}

} // namespace HDI_GPU_NAMESPACE

#endif
