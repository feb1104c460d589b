/* SPDX-License-Identifier: Apache-2.0 */
/* The formula in double precision, for checks. */
#include <math.h>

#include "kernels/ref.h"
#include "kernels/rms_norm/rms_norm.h"

void hdi_rms_norm_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *w = &call->operand[2];
    const hdi_rms_norm_attr *attr = call->attr;
    int64_t n = hdi_row_length(y);
    for (int64_t r = 0; r < hdi_row_count(y); r++) {
        int64_t xo = hdi_row_offset(x, r), yo = hdi_row_offset(y, r);
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += hdi_ref_get(x, xo + i) * hdi_ref_get(x, xo + i);
        double scale = 1 / sqrt(sum / (double)n + (double)attr->eps);
        for (int64_t i = 0; i < n; i++) hdi_ref_set(y, yo + i, hdi_ref_get(x, xo + i) * scale * hdi_ref_get(w, i));
    }
}
