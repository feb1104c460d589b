/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rope_table/rope_table.h"

#include "kernels/cost.h"

void hdi_rope_table_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *cos = &call->operand[0];
    work->items = cos->shape[0];
    work->grain = cos->shape[1] > 0 && cos->shape[1] < 256 ? 256 / cos->shape[1] : 1; /* two calls of libm an element */
    work->scratch = 0;
}

void hdi_rope_table_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, 4, cost);
}
