/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/reduce/reduce.h"

#include "kernels/cost.h"
#include "kernels/rows.h"

void hdi_reduce_work(const hdi_kernel_call *call, hdi_kernel_work *work) { hdi_chunks_work(&call->operand[0], work); }

void hdi_reduce_norm_work(const hdi_kernel_call *call, hdi_kernel_work *work) { hdi_rows_work(&call->operand[0], work); }

void hdi_reduce_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, ((const hdi_reduce_attr *)call->attr)->parts + 1, cost);
}

void hdi_reduce_norm_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, ((const hdi_reduce_attr *)call->attr)->parts + 5, cost);
}
