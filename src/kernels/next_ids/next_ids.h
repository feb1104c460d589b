/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that stay on the device: a step keeps the ids that it drew, and the next one takes its tokens from them, so that nobody
 * has to wait for the host to hear of them in between.
 *
 * keep_ids: ids i32 [M] (the result), ids (the same memory: the state that changes), x i32 [R]. ids[r] = x[r] for r < R and r <
 * M; an item is one of x. take_ids: y i32 [T], given i32 [T], source i32 [T], ids i32 [M]. y[t] = ids[source[t]]; where source[t]
 * is outside 0 .. M - 1 (it is -1 where the host knows the token), given[t]. An item is one of y. Any strides. No attributes. */
#ifndef HDI_KERNELS_NEXT_IDS_H
#define HDI_KERNELS_NEXT_IDS_H

#include "kernels/kernel.h"

HDI_DEVICE_TOO static inline void hdi_keep_ids_item(const hdi_operand *ids, const hdi_operand *x, int64_t r) {
    if (r < ids->shape[0]) ((int32_t *)ids->data)[r * ids->stride[0]] = ((const int32_t *)x->data)[r * x->stride[0]];
}

HDI_DEVICE_TOO static inline void hdi_take_ids_item(const hdi_operand *y, const hdi_operand *given, const hdi_operand *source,
                                                    const hdi_operand *ids, int64_t t) {
    int64_t from = ((const int32_t *)source->data)[t * source->stride[0]];
    bool known = from < 0 || from >= ids->shape[0];
    ((int32_t *)y->data)[t * y->stride[0]] =
        known ? ((const int32_t *)given->data)[t * given->stride[0]] : ((const int32_t *)ids->data)[from * ids->stride[0]];
}

#endif
