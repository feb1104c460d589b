/* SPDX-License-Identifier: Apache-2.0 */
/* Limited by arithmetic: two functions of the math library an element, once a step; the angles need their accuracy. */
#include "kernels/gpu/dims.h"
#include "kernels/gpu/pack.h"
#include "kernels/rope_table/rope_table.h"

namespace HDI_GPU_NAMESPACE {

namespace {
enum { THREADS = 128 };

struct rope_table_args {
    float *cos, *sin;
    const void *positions, *lengths; /* lengths: NULL when nothing is scaled */
    const float *inv_freq;
    int64_t count, r, cos_token, sin_token, position_stride, length_stride, freq_stride;
    bool wide_positions, wide_lengths; /* i64 */
    hdi_rope_table_attr attr;
};
} // namespace

static __device__ __forceinline__ float number(const void *data, bool wide, int64_t i) {
    return wide ? (float)((const int64_t *)data)[i] : (float)((const int32_t *)data)[i];
}

/* The frequency that dynamic scaling gives pair j of a sequence of this length. */
static __device__ __forceinline__ float scaled_frequency(const rope_table_args &a, float length, int64_t j) {
    float stretch = a.attr.dynamic_factor * length / (float)a.attr.dynamic_max - (a.attr.dynamic_factor - 1.0f);
    float dims = (float)(2 * a.r), base = a.attr.dynamic_base * powf(stretch, dims / (dims - 2.0f));
    return 1.0f / powf(base, (float)(2 * j) / dims);
}

static __global__ void __launch_bounds__(THREADS) rope_table(const rope_table_args a) {
    gpu_begin();
    int64_t stride = (int64_t)gridDim.x * THREADS;
    for (int64_t item = (int64_t)blockIdx.x * THREADS + threadIdx.x; item < a.count; item += stride) {
        int64_t t = gpu_divide(item, a.r), j = item - t * a.r;
        float position = number(a.positions, a.wide_positions, t * a.position_stride), f = a.inv_freq[j * a.freq_stride], s, c;
        if (a.lengths) {
            float length = number(a.lengths, a.wide_lengths, t * a.length_stride);
            if (length > (float)a.attr.dynamic_max) f = scaled_frequency(a, length, j);
        }
        s = sinf(position * f);
        c = cosf(position * f);
        a.cos[t * a.cos_token + j] = c * a.attr.attention_scale;
        a.sin[t * a.sin_token + j] = s * a.attr.attention_scale;
    }
}

int hdi_rope_table_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *cos = &call->operand[0], *sin = &call->operand[1], *positions = &call->operand[2];
    const hdi_operand *lengths = &call->operand[3], *inv_freq = &call->operand[4];
    rope_table_args a = {};
    a.attr = *(const hdi_rope_table_attr *)call->attr;
    a.cos = (float *)cos->data;
    a.sin = (float *)sin->data;
    a.positions = positions->data;
    a.lengths = a.attr.dynamic_factor != 0.0f ? lengths->data : nullptr;
    a.inv_freq = (const float *)inv_freq->data;
    a.r = inv_freq->shape[0];
    a.count = cos->shape[0] * a.r;
    a.cos_token = cos->stride[0], a.sin_token = sin->stride[0], a.position_stride = positions->stride[0];
    a.length_stride = lengths->data ? lengths->stride[0] : 0, a.freq_stride = inv_freq->stride[0];
    a.wide_positions = positions->dtype == HD_DTYPE_I64;
    a.wide_lengths = lengths->data && lengths->dtype == HD_DTYPE_I64;
    if (a.count == 0) return GPU(Success);
    return gpu_launch_early(queue, rope_table, gpu_blocks(queue, a.count, THREADS), THREADS, 0, a);
}

} // namespace HDI_GPU_NAMESPACE
