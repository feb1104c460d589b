/* SPDX-License-Identifier: Apache-2.0 */
/* Products of many rows (more than LINEAR_FEW): x is first narrowed to the 16-bit type that the weight is multiplied in, then the
 * vendor's library or our tensor-core kernel takes all of it. */
#ifndef HDI_KERNELS_LINEAR_MANY_H
#define HDI_KERNELS_LINEAR_MANY_H

#include "kernels/linear/linear_gpu.h"

namespace HDI_GPU_NAMESPACE {

/* x as products of many rows want it: rows of 16-byte multiples. */
struct linear_x {
    const void *data;
    int64_t stride; /* elements */
    int32_t rows, k, dtype;
};

struct linear_y {
    void *data;
    const void *residual; /* of y's type; or NULL. May be data */
    int64_t stride, residual_stride;
    int32_t dtype;
};

/* Whether there is any way for such weights: without one nothing needs to be narrowed. */
bool hdi_linear_takes_many(const hdi_gpu_queue *queue, int w_dtype, int layout);
/* Makes a->x, normalised where a->norm says so, what a weight of this type is multiplied with; in HDI_GPU_WORK_SCRATCH unless it
 * is that already. f32 weights keep f32, blocks take bf16. */
int hdi_linear_narrow(hdi_gpu_queue *queue, const linear_args *a, int w_dtype, linear_x *out);
/* y = x w^T + bias + residual. HDI_GPU_UNSUPPORTED leaves everything as it was. */
int hdi_linear_many(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y);
/* The same by our tensor-core kernel; always HDI_GPU_UNSUPPORTED where GPU_HAS_MMA is 0. */
int hdi_linear_mma(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y);
/* Up to three products of one x with weights of one type in one launch: for thin products (LINEAR_THIN rows), whose launches
 * would take as long as they. */
int hdi_linear_mma_several(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int count, int w_dtype, int layout,
                           const linear_y *y);
enum { LINEAR_THIN = 64 };
/* The same by wgmma and bulk copies (compute capability 9.0), for products that are not thin and give the multiprocessors enough
 * tiles. */
int hdi_linear_wgmma(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int w_dtype, int layout, const linear_y *y);
/* y = up * gate / (1 + e^-gate): bf16 gate and up, n % 4 == 0, f32 y. */
int hdi_linear_gate(hdi_gpu_queue *queue, const linear_y *gate, const linear_y *up, const linear_y *y, int64_t rows, int64_t n);

} // namespace HDI_GPU_NAMESPACE

#endif
