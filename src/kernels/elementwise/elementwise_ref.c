/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element in double precision, for checks. */
#include "kernels/elementwise/elementwise.h"

#include "kernels/ref.h"

static void each(const hdi_kernel_call *call, bool multiply) {
    const hdi_operand *y = &call->operand[0], *a = &call->operand[1], *b = &call->operand[2];
    int64_t n = hdi_row_length(y), last = y->rank - 1;
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < n; i++) {
            double p = hdi_ref_get(a, hdi_row_offset(a, r) + (y->rank ? i * a->stride[last] : 0));
            double q = hdi_ref_get(b, hdi_row_offset(b, r) + (y->rank ? i * b->stride[last] : 0));
            hdi_ref_set(y, hdi_row_offset(y, r) + i, multiply ? p * q : p + q);
        }
}

void hdi_add_ref(const hdi_kernel_call *call) { each(call, false); }
void hdi_mul_ref(const hdi_kernel_call *call) { each(call, true); }
