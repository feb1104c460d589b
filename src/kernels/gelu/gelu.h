/* SPDX-License-Identifier: Apache-2.0 */
/* Gaussian error linear unit (Hendrycks and Gimpel 2016): y = x * P(X <= x), exactly or by its approximation with tanh. */
#ifndef HDI_KERNELS_GELU_H
#define HDI_KERNELS_GELU_H

#include "kernels/kernel.h"

/* Operands: y, x; one dtype of f32, f16, bf16; one shape. */
typedef struct hdi_gelu_attr {
    bool tanh; /* the approximation 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
} hdi_gelu_attr;

#endif
