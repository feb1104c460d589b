/* SPDX-License-Identifier: Apache-2.0 */
/* The formulas in double precision, for checks. */
#include <math.h>

#include "kernels/reduce/reduce.h"
#include "kernels/ref.h"

static double sum_of(const hdi_kernel_call *call, int outputs, int64_t row, int64_t i) {
    const hdi_reduce_attr *attr = call->attr;
    const hdi_operand *in = call->operand + outputs;
    double sum = 0;
    for (int p = 0; p < attr->parts; p++) sum += hdi_ref_get(&in[p], hdi_row_offset(&in[p], row) + i);
    if (in[HDI_REDUCE_BIAS].data) sum += hdi_ref_get(&in[HDI_REDUCE_BIAS], i);
    if (in[HDI_REDUCE_RESIDUAL].data)
        sum += hdi_ref_get(&in[HDI_REDUCE_RESIDUAL], hdi_row_offset(&in[HDI_REDUCE_RESIDUAL], row) + i);
    return sum;
}

void hdi_reduce_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0];
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < hdi_row_length(y); i++) hdi_ref_set(y, hdi_row_offset(y, r) + i, sum_of(call, 1, r, i));
}

void hdi_reduce_norm_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *z = &call->operand[1], *w = &call->operand[2 + HDI_REDUCE_WEIGHT];
    int64_t n = hdi_row_length(y);
    for (int64_t r = 0; r < hdi_row_count(y); r++) {
        double squares = 0;
        for (int64_t i = 0; i < n; i++) {
            double v = sum_of(call, 2, r, i);
            hdi_ref_set(y, hdi_row_offset(y, r) + i, v);
            squares += v * v;
        }
        double scale = 1 / sqrt(squares / (double)n + (double)((const hdi_reduce_attr *)call->attr)->eps);
        for (int64_t i = 0; i < n; i++)
            hdi_ref_set(z, hdi_row_offset(z, r) + i, sum_of(call, 2, r, i) * scale * hdi_ref_get(w, i));
    }
}
