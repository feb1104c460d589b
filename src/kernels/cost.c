/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/cost.h"

#include "kernels/rows.h"
#include "kernels/weights/panel.h"

int64_t hdi_operand_elements(const hdi_operand *operand) {
    int64_t n = 1;
    for (int i = 0; i < operand->rank; i++) n *= operand->shape[i];
    return n;
}

double hdi_elements_bytes(const hdi_operand *operand, int64_t n) {
    hd_dtype dtype = (hd_dtype)operand->dtype;
    return (double)n * (double)hd_dtype_block_bytes(dtype) / hd_dtype_block_elements(dtype);
}

double hdi_operand_bytes(const hdi_operand *operand) {
    int64_t n = 1;
    if (!operand->data) return 0;
    if (operand->layout == HDI_LAYOUT_PANEL)
        return (double)hdi_panel_bytes((hd_dtype)operand->dtype, hdi_row_count(operand), hdi_row_length(operand));
    for (int i = 0; i < operand->rank; i++)
        if (operand->stride[i] != 0 || operand->shape[i] == 0) n *= operand->shape[i];
    return hdi_elements_bytes(operand, n);
}

void hdi_cost_all_once(const hdi_kernel_call *call, int i, double flops, hdi_kernel_cost *cost) {
    *cost = (hdi_kernel_cost){.flops = flops * (double)hdi_operand_elements(&call->operand[i])};
    for (int k = 0; k < call->n_operands; k++) cost->bytes += hdi_operand_bytes(&call->operand[k]);
}

void hdi_kernel_cost_get(hdi_kernel_id kernel, const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    hdi_kernel_cost_of(kernel)(call, view, cost);
}
