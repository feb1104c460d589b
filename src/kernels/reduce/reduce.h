/* SPDX-License-Identifier: Apache-2.0 */
/* The sum of what several ranks have computed each a part of: y = residual + (sum of parts + bias), and its norm. */
#ifndef HDI_KERNELS_REDUCE_H
#define HDI_KERNELS_REDUCE_H

#include "kernels/kernel.h"

enum { HDI_REDUCE_PARTS = 8 };

/* Operands, all f32, rows of n; from row to row of a part, and of the residual, it may be further than n, always as far (some
 * columns of something wider):
 * - reduce: y [..., n]; part 0 .. part 7 [..., n], those from `parts` on absent; bias [n] or absent; residual [..., n] or absent.
 * - reduce_norm: y, z [..., n]; the same inputs; weight [n].
 *
 * Parts are added in pairs of neighbours, these in pairs, and so on, the last one waiting where it has no neighbour: 4 are
 * (0+1)+(2+3), as the slices of linear are (linear/linear.h), 3 are (0+1)+2. Then the bias is added, then the sum to the
 * residual; absent ones are not zeros, they are left out. z = rms_norm(y, weight, eps), bit for bit (on a CPU). y may be the
 * memory of the residual.
 *
 * An item of reduce is a chunk of a row (kernels/rows.h), of reduce_norm a row. */
typedef struct hdi_reduce_attr {
    int32_t parts; /* 1 to HDI_REDUCE_PARTS */
    float eps;     /* of reduce_norm */
} hdi_reduce_attr;

/* Where the operands are. */
enum { HDI_REDUCE_BIAS = HDI_REDUCE_PARTS, HDI_REDUCE_RESIDUAL, HDI_REDUCE_WEIGHT }; /* behind the outputs */

#endif
