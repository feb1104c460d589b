/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of one shape as few dims as their strides allow, and the places of their rows: most tensors become one long row, and a
 * kernel divides nothing to find its elements. */
#ifndef HDI_KERNELS_GPU_DIMS_H
#define HDI_KERNELS_GPU_DIMS_H

#include "kernels/gpu/early.h"
#include "kernels/gpu/gpu.h"
#include "kernels/gpu/vendor.h"

namespace HDI_GPU_NAMESPACE {

/* Bytes and elements of a block of a storage type: back ends have nothing of the program's. */
static inline int64_t gpu_block_bytes(int dtype) {
#define GPU_BLOCK_BYTES(NAME, name, bytes, elements) \
    case HD_DTYPE_##NAME:                            \
        return bytes;
    switch (dtype) { HD_DTYPE_LIST(GPU_BLOCK_BYTES) }
#undef GPU_BLOCK_BYTES
    return 1;
}

static inline int64_t gpu_block_elements(int dtype) {
#define GPU_BLOCK_ELEMENTS(NAME, name, bytes, elements) \
    case HD_DTYPE_##NAME:                               \
        return elements;
    switch (dtype) { HD_DTYPE_LIST(GPU_BLOCK_ELEMENTS) }
#undef GPU_BLOCK_ELEMENTS
    return 1;
}

/* Drops dims of one element and joins neighbours that lie as one in all of t[0 .. n), which have one shape. With `rows`, the last
 * dim stays what it is. The rank is at least 1 afterwards. */
static inline void gpu_merge_dims(hdi_operand *t, int n, bool rows) {
    int rank = t[0].rank, kept = 0;
    int64_t size[HD_MAX_DIMS + 1];
    for (int d = 0; d < rank; d++) {
        bool last = rows && d == rank - 1;
        size[kept] = t[0].shape[d];
        if (size[kept] == 1 && !last) continue;
        bool joins = kept > 0 && !last;
        for (int i = 0; i < n && joins; i++) joins = t[i].stride[kept - 1] == t[i].stride[d] * size[kept];
        if (joins) {
            size[kept - 1] *= size[kept];
            for (int i = 0; i < n; i++) t[i].stride[kept - 1] = t[i].stride[d];
            continue;
        }
        for (int i = 0; i < n; i++) t[i].stride[kept] = t[i].stride[d];
        kept++;
    }
    if (kept == 0) {
        size[0] = 1;
        for (int i = 0; i < n; i++) t[i].stride[0] = 1;
        kept = 1;
    }
    for (int i = 0; i < n; i++) {
        t[i].rank = (uint8_t)kept;
        for (int d = 0; d < kept; d++) t[i].shape[d] = size[d];
    }
}

/* How a kernel launched early begins when it has nothing to bring near first. */
static __device__ __forceinline__ void gpu_begin() {
    gpu_wait_previous();
    gpu_let_next_begin();
}

static __device__ __forceinline__ int64_t gpu_divide(int64_t a, int64_t b) {
    return ((a | b) >> 31) == 0 ? (int64_t)((uint32_t)a / (uint32_t)b) : a / b; /* 64-bit division takes long */
}

/* Elements from the start of `t` to its element `i` in row-major order. */
static __device__ __forceinline__ int64_t gpu_place(const hdi_operand &t, int64_t i) {
    int64_t offset = 0;
    for (int d = HD_MAX_DIMS - 1; d >= 0; d--) {
        if (d >= t.rank) continue;
        int64_t q = gpu_divide(i, t.shape[d]);
        offset += (i - q * t.shape[d]) * t.stride[d];
        i = q;
    }
    return offset;
}

/* Where the rows of N operands of one shape begin, in elements. */
template <int N> struct gpu_rows {
    int dims; /* before the last */
    int64_t count;
    int64_t shape[HD_MAX_DIMS - 1], stride[N][HD_MAX_DIMS - 1];

    __device__ __forceinline__ void offsets(int64_t row, int64_t *at) const {
        for (int i = 0; i < N; i++) at[i] = 0;
        for (int d = HD_MAX_DIMS - 2; d >= 0; d--) { /* all known when compiled: no memory of a thread's own */
            if (d >= dims) continue;
            int64_t q = d > 0 ? gpu_divide(row, shape[d]) : 0, index = row - q * shape[d];
            for (int i = 0; i < N; i++) at[i] += index * stride[i][d];
            row = q;
        }
    }
};

template <int N> static inline gpu_rows<N> gpu_rows_of(const hdi_operand *t) {
    gpu_rows<N> r = {};
    r.dims = t[0].rank > 0 ? t[0].rank - 1 : 0;
    r.count = 1;
    for (int d = 0; d < r.dims; d++) {
        r.shape[d] = t[0].shape[d];
        r.count *= r.shape[d];
        for (int i = 0; i < N; i++) r.stride[i][d] = t[i].stride[d];
    }
    return r;
}

/* Copies of N operands with merged dims. */
template <int N> struct gpu_merged {
    hdi_operand t[N];
    gpu_merged(const hdi_operand *from, bool rows) {
        for (int i = 0; i < N; i++) t[i] = from[i];
        gpu_merge_dims(t, N, rows);
    }
};

static inline int64_t gpu_count(const hdi_operand *t) {
    int64_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= t->shape[d];
    return n;
}

} // namespace HDI_GPU_NAMESPACE

#endif
