/* SPDX-License-Identifier: Apache-2.0 */
/* Both formulas in double precision, for checks. */
#include "kernels/gelu/gelu.h"

#include <math.h>

#include "kernels/ref.h"

static double gelu(double x, bool by_tanh) {
    if (by_tanh) return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    return x / 2 * (1 + erf(x / sqrt(2)));
}

void hdi_gelu_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    const hdi_gelu_attr *attr = call->attr;
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < hdi_row_length(y); i++)
            hdi_ref_set(y, hdi_row_offset(y, r) + i, gelu(hdi_ref_get(x, hdi_row_offset(x, r) + i), attr->tanh));
}
