/* SPDX-License-Identifier: Apache-2.0 */
/* Products of activations with a weight: y = x * w^T + bias. */
#ifndef HDI_KERNELS_LINEAR_H
#define HDI_KERNELS_LINEAR_H

#include "kernels/kernel.h"

/* Operands: y [..., N], x [..., K], w [N, K], bias [N] or absent (f32, or of the dtype of x); y has the dtype of x; rows of x and
 * y strided, their last dim contiguous. Sums are f32. With k_slices 8, K is cut into 8 slices whose sums are added by a balanced
 * tree, so that a product split over devices gives the same bits. */
typedef struct hdi_linear_attr {
    int32_t k_slices; /* 1 or 8 */
} hdi_linear_attr;

#endif
