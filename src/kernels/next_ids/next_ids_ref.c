/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/next_ids/next_ids.h"
#include "kernels/ref.h"

void hdi_keep_ids_ref(const hdi_kernel_call *call) {
    const hdi_operand *ids = &call->operand[0], *x = &call->operand[2];
    for (int64_t r = 0; r < ids->shape[0]; r++)
        if (r < x->shape[0]) hdi_ref_set(ids, r * ids->stride[0], hdi_ref_get(x, r * x->stride[0]));
}

void hdi_take_ids_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *given = &call->operand[1], *source = &call->operand[2], *ids = &call->operand[3];
    for (int64_t t = 0; t < y->shape[0]; t++) {
        double from = hdi_ref_get(source, t * source->stride[0]);
        bool drawn = from >= 0 && from < (double)ids->shape[0];
        hdi_ref_set(y, t * y->stride[0],
                    drawn ? hdi_ref_get(ids, (int64_t)from * ids->stride[0]) : hdi_ref_get(given, t * given->stride[0]));
    }
}
