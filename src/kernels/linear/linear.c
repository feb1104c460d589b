/* SPDX-License-Identifier: Apache-2.0 */
/* How a product divides into tasks: by bytes of weights when few rows make it bound by memory, by multiplications otherwise. */
#include "kernels/linear/linear.h"

#include "kernels/cost.h"
#include "kernels/linear/linear_scratch.h"

enum { TASK_NS = 5000 }; /* a task worth handing to a thread */

void hdi_linear_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    const hdi_operand *x = &call->operand[1], *w = &call->operand[2];
    hdi_linear_grid g = hdi_linear_grid_of(call);
    bool panel = w->layout == HDI_LAYOUT_PANEL;
    double weights = (double)g.k * (panel ? 32 : HDI_LINEAR_GROUP);
    double bytes = weights * (double)hd_dtype_block_bytes((hd_dtype)w->dtype) / hd_dtype_block_elements((hd_dtype)w->dtype);
    double ns = bytes / 25 + weights * (double)g.rows / 40; /* 25 GB/s, 80 GFLOP/s: a core, roughly */
    int64_t grain = (int64_t)(TASK_NS / (ns + 1)) + 1;
    if (!panel && g.rows > 1 && grain < 8) grain = 8; /* a task converts its rows of x: share that among columns */
    if (panel && g.rows == 1 && grain % 2) grain++;   /* panels are read two at a time */
    work->items = g.blocks * g.columns;
    work->grain = grain;
    work->scratch = panel                      ? sizeof(hdi_linear_panel_scratch)
                    : x->dtype == HD_DTYPE_F32 ? 0
                                               : (size_t)g.rows * (size_t)hdi_align_up((size_t)g.k, 16) * sizeof(float);
}

void hdi_linear_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, 2 * (double)hdi_row_length(&call->operand[1]), cost);
}
