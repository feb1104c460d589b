/* SPDX-License-Identifier: Apache-2.0 */
/* The formula in double precision, for checks. */
#include "kernels/layer_norm/layer_norm.h"

#include <math.h>

#include "kernels/ref.h"

void hdi_layer_norm_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *w = &call->operand[2], *b = &call->operand[3];
    const hdi_layer_norm_attr *attr = call->attr;
    int64_t n = hdi_row_length(y);
    for (int64_t r = 0; r < hdi_row_count(y); r++) {
        int64_t xo = hdi_row_offset(x, r), yo = hdi_row_offset(y, r);
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n; i++) mean += hdi_ref_get(x, xo + i) / (double)n;
        for (int64_t i = 0; i < n; i++) variance += pow(hdi_ref_get(x, xo + i) - mean, 2) / (double)n;
        double scale = 1 / sqrt(variance + (double)attr->eps);
        for (int64_t i = 0; i < n; i++)
            hdi_ref_set(y, yo + i,
                        (hdi_ref_get(x, xo + i) - mean) * scale * hdi_ref_get(w, i) + (b->data ? hdi_ref_get(b, i) : 0));
    }
}
