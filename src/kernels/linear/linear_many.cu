/* SPDX-License-Identifier: Apache-2.0 */
/* Products of many rows. Below some hundred rows a product is bound by memory as with few; from there on by the tensor cores,
 * which want 16-bit operands: x is narrowed once (4 bytes read, 2 written an element; the norm in the same pass), the usual
 * precision of models with 16-bit weights. Plain types go to the vendor's library, which splits k for thin products and reaches
 * the card's rate for large ones; block types, which it does not know, and all types where it is missing, to our own kernel
 * (linear_mma.cu). */
#include "kernels/linear/linear_many.h"

#include "kernels/gpu/blas.h"
#include "kernels/gpu/early.h"

namespace HDI_GPU_NAMESPACE {

/* A block a row; the row is read twice for a norm, the second time from the nearest cache. */
static __global__ void __launch_bounds__(LINEAR_THREADS) narrow_rows(const linear_args a, void *out, int64_t stride, int dtype) {
    GPU_SHARED(float, partial, GPU_MAX_WARPS);
    gpu_wait_previous();
    gpu_let_next_begin();
    int64_t m = blockIdx.x;
    float scale = 1, v[4];
    if (a.norm) {
        float sum = 0;
        for (int k = 4 * (int)threadIdx.x; k < a.k; k += 4 * LINEAR_THREADS) {
            linear_get4(a, m, k, v);
            for (int i = 0; i < 4; i++) sum = fmaf(v[i], v[i], sum);
        }
        scale = 1.0f / sqrtf(gpu_block_sum(sum, partial) / (float)a.k + a.eps);
    }
    for (int k = 4 * (int)threadIdx.x; k < stride; k += 4 * LINEAR_THREADS) {
        linear_get4(a, m, k, v);
        for (int i = 0; a.norm && i < 4; i++)
            if (k + i < a.k) v[i] = v[i] * scale * a.norm[k + i];
        if (dtype == HD_DTYPE_F32) {
            *(float4 *)((float *)out + m * stride + k) = make_float4(v[0], v[1], v[2], v[3]);
        } else {
            uint32_t h[4];
            for (int i = 0; i < 4; i++) h[i] = dtype == HD_DTYPE_F16 ? gpu_f32_to_f16(v[i]) : gpu_f32_to_bf16(v[i]);
            *(uint2 *)((uint16_t *)out + m * stride + k) = make_uint2(h[0] | h[1] << 16, h[2] | h[3] << 16);
        }
    }
}

bool hdi_linear_takes_many(const hdi_gpu_queue *queue, int w_dtype, int layout) {
    bool block = w_dtype == HD_DTYPE_Q8_0 || w_dtype == HD_DTYPE_Q4_0;
    if (layout == HDI_LAYOUT_PANEL) return block && GPU_HAS_MMA;
    return queue->blas || (w_dtype != HD_DTYPE_F32 && GPU_HAS_MMA);
}

int hdi_linear_narrow(hdi_gpu_queue *queue, const linear_args *a, int w_dtype, linear_x *out) {
    int dtype = w_dtype == HD_DTYPE_F32 || w_dtype == HD_DTYPE_F16 ? w_dtype : HD_DTYPE_BF16;
    int64_t size = dtype == HD_DTYPE_F32 ? 4 : 2, stride = hdi_ceil_div(a->k, 8) * 8;
    void *data;
    *out = {a->x, a->x_stride, a->rows, a->k, dtype};
    if (a->x_dtype == dtype && !a->norm && ((uintptr_t)a->x | (uintptr_t)(a->x_stride * size)) % 16 == 0) return GPU(Success);
    int error = queue->workspace(queue, HDI_GPU_WORK_SCRATCH, (size_t)(a->rows * stride * size), &data);
    if (error != GPU(Success)) return error;
    out->data = data;
    out->stride = stride;
    return gpu_launch_early(queue, narrow_rows, a->rows, LINEAR_THREADS, 0, *a, data, stride, dtype);
}

int hdi_linear_many(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y) {
    if (layout == HDI_LAYOUT_STRIDED && w_dtype == x->dtype && (!w->bias || w->bias_dtype == y->dtype)) {
        hdi_gpu_product p = {};
        p.x = x->data, p.w = w->w, p.bias = w->bias, p.residual = y->residual, p.y = y->data;
        p.m = x->rows, p.n = w->n, p.k = x->k;
        p.x_stride = x->stride, p.w_stride = w->stride / (w_dtype == HD_DTYPE_F32 ? 4 : 2);
        p.y_stride = y->stride, p.residual_stride = y->residual_stride;
        p.in = x->dtype, p.out = y->dtype;
        int error = hdi_gpu_blas_product(queue, &p);
        if (error != HDI_GPU_UNSUPPORTED) return error;
    }
    int error = hdi_linear_wgmma(queue, x, w, w_dtype, layout, y);
    return error == HDI_GPU_UNSUPPORTED ? hdi_linear_mma(queue, x, w, w_dtype, layout, y) : error;
}

static __global__ void __launch_bounds__(LINEAR_THREADS)
    gate_rows(const linear_y gate, const linear_y up, const linear_y y, int64_t n, int64_t pieces) {
    gpu_wait_previous();
    gpu_let_next_begin();
    int64_t row = blockIdx.x / pieces, i = (blockIdx.x % pieces * LINEAR_THREADS + threadIdx.x) * 4;
    if (i >= n) return;
    uint2 g = *(const uint2 *)((const uint16_t *)gate.data + row * gate.stride + i);
    uint2 u = *(const uint2 *)((const uint16_t *)up.data + row * up.stride + i);
    uint32_t gs[2] = {g.x, g.y}, us[2] = {u.x, u.y};
    float *to = (float *)y.data + row * y.stride + i;
    for (int j = 0; j < 4; j++) {
        float a = gpu_bf16_to_f32((uint16_t)(gs[j / 2] >> 16 * (j % 2))),
              b = gpu_bf16_to_f32((uint16_t)(us[j / 2] >> 16 * (j % 2)));
        to[j] = b * a / (1.0f + expf(-a));
    }
}

int hdi_linear_gate(hdi_gpu_queue *queue, const linear_y *gate, const linear_y *up, const linear_y *y, int64_t rows, int64_t n) {
    int64_t pieces = hdi_ceil_div(n, 4 * LINEAR_THREADS);
    return gpu_launch_early(queue, gate_rows, rows * pieces, LINEAR_THREADS, 0, *gate, *up, *y, n, pieces);
}

} // namespace HDI_GPU_NAMESPACE
