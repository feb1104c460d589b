/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation of rows to mean 0 and variance 1 (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) * weight + bias. */
#ifndef HDI_KERNELS_LAYER_NORM_H
#define HDI_KERNELS_LAYER_NORM_H

#include "kernels/kernel.h"

/* Operands: y [..., n], x [..., n], weight [n], bias [n] or absent; one dtype of f32, f16, bf16; the last dim contiguous, the
 * others strided. An item is a row. Mean, then variance: two passes, each in the 16-lane order of simd/README.md. */
typedef struct hdi_layer_norm_attr {
    float eps;
} hdi_layer_norm_attr;

#endif
