/* SPDX-License-Identifier: Apache-2.0 */
/* How threads share a row that is reduced and written (norms, softmax): a warp, a block or a wide block, each thread with packs
 * of neighbours that stay in its registers, so that memory is read once. Only the longest rows are read again. The choice depends
 * on the row's length alone: a row's bits do not depend on what else there is. */
#ifndef HDI_KERNELS_GPU_ROW_H
#define HDI_KERNELS_GPU_ROW_H

#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/gpu/reduce.h"

namespace HDI_GPU_NAMESPACE {

enum { GPU_ROW_PACKS = 4 }; /* of a thread */

template <typename T, int THREADS_, bool WARP_, bool KEEP_, bool VECTOR_> struct gpu_row_shape {
    enum {
        THREADS = THREADS_,                        /* of a block */
        GROUP = WARP_ ? (int)GPU_LANES : THREADS_, /* of a row */
        ROWS = THREADS / GROUP,                    /* of a block at a time */
        E = 16 / sizeof(typename T::storage),      /* elements of a pack */
        STEP = GROUP * E,
        KEPT = KEEP_ ? GPU_ROW_PACKS * E : 1
    };
    static const bool WARP = WARP_, KEEP = KEEP_, VECTOR = VECTOR_;

    static __device__ __forceinline__ float sum(float x, float *shared) {
        if (WARP_) return gpu_warp_sum(x);
        return gpu_block_sum(x, shared);
    }
    static __device__ __forceinline__ float max(float x, float *shared) {
        if (WARP_) return gpu_warp_max(x);
        return gpu_block_max(x, shared);
    }
    /* Between two rows of a block: who is fast must not reuse shared memory that others read. */
    static __device__ __forceinline__ void next_row() {
        if (!WARP_) __syncthreads();
    }
    static __device__ __forceinline__ int64_t first_row() { return (int64_t)blockIdx.x * ROWS + threadIdx.x / GROUP; }
    static __device__ __forceinline__ int64_t row_step() { return (int64_t)gridDim.x * ROWS; }
    static __device__ __forceinline__ int64_t first_element() { return (int64_t)(threadIdx.x % GROUP) * E; }
};

/* Calls f with the shape for rows of n elements of T. f gives a GPU(Error_t) as int. */
template <typename T, typename F> static inline int gpu_with_row_shape(int64_t n, bool vector, F f) {
    const int64_t pack = 16 / sizeof(typename T::storage) * GPU_ROW_PACKS;
    if (n <= GPU_LANES * pack)
        return vector ? f(gpu_row_shape<T, 256, true, true, true>()) : f(gpu_row_shape<T, 256, true, true, false>());
    if (n <= 256 * pack)
        return vector ? f(gpu_row_shape<T, 256, false, true, true>()) : f(gpu_row_shape<T, 256, false, true, false>());
    if (n <= 512 * pack)
        return vector ? f(gpu_row_shape<T, 512, false, true, true>()) : f(gpu_row_shape<T, 512, false, true, false>());
    return vector ? f(gpu_row_shape<T, 512, false, false, true>()) : f(gpu_row_shape<T, 512, false, false, false>());
}

/* Calls f(i, v) for each pack of a thread: elements i .. i + S::E of the row at `x`, as f32, zeros past the end. The packs of a
 * shape that keeps them are loaded first, into `kept`, and those past the end are passed over. */
template <typename T, typename S> struct gpu_row_packs {
    const typename T::storage *x;
    int64_t n;
    float kept[S::KEPT];

    __device__ __forceinline__ void load(const typename T::storage *row, int64_t length) {
        x = row;
        n = length;
        if (!S::KEEP) return;
        int64_t first = S::first_element();
        for (int c = 0; c < GPU_ROW_PACKS; c++) {
            int64_t i = first + c * S::STEP;
            if (i < n) gpu_load<T, S::E, S::VECTOR>(x + i, n - i, kept + (S::KEEP ? c * S::E : 0));
        }
    }
    template <typename F> __device__ __forceinline__ void each(F f) {
        int64_t first = S::first_element();
        if (S::KEEP) {
            for (int c = 0; c < GPU_ROW_PACKS; c++) {
                int64_t i = first + c * S::STEP;
                if (i < n) f(i, kept + (S::KEEP ? c * S::E : 0));
            }
        } else {
            for (int64_t i = first; i < n; i += S::STEP) {
                float v[S::E];
                gpu_load<T, S::E, S::VECTOR>(x + i, n - i, v);
                f(i, v);
            }
        }
    }
};

} // namespace HDI_GPU_NAMESPACE

#endif
