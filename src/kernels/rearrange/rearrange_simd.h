/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/rearrange/rearrange.h"
#include "kernels/rows.h"

#define REARRANGE(B, type)                                                                      \
    HDI_KERNEL_BEGIN(rearrange, B) {                                                            \
        const hdi_operand *y = &call->operand[0], *x = &call->operand[1];                       \
        int last = y->rank - 1;                                                                 \
        int64_t sy = last < 0 ? 1 : y->stride[last], sx = last < 0 ? 1 : x->stride[last];       \
        (void)scratch;                                                                          \
        for (int64_t item = begin; item < end; item++) {                                        \
            hdi_chunk c = hdi_chunk_of(y, item);                                                \
            type *to = (type *)y->data + hdi_row_offset(y, c.row) + c.start * sy;               \
            const type *from = (const type *)x->data + hdi_row_offset(x, c.row) + c.start * sx; \
            if (sx == 1 && sy == 1)                                                             \
                memcpy(to, from, (size_t)c.count * sizeof *to);                                 \
            else if (sy == 1)                                                                   \
                for (int64_t i = 0; i < c.count; i++) to[i] = from[i * sx];                     \
            else                                                                                \
                for (int64_t i = 0; i < c.count; i++) to[i * sy] = from[i * sx];                \
        }                                                                                       \
    }
REARRANGE(b1, uint8_t)
REARRANGE(b2, uint16_t)
REARRANGE(b4, uint32_t)
REARRANGE(b8, uint64_t)
#undef REARRANGE
