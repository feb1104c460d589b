/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: x is read once and y written once; the weight stays in the cache. */
#include "kernels/gpu/row.h"
#include "kernels/rms_norm/rms_norm.h"

namespace HDI_GPU_NAMESPACE {

template <typename T, typename S>
static __global__ void __launch_bounds__(S::THREADS, 1)
    rms_norm(const gpu_rows<2> rows, typename T::storage *y, const typename T::storage *x, const typename T::storage *w,
             int64_t n, float eps) {
    gpu_begin();
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    for (int64_t row = S::first_row(); row < rows.count; row += S::row_step()) {
        gpu_row_packs<T, S> packs;
        int64_t at[2];
        float squares = 0;
        rows.offsets(row, at);
        packs.load(x + at[1], n);
        packs.each([&](int64_t, const float *v) {
            for (int j = 0; j < S::E; j++) squares = fmaf(v[j], v[j], squares);
        });
        float scale = 1.0f / sqrtf(S::sum(squares, partial) / (float)n + eps);
        packs.each([&](int64_t i, const float *v) {
            float weight[S::E], out[S::E];
            gpu_load<T, S::E, S::VECTOR>(w + i, n - i, weight);
            for (int j = 0; j < S::E; j++) out[j] = v[j] * scale * weight[j];
            gpu_store<T, S::E, S::VECTOR>(y + at[0] + i, n - i, out);
        });
        S::next_row();
    }
}

int hdi_rms_norm_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const gpu_merged<2> yx(call->operand, true);
    const hdi_operand *y = &yx.t[0], *x = &yx.t[1], *w = &call->operand[2];
    const gpu_rows<2> rows = gpu_rows_of<2>(yx.t);
    int64_t n = y->shape[y->rank - 1];
    float eps = ((const hdi_rms_norm_attr *)call->attr)->eps;
    bool vector = gpu_rows_aligned(y) && gpu_rows_aligned(x) && gpu_rows_aligned(w);
    if (rows.count == 0 || n == 0) return GPU(Success);
    return gpu_with_float(y->dtype, [&](auto t) {
        typedef decltype(t) T;
        typedef typename T::storage storage;
        return gpu_with_row_shape<T>(n, vector, [&](auto s) {
            typedef decltype(s) S;
            return gpu_launch_early(queue, (rms_norm<T, S>), gpu_blocks(queue, rows.count, S::ROWS), S::THREADS, 0, rows,
                                    (storage *)y->data, (const storage *)x->data, (const storage *)w->data, n, eps);
        });
    });
}

} // namespace HDI_GPU_NAMESPACE
