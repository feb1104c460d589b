/* SPDX-License-Identifier: Apache-2.0 */
/* Copies; libc's is as good as any. */
#include <string.h>

#include "kernels/concat/concat.h"
#include "kernels/rows.h"

static void concat_rows(const hdi_kernel_call *call, int64_t begin, int64_t end, size_t size) {
    const hdi_operand *y = &call->operand[0];
    for (int64_t row = begin; row < end; row++) {
        uint8_t *to = (uint8_t *)y->data + (size_t)hdi_row_offset(y, row) * size;
        for (int p = 1; p <= ((const hdi_concat_attr *)call->attr)->parts; p++) {
            const hdi_operand *x = &call->operand[p];
            size_t bytes = (size_t)hdi_row_length(x) * size;
            if (bytes) memcpy(to, (const uint8_t *)x->data + (size_t)hdi_row_offset(x, row) * size, bytes);
            to += bytes;
        }
    }
}

#define CONCAT(n)                         \
    HDI_KERNEL_BEGIN(concat, b##n) {      \
        (void)scratch;                    \
        concat_rows(call, begin, end, n); \
    }
CONCAT(1)
CONCAT(2)
CONCAT(4)
CONCAT(8)
#undef CONCAT
