/* SPDX-License-Identifier: Apache-2.0 */
/* The formula in double precision, for checks; weights of any type and layout. */
#include <stdlib.h>

#include "kernels/linear/linear.h"
#include "kernels/ref.h"
#include "kernels/weights/panel.h"

void hdi_linear_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *w = &call->operand[2], *bias = &call->operand[3];
    int64_t n = hdi_row_length(y), k = hdi_row_length(x);
    float *row = malloc((size_t)(k + 1) * sizeof *row);
    if (!row) abort();
    for (int64_t j = 0; j < n; j++) {
        if (w->layout == HDI_LAYOUT_PANEL)
            hdi_panel_get_row(w->data, (hd_dtype)w->dtype, k, j, row);
        else
            for (int64_t i = 0; i < k; i++) row[i] = (float)hdi_ref_get(w, j * w->stride[0] + i);
        for (int64_t r = 0; r < hdi_row_count(y); r++) {
            int64_t at = hdi_row_offset(x, r);
            double sum = 0;
            for (int64_t i = 0; i < k; i++) sum += hdi_ref_get(x, at + i) * (double)row[i];
            hdi_ref_set(y, hdi_row_offset(y, r) + j, sum + (bias->data ? hdi_ref_get(bias, j) : 0));
        }
    }
    free(row);
}
