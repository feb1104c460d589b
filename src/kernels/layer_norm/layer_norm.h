/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation of rows (Ba, Kiros and Hinton 2016): y = (x - mean) / sqrt(variance + eps) * weight + bias. */
#ifndef HDI_KERNELS_LAYER_NORM_H
#define HDI_KERNELS_LAYER_NORM_H

#include "kernels/kernel.h"

/* Operands: out [..., n], x [..., n], weight [n], bias [n] (optional); all of one dtype; the last dim contiguous, the others
 * strided. An item is a row. Mean, then variance about it, both f32 in the 16-lane order of simd/README.md. In place is allowed.
 */
typedef struct hdi_layer_norm_attr {
    float eps;
} hdi_layer_norm_attr;

#endif
