/* SPDX-License-Identifier: Apache-2.0 */
/* Products of many rows on Hopper: warpgroup products fed by bulk copies, with weights in 16 bits or in block panels that are
 * turned into f16 on their way into shared memory. linear_wgmma.cu says how. */
#ifndef HDI_KERNELS_LINEAR_WGMMA_H
#define HDI_KERNELS_LINEAR_WGMMA_H

#include "kernels/gpu/gpu.h"

namespace HDI_GPU_NAMESPACE {

enum { LINEAR_WGMMA_ROWS = 64 }; /* fewer are declined */

/* y = x w^T + bias + residual. Strides are elements from a row to the next; last dims contiguous. */
struct linear_wgmma_args {
    const void *x; /* [rows, k], f32, f16 or bf16 */
    int64_t x_stride;
    const void *w;        /* [n, k]: f16 or bf16 rows, or panels of q8_0 or q4_0 (weights/panel.h) */
    int64_t w_stride;     /* bytes from a row, or a panel, to the next */
    const void *bias;     /* [n] or NULL */
    const void *residual; /* [rows, n] of x's type, or NULL; may be y */
    void *y;              /* [rows, n] of x's type */
    int64_t residual_stride, y_stride;
    int64_t rows;
    int32_t n, k, x_dtype, w_dtype, bias_dtype;
};

/* Products of one x (that of products[0]: the same in all) with several weights of one type, x converted once. Numbers: x and w
 * take part as f16 (bf16 when w is bf16), rounded to nearest even; rows of an f32 x are first scaled by a power of two each, so
 * that their range fits f16. Sums are f32 in the order of k, 64 at a time, whatever the other rows and columns are. Block weights
 * beyond f16's range (|d q| > 65504) become infinite. Gives a GPU(Error_t), or HDI_GPU_UNSUPPORTED, and then nothing was
 * launched: another device than compute capability 9.0, fewer than LINEAR_WGMMA_ROWS rows, other types, or 16-bit weights that
 * are not aligned to 16 bytes with rows of a multiple of 16 bytes. */
int linear_wgmma(hdi_gpu_queue *queue, const linear_wgmma_args *products, int n);

} // namespace HDI_GPU_NAMESPACE

#endif
