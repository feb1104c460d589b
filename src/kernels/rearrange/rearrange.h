/* SPDX-License-Identifier: Apache-2.0 */
/* A strided copy.
 *
 * Operands: out [...], x [...]: one plain dtype, one shape, any strides on both sides (0 in x repeats). No attributes. Variant
 * b<bytes of an element>. An item is a chunk of a row of `out` along its last dim. */
#ifndef HDI_KERNELS_REARRANGE_H
#define HDI_KERNELS_REARRANGE_H

#include "kernels/kernel.h"

#endif
