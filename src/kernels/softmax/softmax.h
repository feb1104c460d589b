/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over the last dim: y = e^(x - max) / sum of e^(x - max).
 *
 * Operands: out [..., n], x [..., n]; one dtype; the last dim contiguous, the others strided. No attributes. An item is a row.
 * The sum is f32 in the 16-lane order of simd/README.md. A row of -infinity only gives zeros (a fully masked row); a NaN, or
 * +infinity, makes its whole row NaN. In place is allowed. */
#ifndef HDI_KERNELS_SOFTMAX_H
#define HDI_KERNELS_SOFTMAX_H

#include "kernels/kernel.h"

#endif
