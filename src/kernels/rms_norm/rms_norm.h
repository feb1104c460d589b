/* SPDX-License-Identifier: Apache-2.0 */
/* Root mean square normalisation of rows (Zhang and Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * weight. */
#ifndef HDI_KERNELS_RMS_NORM_H
#define HDI_KERNELS_RMS_NORM_H

#include "kernels/kernel.h"

/* Operands: out [..., n], x [..., n], weight [n]; all of one dtype; the last dim contiguous, the others strided.
 * An item is a row. The sum of squares is f32, in the 16-lane order of simd/README.md. */
typedef struct hdi_rms_norm_attr {
    float eps;
} hdi_rms_norm_attr;

#endif
