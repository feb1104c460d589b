/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on two tensors, element by element: add, mul.
 *
 * Operands: out [...], a [...], b [...]: one dtype, one shape, any strides; a stride of 0 in a or b broadcasts (operators make
 * numpy's rules into that). Computed in f32 and rounded once. No attributes. An item is a chunk of a row along the last dim.
 * In place (out is a or b) is allowed. */
#ifndef HDI_KERNELS_ELEMENTWISE_H
#define HDI_KERNELS_ELEMENTWISE_H

#include "kernels/kernel.h"

#endif
