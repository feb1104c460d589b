/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table picked by ids. */
#ifndef HDI_KERNELS_EMBEDDING_H
#define HDI_KERNELS_EMBEDDING_H

#include "kernels/kernel.h"

/* Operands: y [..., d], ids i32 or i64 [...], table [V, d] (strided rows or panels; any weight type). Variants <table>_<y>.
 * An id outside 0 .. V - 1 gives a row of zeros. An item is a row of y.
 *
 * A part of a table (total > 0, y f32): the table holds rows first .. first + V - 1 of one of `total` rows. An id of another part
 * gives a row of -0, which added to any number leaves its bits as they are, so that the sum over all parts is the row of the
 * whole table. */
typedef struct hdi_embedding_attr {
    int64_t first, total;
    uint8_t out; /* hd_dtype of y, for the operator's type rule: f32, or the table's type */
} hdi_embedding_attr;

#endif
