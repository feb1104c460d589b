/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/embedding/embedding.h"

#include "kernels/rows.h"

void hdi_embedding_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    hdi_rows_work(&call->operand[0], work);
    work->scratch = (size_t)hdi_row_length(&call->operand[0]) * sizeof(float); /* a row, where y is narrower than f32 */
}
