/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/kv_write/kv_write.h"

#include "kernels/cost.h"

void hdi_kv_write_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *x = &call->operand[2];
    int64_t n = x->shape[1] * x->shape[2];
    work->items = x->shape[0];
    work->grain = n > 0 && n < 8192 ? 8192 / n : 1;
    work->scratch = 0;
}

/* Of the cache only the places that are written. */
void hdi_kv_write_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    const hdi_operand *cache = &call->operand[0], *x = &call->operand[2], *slots = &call->operand[3];
    (void)view;
    *cost = (hdi_kernel_cost){.bytes = hdi_operand_bytes(x) + hdi_operand_bytes(slots) +
                                       hdi_elements_bytes(cache, hdi_operand_elements(x))};
}
