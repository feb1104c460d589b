/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: x is read once and y written once; only rows beyond the registers of a block are read again. */
#include "kernels/gpu/row.h"
#include "kernels/softmax/softmax.h"

namespace HDI_GPU_NAMESPACE {

template <typename T, typename S>
static __global__ void __launch_bounds__(S::THREADS, 1)
    softmax(const gpu_rows<2> rows, typename T::storage *y, const typename T::storage *x, int64_t n) {
    gpu_begin();
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    GPU_SHARED(float, partial2, GPU_MAX_WARPS);
    for (int64_t row = S::first_row(); row < rows.count; row += S::row_step()) {
        gpu_row_packs<T, S> packs;
        int64_t at[2];
        float top = -INFINITY, sum = 0;
        rows.offsets(row, at);
        packs.load(x + at[1], n);
        packs.each([&](int64_t i, const float *v) {
            for (int j = 0; j < S::E; j++)
                if (i + j < n) top = fmaxf(top, v[j]); /* passes over NaN */
        });
        top = S::max(top, partial);
        float from = top == -INFINITY ? 0.0f : top; /* nothing but -infinity: all exponentials are zero */
        packs.each([&](int64_t i, float *v) {
            for (int j = 0; j < S::E; j++) {
                v[j] = i + j < n ? expf(v[j] - from) : 0.0f;
                sum += v[j];
            }
        });
        sum = S::sum(sum, partial2);
        float scale = sum == 0.0f ? 0.0f : 1.0f / sum;
        packs.each([&](int64_t i, const float *v) {
            float out[S::E];
            for (int j = 0; j < S::E; j++) out[j] = (S::KEEP ? v[j] : expf(v[j] - from)) * scale;
            gpu_store<T, S::E, S::VECTOR>(y + at[0] + i, n - i, out);
        });
        S::next_row();
    }
}

int hdi_softmax_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const gpu_merged<2> yx(call->operand, true);
    const hdi_operand *y = &yx.t[0], *x = &yx.t[1];
    const gpu_rows<2> rows = gpu_rows_of<2>(yx.t);
    int64_t n = y->shape[y->rank - 1];
    bool vector = gpu_rows_aligned(y) && gpu_rows_aligned(x);
    if (rows.count == 0 || n == 0) return GPU(Success);
    return gpu_with_float(y->dtype, [&](auto t) {
        typedef decltype(t) T;
        typedef typename T::storage storage;
        return gpu_with_row_shape<T>(n, vector, [&](auto s) {
            typedef decltype(s) S;
            return gpu_launch_early(queue, (softmax<T, S>), gpu_blocks(queue, rows.count, S::ROWS), S::THREADS, 0, rows,
                                    (storage *)y->data, (const storage *)x->data, n);
        });
    });
}

} // namespace HDI_GPU_NAMESPACE
