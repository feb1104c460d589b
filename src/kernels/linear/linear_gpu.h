/* SPDX-License-Identifier: Apache-2.0 */
/* What the GPU products of few rows (1 to 16) work on: one struct for a product alone and for the groups around it.
 *
 * A task is a pair of rows of weights and all rows of x. Which two rows, says the kind: neighbours for a plain product, gate and
 * up of one column for swiglu, the two dims that a rotation turns for q and k. So whoever has summed a pair can finish it alone:
 * biases, residual, gate or rotation, and the write into y or the cache. Groups have x and y in f32. */
#ifndef HDI_KERNELS_LINEAR_GPU_H
#define HDI_KERNELS_LINEAR_GPU_H

#include "kernels/gpu/element.h"
#include "kernels/gpu/reduce.h"
#include "kernels/linear/linear.h"

namespace HDI_GPU_NAMESPACE {

enum { LINEAR_THREADS = 256, LINEAR_WARPS = LINEAR_THREADS / GPU_LANES, LINEAR_FEW = 16 };

enum linear_kind { LINEAR_PLAIN, LINEAR_SWIGLU, LINEAR_QKV };

/* One weight [n, k]. */
struct linear_part {
    const char *w;
    int64_t stride; /* bytes from a row to the next, or from a panel to the next */
    const void *bias;
    int32_t bias_dtype;
    int32_t n;
};

/* A paged cache [pages, page, heads, d], strides in elements. */
struct linear_cache {
    void *data;
    int64_t page_stride, place_stride, head_stride, slots;
    int32_t page, dtype;
};

/* What q, k and v go through after their products. */
struct linear_rotary {
    const float *cos, *sin; /* [rows, r] */
    int64_t cos_stride, sin_stride;
    const int32_t *slots;
    int64_t slots_stride, q_head_stride;
    linear_cache cache[2]; /* k, v */
    float *raw[3];         /* where q, k and v go as they are, for a pass that finishes them; NULL: they are finished here */
    int64_t raw_stride[3];
    int32_t d, r;
    bool interleaved;
};

struct linear_args {
    linear_part part[3];                         /* the product's weight; gate, up; q, k, v */
    const void *x;                               /* rows of k elements */
    void *y;                                     /* q's rows, where there are q, k and v */
    const void *residual;                        /* of y's type; or NULL. May be y */
    const float *norm;                           /* the weight of an rms_norm of x before the product; or NULL */
    int64_t x_stride, y_stride, residual_stride; /* elements from a row to the next */
    int64_t tasks, items;                        /* pairs of rows; what a block of threads takes at a time */
    int64_t step;                                /* blocks of threads that the items are dealt to, in turn */
    float eps;
    int32_t k, rows, kind, x_dtype, y_dtype;
    linear_rotary rotary;
};

/* The two rows of a task. */
struct linear_pair {
    int32_t part_a, part_b, row_a, row_b; /* row_b < 0: there is none */
};

static __device__ __forceinline__ linear_pair linear_pair_of(const linear_args &a, int64_t task) {
    int32_t t = (int32_t)task;
    if (a.kind == LINEAR_SWIGLU) return {0, 1, t, t};
    if (a.kind == LINEAR_PLAIN) return {0, 0, 2 * t, 2 * t + 1 < a.part[0].n ? 2 * t + 1 : -1};
    int32_t part = 0;
    for (; part < 2 && t >= a.part[part].n / 2; part++) t -= a.part[part].n / 2;
    if (part == 2 || a.rotary.interleaved || a.rotary.raw[0]) return {part, part, 2 * t, 2 * t + 1};
    int32_t half = a.rotary.d / 2, r = a.rotary.r, head = t / half, j = t - head * half, base = head * a.rotary.d;
    if (j < r) return {part, part, base + j, base + j + r};
    return {part, part, base + 2 * j, base + 2 * j + 1}; /* dims that do not turn */
}

static __device__ __forceinline__ float linear_get(const void *p, int64_t i, int dtype) {
    if (dtype == HD_DTYPE_F32) return ((const float *)p)[i];
    uint16_t h = ((const uint16_t *)p)[i];
    return dtype == HD_DTYPE_F16 ? gpu_f16_to_f32(h) : gpu_bf16_to_f32(h);
}

static __device__ __forceinline__ void linear_put(void *p, int64_t i, int dtype, float v) {
    if (dtype == HD_DTYPE_F32)
        ((float *)p)[i] = v;
    else
        ((uint16_t *)p)[i] = dtype == HD_DTYPE_F16 ? gpu_f32_to_f16(v) : gpu_f32_to_bf16(v);
}

static __device__ __forceinline__ float linear_biased(const linear_part &part, int32_t row, float sum) {
    return part.bias ? sum + linear_get(part.bias, row, part.bias_dtype) : sum;
}

static __device__ __forceinline__ void linear_store(const linear_args &a, int64_t m, int32_t column, float v) {
    if (a.residual) v += linear_get(a.residual, m * a.residual_stride + column, a.y_dtype);
    linear_put(a.y, m * a.y_stride + column, a.y_dtype, v);
}

/* Puts dims i and j of a head where row m's key or value belongs. */
static __device__ __forceinline__ void linear_cache_pair(const linear_rotary &t, const linear_cache &c, int64_t m, int32_t head,
                                                         int32_t i, int32_t j, float u, float v) {
    int64_t slot = t.slots[m * t.slots_stride];
    if (slot < 0 || slot >= c.slots) return;
    int64_t at = slot / c.page * c.page_stride + slot % c.page * c.place_stride + head * c.head_stride;
    linear_put(c.data, at + i, c.dtype, u);
    linear_put(c.data, at + j, c.dtype, v);
}

/* From q, k or v with its bias to where it belongs: rows row_a and row_b of its weight are dims of one head. */
static __device__ __forceinline__ void linear_finish_qkv(const linear_args &a, const linear_pair &p, int64_t m, float u,
                                                         float v) {
    const linear_rotary &t = a.rotary;
    int32_t head = p.row_a / t.d, i = p.row_a - head * t.d, j = p.row_b - head * t.d;
    int32_t angle = t.interleaved ? i / 2 : i;
    if (p.part_a < 2 && angle < t.r && (t.interleaved || j == i + t.r)) {
        float c = t.cos[m * t.cos_stride + angle], s = t.sin[m * t.sin_stride + angle], x = u;
        u = x * c - v * s;
        v = v * c + x * s;
    }
    if (p.part_a == 0) {
        float *q = (float *)a.y + m * a.y_stride + head * t.q_head_stride;
        q[i] = u;
        q[j] = v;
    } else {
        linear_cache_pair(t, t.cache[p.part_a - 1], m, head, i, j, u, v);
    }
}

/* Finishes row m of a pair whose products are u and v. */
static __device__ __forceinline__ void linear_finish(const linear_args &a, const linear_pair &p, int64_t m, float u, float v) {
    u = linear_biased(a.part[p.part_a], p.row_a, u);
    if (p.row_b >= 0) v = linear_biased(a.part[p.part_b], p.row_b, v);
    if (a.kind == LINEAR_SWIGLU) {
        linear_store(a, m, p.row_a, v * u / (1.0f + expf(-u)));
    } else if (a.kind == LINEAR_QKV && a.rotary.raw[0]) {
        float *to = a.rotary.raw[p.part_a] + m * a.rotary.raw_stride[p.part_a];
        to[p.row_a] = u;
        to[p.row_b] = v;
    } else if (a.kind == LINEAR_QKV) {
        linear_finish_qkv(a, p, m, u, v);
    } else {
        linear_store(a, m, p.row_a, u);
        if (p.row_b >= 0) linear_store(a, m, p.row_b, v);
    }
}

/* Elements k .. k + 3 of row m of x; zeros from a.k on. */
static __device__ __forceinline__ void linear_get4(const linear_args &a, int64_t m, int32_t k, float *v) {
    int64_t at = m * a.x_stride + k;
    const float *x = (const float *)a.x + at;
    if (a.x_dtype == HD_DTYPE_F32 && k + 4 <= a.k && ((uintptr_t)x & 15) == 0) {
        float4 all = *(const float4 *)x;
        v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w;
        return;
    }
    for (int i = 0; i < 4; i++) v[i] = k + i < a.k ? linear_get(a.x, at + i, a.x_dtype) : 0.0f;
}

/* Waits for nothing: what a launch of its own passes as `wait`. The persistent kernel waits for the step that makes x there, when
 * the first weights are already on their way. */
struct linear_no_wait {
    __device__ __forceinline__ void operator()() const {}
};

/* What finishes q, k and v whose products lie in rotary.raw: the norms of heads, rotation, the cache. */
struct linear_heads {
    linear_args all;
    const float *norm[2]; /* of q's and k's heads; or NULL */
    float eps[2];
    bool biased; /* raw has the biases already */
};

/* ---- on the host ---- */

/* Elements from a row of `t` to the next, when that is one number for all of them. */
bool hdi_linear_row_stride(const hdi_operand *t, int64_t *out);
/* Fills a part from the weight and bias of a product. */
bool hdi_linear_fill_part(linear_part *part, const hdi_kernel_call *linear);
/* Fills the parts that a product has in all groups. False when the rows of x, y or w have no single stride. */
bool hdi_linear_fill(linear_args *a, const hdi_kernel_call *linear);
/* Products of at most LINEAR_FEW rows. HDI_GPU_UNSUPPORTED: by hdi_linear_any. */
int hdi_linear_few(hdi_gpu_queue *queue, linear_args *a, int w_dtype, int layout);
/* Finishes q, k and v, any number of rows. */
int hdi_linear_finish_heads(hdi_gpu_queue *queue, const linear_heads *heads);
/* A product, with its residual, of any number of rows; a norm before it only where y is all that it writes. HDI_GPU_UNSUPPORTED
 * leaves y as it was. */
int hdi_linear_rows(hdi_gpu_queue *queue, linear_args *a, int w_dtype, int layout);
/* Products of any rows, types and alignment, tile by tile. */
int hdi_linear_any(hdi_gpu_queue *queue, const hdi_kernel_call *linear);

} // namespace HDI_GPU_NAMESPACE

#endif
