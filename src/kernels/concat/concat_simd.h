/* SPDX-License-Identifier: Apache-2.0 */
/* Copies; libc's is as good as any, where caches are wanted. */
#include <string.h>

#include "base/memory.h"
#include "kernels/concat/concat.h"
#include "kernels/rows.h"

/* Lines that another core has read cost it an answer each before they are written here again; what goes to memory past the caches
 * does not. */
static void concat_copy(uint8_t *to, const uint8_t *from, size_t bytes, bool streamed) {
    if (!streamed) {
        memcpy(to, from, bytes);
        return;
    }
    size_t head = (size_t)(-(uintptr_t)to % VB_STREAM), i = head < bytes ? head : bytes;
    memcpy(to, from, i);
    for (; i + VB_STREAM <= bytes; i += VB_STREAM) vb_stream(to + i, from + i);
    memcpy(to + i, from + i, bytes - i);
}

static void concat_chunks(const hdi_kernel_call *call, int64_t begin, int64_t end, int64_t size) {
    const hdi_operand *y = &call->operand[0];
    const hdi_concat_attr *attr = call->attr;
    for (int64_t item = begin; item < end; item++) {
        hdi_chunk c = hdi_chunk_of(y, item);
        uint8_t *to = (uint8_t *)y->data + hdi_row_offset(y, c.row) * size;
        int64_t first = 0, last = 0; /* of a part in the row */
        for (int p = 1; p <= attr->parts; p++, first = last) {
            const hdi_operand *x = &call->operand[p];
            last = first + hdi_row_length(x);
            int64_t lo = hdi_max_i64(first, c.start), hi = hdi_min_i64(last, c.start + c.count);
            if (lo >= hi) continue;
            concat_copy(to + lo * size, (const uint8_t *)x->data + (hdi_row_offset(x, c.row) + lo - first) * size,
                        (size_t)((hi - lo) * size), attr->streamed);
        }
    }
    if (attr->streamed) vb_stream_end();
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
