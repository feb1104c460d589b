/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element, for checks. */
#include "kernels/concat/concat.h"

#include <string.h>

#include "kernels/ref.h"

void hdi_concat_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0];
    size_t size = hd_dtype_block_bytes((hd_dtype)y->dtype);
    for (int64_t row = 0; row < hdi_row_count(y); row++)
        for (int64_t i = 0, p = 1, from = 0; i < hdi_row_length(y); i++, from++) {
            while (from == hdi_row_length(&call->operand[p])) p++, from = 0;
            memcpy((char *)y->data + (size_t)(hdi_row_offset(y, row) + i) * size,
                   (const char *)call->operand[p].data + (size_t)(hdi_row_offset(&call->operand[p], row) + from) * size, size);
        }
}
