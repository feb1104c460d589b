/* SPDX-License-Identifier: Apache-2.0 */
/* A plain search, for checks. */
#include "kernels/argmax/argmax.h"

#include <math.h>

#include "kernels/ref.h"

void hdi_argmax_ref(const hdi_kernel_call *call) {
    const hdi_operand *index = &call->operand[0], *value = &call->operand[1], *x = &call->operand[2];
    int64_t n = hdi_row_length(x);
    for (int64_t r = 0; r < hdi_row_count(x) && n > 0; r++) {
        int64_t best = 0, xo = hdi_row_offset(x, r);
        for (int64_t i = 1; i < n; i++) {
            double a = hdi_ref_get(x, xo + best), b = hdi_ref_get(x, xo + i);
            if (!isnan(a) && (isnan(b) || b > a)) best = i;
        }
        hdi_ref_set(index, hdi_argmax_offset(index, r), (double)best);
        hdi_ref_set(value, hdi_argmax_offset(value, r), hdi_ref_get(x, xo + best));
    }
}
