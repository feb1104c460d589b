/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/argmax/argmax.h"

#include "kernels/cost.h"
#include "kernels/rows.h"

void hdi_argmax_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    hdi_rows_work(&call->operand[2], work);
    if (hdi_row_length(&call->operand[2]) == 0) work->items = 0; /* nothing to choose from; operators refuse it */
}

void hdi_argmax_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 2, 1, cost);
}
