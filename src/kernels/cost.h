/* SPDX-License-Identifier: Apache-2.0 */
/* What the cost functions of kernels (hdi_<op>_cost, kernels/kernel.h) are made of. */
#ifndef HDI_KERNELS_COST_H
#define HDI_KERNELS_COST_H

#include "kernels/kernel.h"

int64_t hdi_operand_elements(const hdi_operand *operand);
/* Bytes of all elements, each once: what a stride of 0 repeats counts once, packed weights as they are padded; 0 for an absent
 * operand. */
double hdi_operand_bytes(const hdi_operand *operand);
/* The same for `n` of the operand's elements: some rows of a table, say. */
double hdi_elements_bytes(const hdi_operand *operand, int64_t n);

/* The rule of most kernels: every operand once, `flops` for each element of operand `i`. */
void hdi_cost_all_once(const hdi_kernel_call *call, int i, double flops, hdi_kernel_cost *cost);

/* The call of a kernel, looked at through `view` (NULL: the host can read every operand). */
void hdi_kernel_cost_get(hdi_kernel_id kernel, const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost);

/* Where the host reads the operand's values; NULL: nowhere. */
static inline const void *hdi_cost_data(const hdi_cost_view *view, const hdi_operand *operand) {
    return view && operand->data ? view->find(view->user, operand) : operand->data;
}

#endif
