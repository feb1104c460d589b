/* SPDX-License-Identifier: Apache-2.0 */
/* The formula in double precision, for checks. */
#include "kernels/swiglu/swiglu.h"

#include <math.h>

#include "kernels/ref.h"

void hdi_swiglu_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *gate = &call->operand[1], *up = &call->operand[2];
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < hdi_row_length(y); i++) {
            double g = hdi_ref_get(gate, hdi_row_offset(gate, r) + i), u = hdi_ref_get(up, hdi_row_offset(up, r) + i);
            hdi_ref_set(y, hdi_row_offset(y, r) + i, u * g / (1 + exp(-g)));
        }
}
