/* SPDX-License-Identifier: Apache-2.0 */
/* The Gaussian error linear unit (Hendrycks and Gimpel 2016), by erf or by the tanh approximation of the same paper. */
#ifndef HDI_KERNELS_GELU_H
#define HDI_KERNELS_GELU_H

#include "kernels/kernel.h"

/* Operands: out [..., n], x [..., n]; one dtype; the last dim contiguous, the others strided. An item is a chunk of a row.
 *   erf:  x / 2 * (1 + erf(x / sqrt 2))
 *   tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
 * In place is allowed. */
typedef struct hdi_gelu_attr {
    bool tanh;
} hdi_gelu_attr;

#endif
