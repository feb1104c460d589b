/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: a launch a part, in packs of 16 bytes where both sides lie so. */
#include "kernels/concat/concat.h"
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 256 };

struct copy_args {
    gpu_rows<2> rows;
    int64_t n, first; /* of a row; where it begins in a row of y */
    void *y;
    const void *x;
};
} // namespace

template <typename V> static __global__ void __launch_bounds__(THREADS) copy_part(const copy_args a) {
    gpu_begin();
    int64_t total = a.rows.count * a.n, stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < total; item += stride) {
        int64_t row = gpu_divide(item, a.n), i = item - row * a.n, at[2];
        a.rows.offsets(row, at);
        ((V *)a.y)[at[0] + a.first + i] = ((const V *)a.x)[at[1] + i];
    }
}

template <typename V> static int launch(hdi_gpu_queue *queue, const hdi_operand *y, const hdi_operand *x, int64_t first) {
    hdi_operand t[2] = {*y, *x};
    copy_args a = {};
    int last = y->rank - 1;
    t[0].shape[last] = x->shape[last];
    a.rows = gpu_rows_of<2>(t);
    a.n = x->shape[last];
    a.first = first;
    a.y = y->data;
    a.x = x->data;
    if (a.rows.count * a.n == 0) return GPU(Success);
    return gpu_launch_early(queue, copy_part<V>, gpu_blocks(queue, a.rows.count * a.n, THREADS), THREADS, 0, a);
}

/* Sizes and strides in packs of `per` elements, where everything lies so. */
static bool as_packs(hdi_operand *y, hdi_operand *x, int64_t *first, int64_t per) {
    int last = y->rank - 1;
    if (x->shape[last] % per != 0 || *first % per != 0 || !gpu_rows_aligned(y) || !gpu_rows_aligned(x)) return false;
    y->shape[last] /= per;
    x->shape[last] /= per;
    for (int d = 0; d < last; d++) {
        y->stride[d] /= per;
        x->stride[d] /= per;
    }
    *first /= per;
    return true;
}

static int copy(hdi_gpu_queue *queue, hdi_operand y, hdi_operand x, int64_t first) {
    int64_t size = gpu_block_bytes(y.dtype);
    if (as_packs(&y, &x, &first, 16 / size)) return launch<gpu_pack>(queue, &y, &x, first);
    switch (size) {
    case 1:
        return launch<uint8_t>(queue, &y, &x, first);
    case 2:
        return launch<uint16_t>(queue, &y, &x, first);
    case 4:
        return launch<uint32_t>(queue, &y, &x, first);
    case 8:
        return launch<uint64_t>(queue, &y, &x, first);
    default:
        return HDI_GPU_UNSUPPORTED;
    }
}

int hdi_concat_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0];
    int64_t first = 0;
    for (int p = 1; p <= ((const hdi_concat_attr *)call->attr)->parts; p++) {
        const hdi_operand *x = &call->operand[p];
        int error = x->shape[x->rank - 1] ? copy(queue, *y, *x, first) : GPU(Success);
        if (error != GPU(Success)) return error;
        first += x->shape[x->rank - 1];
    }
    return GPU(Success);
}

} // namespace HDI_GPU_NAMESPACE
