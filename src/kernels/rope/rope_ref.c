/* SPDX-License-Identifier: Apache-2.0 */
/* The rotation in double precision, for checks. */
#include "kernels/rope/rope.h"

#include "kernels/ref.h"

void hdi_rope_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1], *cos = &call->operand[2], *sin = &call->operand[3];
    const hdi_rope_attr *attr = call->attr;
    int64_t r = cos->shape[1];
    for (int64_t row = 0; row < hdi_row_count(y); row++) {
        int64_t yo = hdi_row_offset(y, row), xo = hdi_row_offset(x, row), t = row / y->shape[1];
        for (int64_t j = 0; j < r; j++) {
            int64_t p = attr->interleaved ? 2 * j : j, q = attr->interleaved ? 2 * j + 1 : j + r;
            double a = hdi_ref_get(x, xo + p), b = hdi_ref_get(x, xo + q);
            double c = hdi_ref_get(cos, t * cos->stride[0] + j), s = hdi_ref_get(sin, t * sin->stride[0] + j);
            hdi_ref_set(y, yo + p, a * c - b * s);
            hdi_ref_set(y, yo + q, b * c + a * s);
        }
        for (int64_t i = 2 * r; i < y->shape[2]; i++) hdi_ref_set(y, yo + i, hdi_ref_get(x, xo + i));
    }
}
