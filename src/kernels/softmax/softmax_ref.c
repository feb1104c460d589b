/* SPDX-License-Identifier: Apache-2.0 */
/* The formula in double precision, for checks. */
#include "kernels/softmax/softmax.h"

#include <math.h>

#include "kernels/ref.h"

void hdi_softmax_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    int64_t n = hdi_row_length(y);
    for (int64_t r = 0; r < hdi_row_count(y); r++) {
        int64_t xo = hdi_row_offset(x, r), yo = hdi_row_offset(y, r);
        double max = -INFINITY, sum = 0;
        bool nan = false;
        for (int64_t i = 0; i < n; i++) {
            max = fmax(max, hdi_ref_get(x, xo + i));
            nan |= isnan(hdi_ref_get(x, xo + i)) || hdi_ref_get(x, xo + i) == INFINITY;
        }
        for (int64_t i = 0; i < n; i++) sum += exp(hdi_ref_get(x, xo + i) - max);
        for (int64_t i = 0; i < n; i++) {
            double p = max == -INFINITY ? 0 : exp(hdi_ref_get(x, xo + i) - max) / sum;
            hdi_ref_set(y, yo + i, nan ? NAN : p);
        }
    }
}
