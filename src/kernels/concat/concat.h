/* SPDX-License-Identifier: Apache-2.0 */
/* Values side by side along their last dim. */
#ifndef HDI_KERNELS_CONCAT_H
#define HDI_KERNELS_CONCAT_H

#include "kernels/kernel.h"

enum { HDI_CONCAT_PARTS = 8 };

/* Operands: y [..., n]; part 0 .. part 7 [..., n_i], n the sum of the n_i, any of which may be 0; those from `parts` on absent.
 * One plain type of 1, 2, 4 or 8 bytes, whose bits are copied (variants b1 b2 b4 b8); last dims contiguous, the others strided.
 * An item is a chunk of a row of y (kernels/rows.h): the logits of one token are one long row. */
typedef struct hdi_concat_attr {
    int32_t parts;    /* 1 to HDI_CONCAT_PARTS */
    int32_t streamed; /* not 0: y is written past the caches where the CPU can, for others to read: same bits */
} hdi_concat_attr;

#endif
