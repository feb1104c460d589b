/* SPDX-License-Identifier: Apache-2.0 */
/* The place and the value of the largest element along the last dim: the first of equals; NaN counts as largest (as in PyTorch).
 *
 * Operands: index i32 or i64 [...], value [...], x [..., n], n >= 1; value and x of one dtype; x's last dim contiguous, all else
 * strided. No attributes. An item is a row of x. */
#ifndef HDI_KERNELS_ARGMAX_H
#define HDI_KERNELS_ARGMAX_H

#include "kernels/kernel.h"

/* Elements from the start of `t` (shaped like x without its last dim) to the element of row r. */
static inline int64_t hdi_argmax_offset(const hdi_operand *t, int64_t r) {
    int64_t offset = 0;
    for (int i = t->rank - 1; i >= 0; i--) {
        offset += r % t->shape[i] * t->stride[i];
        r /= t->shape[i];
    }
    return offset;
}

#endif
