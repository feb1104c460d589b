/* SPDX-License-Identifier: Apache-2.0 */
/* A few integers a step: nothing here is worth vectors, so every ISA runs the same code. */
#include "kernels/next_ids/next_ids.h"

HDI_KERNEL_BEGIN(keep_ids, i32) {
    (void)scratch;
    for (int64_t r = begin; r < end; r++) hdi_keep_ids_item(&call->operand[0], &call->operand[2], r);
}

HDI_KERNEL_BEGIN(take_ids, i32) {
    const hdi_operand *o = call->operand;
    (void)scratch;
    for (int64_t t = begin; t < end; t++) hdi_take_ids_item(&o[0], &o[1], &o[2], &o[3], t);
}
