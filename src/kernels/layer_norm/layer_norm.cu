/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by memory: x is read once and y written once; weight and bias stay in the cache. */
#include "kernels/gpu/row.h"
#include "kernels/layer_norm/layer_norm.h"

namespace HDI_GPU_NAMESPACE {

template <typename T, typename S>
static __global__ void __launch_bounds__(S::THREADS, 1)
    layer_norm(const gpu_rows<2> rows, typename T::storage *y, const typename T::storage *x, const typename T::storage *w,
               const typename T::storage *b, int64_t n, float eps) {
    gpu_begin();
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    GPU_SHARED(float, partial2, GPU_MAX_WARPS);
    for (int64_t row = S::first_row(); row < rows.count; row += S::row_step()) {
        gpu_row_packs<T, S> packs;
        int64_t at[2];
        float sum = 0, squares = 0;
        rows.offsets(row, at);
        packs.load(x + at[1], n);
        packs.each([&](int64_t, const float *v) {
            for (int j = 0; j < S::E; j++) sum += v[j];
        });
        float mean = S::sum(sum, partial) / (float)n;
        packs.each([&](int64_t i, const float *v) {
            for (int j = 0; j < S::E; j++) {
                float d = i + j < n ? v[j] - mean : 0.0f;
                squares = fmaf(d, d, squares);
            }
        });
        float scale = 1.0f / sqrtf(S::sum(squares, partial2) / (float)n + eps);
        packs.each([&](int64_t i, const float *v) {
            float weight[S::E], bias[S::E] = {}, out[S::E];
            gpu_load<T, S::E, S::VECTOR>(w + i, n - i, weight);
            if (b) gpu_load<T, S::E, S::VECTOR>(b + i, n - i, bias);
            for (int j = 0; j < S::E; j++) out[j] = fmaf((v[j] - mean) * scale, weight[j], bias[j]);
            gpu_store<T, S::E, S::VECTOR>(y + at[0] + i, n - i, out);
        });
        S::next_row();
    }
}

int hdi_layer_norm_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const gpu_merged<2> yx(call->operand, true);
    const hdi_operand *y = &yx.t[0], *x = &yx.t[1], *w = &call->operand[2],
                      *b = call->n_operands > 3 ? &call->operand[3] : nullptr;
    const gpu_rows<2> rows = gpu_rows_of<2>(yx.t);
    int64_t n = y->shape[y->rank - 1];
    float eps = ((const hdi_layer_norm_attr *)call->attr)->eps;
    if (b && !b->data) b = nullptr;
    bool vector = gpu_rows_aligned(y) && gpu_rows_aligned(x) && gpu_rows_aligned(w) && (!b || gpu_rows_aligned(b));
    if (rows.count == 0 || n == 0) return GPU(Success);
    return gpu_with_float(y->dtype, [&](auto t) {
        typedef decltype(t) T;
        typedef typename T::storage storage;
        return gpu_with_row_shape<T>(n, vector, [&](auto s) {
            typedef decltype(s) S;
            return gpu_launch_early(queue, (layer_norm<T, S>), gpu_blocks(queue, rows.count, S::ROWS), S::THREADS, 0, rows,
                                    (storage *)y->data, (const storage *)x->data, (const storage *)w->data,
                                    (const storage *)(b ? b->data : nullptr), n, eps);
        });
    });
}

} // namespace HDI_GPU_NAMESPACE
