/* SPDX-License-Identifier: Apache-2.0 */
/* The table in double precision, but for the angles, which are f32 by definition. */
#include "kernels/rope_table/rope_table.h"

#include <math.h>

#include "kernels/ref.h"

void hdi_rope_table_ref(const hdi_kernel_call *call) {
    const hdi_operand *cos_out = &call->operand[0], *sin_out = &call->operand[1], *positions = &call->operand[2];
    const hdi_operand *lengths = &call->operand[3], *inv_freq = &call->operand[4];
    const hdi_rope_table_attr *attr = call->attr;
    int64_t r = inv_freq->shape[0];
    double factor = (double)attr->dynamic_factor, max = attr->dynamic_max;
    for (int64_t t = 0; t < cos_out->shape[0]; t++)
        for (int64_t j = 0; j < r; j++) {
            double f = hdi_ref_get(inv_freq, j * inv_freq->stride[0]), angle;
            double length = lengths->data ? hdi_ref_get(lengths, t * lengths->stride[0]) : 0;
            float position = (float)hdi_ref_get(positions, t * positions->stride[0]);
            angle = (double)(position * (float)f);
            if (factor != 0 && length > max) {
                double base = (double)attr->dynamic_base *
                              pow(factor * length / max - (factor - 1), 2.0 * (double)r / (2.0 * (double)r - 2));
                angle = (double)position * pow(base, -2.0 * (double)j / (2.0 * (double)r));
            }
            hdi_ref_set(cos_out, t * cos_out->stride[0] + j, cos(angle) * (double)attr->attention_scale);
            hdi_ref_set(sin_out, t * sin_out->stride[0] + j, sin(angle) * (double)attr->attention_scale);
        }
}
