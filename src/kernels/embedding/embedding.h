/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table picked by ids. */
#ifndef HDI_KERNELS_EMBEDDING_H
#define HDI_KERNELS_EMBEDDING_H

#include "kernels/kernel.h"

/* Operands: y [..., d], ids i32 or i64 [...], table [V, d] (strided rows or panels; any weight type). Variants <table>_<y>.
 * An id outside 0 .. V - 1 gives a row of zeros. An item is a row of y. */
typedef struct hdi_embedding_attr {
    uint8_t out; /* hd_dtype of y, for the operator's type rule: f32, or the table's type */
} hdi_embedding_attr;

#endif
