/* SPDX-License-Identifier: Apache-2.0 */
/* From one storage type to another.
 *
 * Operands: out [...], x [...]; one shape. Plain types: any strides. Block types (q8_0, q4_0): rows along the last dim,
 * contiguous and of whole blocks; the other side is f32, f16 or bf16. Variant `any`: the types are read at run time. An item is
 * a chunk of a row. The rules of rounding are at hdi_convert_elements. */
#ifndef HDI_KERNELS_CONVERT_H
#define HDI_KERNELS_CONVERT_H

#include "kernels/kernel.h"

/* For the operator's type rule; the kernel reads the type from its operand. */
typedef struct hdi_convert_attr {
    uint8_t out; /* hd_dtype of the result */
} hdi_convert_attr;

/* n plain elements, `sx` and `sy` apart:
 *   to a float          to nearest, ties to even, in one rounding (an integer or f64 is not rounded twice on its way to a small
 * float) float to integer    truncates and saturates; NaN gives 0 integer to integer  keeps the low bits, as C's conversions to
 * unsigned do to bool             whether it is not 0 (NaN is not) To a block type: the type's own quantisation of each block;
 * from it: scale times number, then rounded to the other side's type. */
void hdi_convert_elements(hd_dtype to, void *y, int64_t sy, hd_dtype from, const void *x, int64_t sx, int64_t n);

#endif
