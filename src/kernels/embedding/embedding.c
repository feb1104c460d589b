/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/embedding/embedding.h"

#include "kernels/cost.h"
#include "kernels/rows.h"

void hdi_embedding_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    hdi_rows_work(&call->operand[0], work);
    work->scratch = (size_t)hdi_row_length(&call->operand[0]) * sizeof(float); /* a row, where y is narrower than f32 */
}

/* Of the table only the rows that are picked. */
void hdi_embedding_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    const hdi_operand *y = &call->operand[0], *ids = &call->operand[1], *table = &call->operand[2];
    (void)view;
    *cost = (hdi_kernel_cost){.bytes = hdi_operand_bytes(y) + hdi_operand_bytes(ids) +
                                       hdi_elements_bytes(table, hdi_operand_elements(y))};
}
