/* SPDX-License-Identifier: Apache-2.0 */
/* The gated linear unit with Swish (Shazeer 2020): y = up * gate / (1 + e^-gate).
 *
 * Operands: out [..., n], gate [..., n], up [..., n]; one dtype; the last dim contiguous, the others strided. No attributes. An
 * item is a chunk of a row. In place (out is gate or up) is allowed. */
#ifndef HDI_KERNELS_SWIGLU_H
#define HDI_KERNELS_SWIGLU_H

#include "kernels/kernel.h"

#endif
