/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/softmax/softmax.h"

#include "kernels/cost.h"
#include "kernels/rows.h"

void hdi_softmax_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    hdi_rows_work(&call->operand[0], work);
    work->scratch = (size_t)hdi_row_length(&call->operand[0]) * sizeof(float); /* the exponentials of a row, before rounding */
}

void hdi_softmax_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, 5, cost);
}
