/* SPDX-License-Identifier: Apache-2.0 */
/* Copies; libc's is as good as any. */
#include <string.h>

#include "base/memory.h"
#include "kernels/concat/concat.h"
#include "kernels/rows.h"

static void concat_chunks(const hdi_kernel_call *call, int64_t begin, int64_t end, int64_t size) {
    const hdi_operand *y = &call->operand[0];
    for (int64_t item = begin; item < end; item++) {
        hdi_chunk c = hdi_chunk_of(y, item);
        uint8_t *to = (uint8_t *)y->data + hdi_row_offset(y, c.row) * size;
        int64_t first = 0, last = 0; /* of a part in the row */
        for (int p = 1; p <= ((const hdi_concat_attr *)call->attr)->parts; p++, first = last) {
            const hdi_operand *x = &call->operand[p];
            last = first + hdi_row_length(x);
            int64_t lo = hdi_max_i64(first, c.start), hi = hdi_min_i64(last, c.start + c.count);
            if (lo >= hi) continue;
            memcpy(to + lo * size, (const uint8_t *)x->data + (hdi_row_offset(x, c.row) + lo - first) * size,
                   (size_t)((hi - lo) * size));
        }
    }
}

#define CONCAT(n)                           \
    HDI_KERNEL_BEGIN(concat, b##n) {        \
        (void)scratch;                      \
        concat_chunks(call, begin, end, n); \
    }
CONCAT(1)
CONCAT(2)
CONCAT(4)
CONCAT(8)
#undef CONCAT
