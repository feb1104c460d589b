/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/gelu/gelu.h"

#include "kernels/cost.h"
#include "kernels/rows.h"

void hdi_gelu_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    hdi_chunks_work(&call->operand[0], work);
    work->grain = work->grain > 1 ? (work->grain + 1) / 2 : 1; /* an exponential an element */
}

void hdi_gelu_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, 8, cost);
}
