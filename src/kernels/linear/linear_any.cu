/* SPDX-License-Identifier: Apache-2.0 */
/* Products of any rows, types and strides, tile by tile in f32: for what no faster kernel takes (plain panels, rows without a
 * common stride, weights at odd addresses, vendors without tensor cores in this vocabulary).
 *
 * A block of threads makes 64 x 64 of y, a thread 4 x 4. Each 16 of k, x and w come to shared memory as floats: 16 loads of
 * shared memory and 256 fma a thread and chunk, so fma and shared memory share the limit. */
#include "kernels/linear/linear_gpu.h"
#include "kernels/weights/q4_0/q4_0.h"
#include "kernels/weights/q8_0/q8_0.h"

namespace HDI_GPU_NAMESPACE {

enum { TILE = 64, DEPTH = 16, EACH = 4 };

template <typename T> struct strided {
    static __device__ __forceinline__ float get(const hdi_operand &w, int64_t, int64_t n, int64_t k) {
        return T::get(((const typename T::storage *)w.data)[n * w.stride[0] + k]);
    }
};
template <typename T> struct panel {
    static __device__ __forceinline__ float get(const hdi_operand &w, int64_t k_all, int64_t n, int64_t k) {
        return T::get(((const typename T::storage *)w.data)[(n / 32 * k_all + k) * 32 + n % 32]);
    }
};
struct panel_q8_0 {
    static __device__ __forceinline__ float get(const hdi_operand &w, int64_t k_all, int64_t n, int64_t k) {
        const hdi_panel_q8_0 *b = (const hdi_panel_q8_0 *)w.data + n / 32 * (k_all / 32) + k / 32;
        return gpu_f16_to_f32(b->d[n % 32]) * (float)b->q[k % 32 / 4][n % 32][k % 4];
    }
};
struct panel_q4_0 {
    static __device__ __forceinline__ float get(const hdi_operand &w, int64_t k_all, int64_t n, int64_t k) {
        const hdi_panel_q4_0 *b = (const hdi_panel_q4_0 *)w.data + n / 32 * (k_all / 32) + k / 32;
        int q = b->q[k % 32 / 8][n % 32][k % 4] >> (k % 8 < 4 ? 0 : 4) & 15;
        return gpu_f16_to_f32(b->d[n % 32]) * (float)(q - 8);
    }
};

template <typename W>
static __global__ void __launch_bounds__(LINEAR_THREADS)
    tiles(const hdi_operand y, const hdi_operand x, const hdi_operand w, const hdi_operand bias, int64_t columns) {
    GPU_SHARED(float, xs, DEPTH *(TILE + 4));
    GPU_SHARED(float, ws, DEPTH *(TILE + 4));
    int64_t rows = hdi_row_count(&y), n_all = hdi_row_length(&y), k_all = hdi_row_length(&x);
    int64_t m0 = blockIdx.x / columns * TILE, n0 = blockIdx.x % columns * TILE;
    int tid = (int)threadIdx.x, tm = tid / 16 * EACH, tn = tid % 16 * EACH;
    float sum[EACH][EACH] = {};
    for (int64_t k0 = 0; k0 < k_all; k0 += DEPTH) {
        for (int i = tid; i < TILE * DEPTH; i += LINEAR_THREADS) {
            int r = i / DEPTH, k = i % DEPTH;
            bool in = k0 + k < k_all;
            xs[k * (TILE + 4) + r] =
                in && m0 + r < rows ? linear_get(x.data, hdi_row_offset(&x, m0 + r) + k0 + k, x.dtype) : 0.0f;
            ws[k * (TILE + 4) + r] = in && n0 + r < n_all ? W::get(w, k_all, n0 + r, k0 + k) : 0.0f;
        }
        __syncthreads();
        float part[EACH][EACH] = {}; /* of this chunk: sums of sums stay near the truth */
        for (int k = 0; k < DEPTH; k++) {
            float a[EACH], b[EACH];
            for (int i = 0; i < EACH; i++) {
                a[i] = xs[k * (TILE + 4) + tm + i];
                b[i] = ws[k * (TILE + 4) + tn + i];
            }
            for (int i = 0; i < EACH; i++)
                for (int j = 0; j < EACH; j++) part[i][j] = fmaf(a[i], b[j], part[i][j]);
        }
        for (int i = 0; i < EACH; i++)
            for (int j = 0; j < EACH; j++) sum[i][j] += part[i][j];
        __syncthreads();
    }
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < EACH; j++) {
            int64_t m = m0 + tm + i, n = n0 + tn + j;
            if (m >= rows || n >= n_all) continue;
            float v = bias.data ? sum[i][j] + linear_get(bias.data, n * bias.stride[0], bias.dtype) : sum[i][j];
            linear_put(y.data, hdi_row_offset(&y, m) + n, y.dtype, v);
        }
}

int hdi_linear_any(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *o = call->operand;
    bool packed = o[2].layout == HDI_LAYOUT_PANEL;
    int64_t columns = hdi_ceil_div(hdi_row_length(o), TILE), blocks = hdi_ceil_div(hdi_row_count(o), TILE) * columns;
    auto launch = [&](auto kernel) {
        return (int)gpu_launch(kernel, blocks, LINEAR_THREADS, 0, queue->stream, o[0], o[1], o[2], o[3], columns);
    };
    if (packed && o[2].dtype == HD_DTYPE_Q8_0) return launch(tiles<panel_q8_0>);
    if (packed && o[2].dtype == HD_DTYPE_Q4_0) return launch(tiles<panel_q4_0>);
    return gpu_with_float(
        o[2].dtype, [&](auto t) { return packed ? launch(tiles<panel<decltype(t)>>) : launch(tiles<strided<decltype(t)>>); });
}

} // namespace HDI_GPU_NAMESPACE
