/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/next_ids/next_ids.h"

#include "kernels/cost.h"

enum { GRAIN = 4096 };

void hdi_keep_ids_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    *work = (hdi_kernel_work){.items = call->operand[2].shape[0], .grain = GRAIN};
}

void hdi_take_ids_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    *work = (hdi_kernel_work){.items = call->operand[0].shape[0], .grain = GRAIN};
}

void hdi_keep_ids_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    *cost = (hdi_kernel_cost){.bytes = 2 * hdi_operand_bytes(&call->operand[2])};
}

/* An id read for each that is written, wherever it comes from. */
void hdi_take_ids_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    *cost = (hdi_kernel_cost){.bytes = 3 * hdi_operand_bytes(&call->operand[0])};
}
