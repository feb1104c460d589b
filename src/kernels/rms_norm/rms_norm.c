/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/rms_norm/rms_norm.h"

#include "kernels/cost.h"
#include "kernels/rows.h"

void hdi_rms_norm_work(const hdi_kernel_call *call, hdi_kernel_work *work) { hdi_rows_work(&call->operand[0], work); }

void hdi_rms_norm_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, 4, cost);
}
