/* SPDX-License-Identifier: Apache-2.0 */
/* From one storage type to another.
 *
 * Operands: out [...], x [...]; one shape. Plain types: any strides. Block types (q8_0, q4_0): rows along the last dim,
 * contiguous and of whole blocks; the other side is f32, f16 or bf16. No attributes. Variant `any`: the types are read at run
 * time. An item is a chunk of a row. to a float       nearest, ties to even, in one rounding (an integer or f64 is not rounded
 * twice on its way to a small float) float to integer truncates and saturates; NaN gives 0 integer to integer keeps the low bits,
 * as C's conversions to unsigned do to bool          whether it is not 0 (NaN is not) to a block type  the type's own
 * quantisation of each block; from it: scale times number, then rounded to the other side's type */
#ifndef HDI_KERNELS_CONVERT_H
#define HDI_KERNELS_CONVERT_H

#include "kernels/kernel.h"

/* n plain elements, `sx` and `sy` apart: the rules above, element by element. */
void hdi_convert_elements(hd_dtype to, void *y, int64_t sy, hd_dtype from, const void *x, int64_t sx, int64_t n);

#endif
