/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "kernels/rope_table/rope_table.h"

static inline float rope_table_number(const hdi_operand *t, int64_t i) {
    i *= t->stride[0];
    return t->dtype == HD_DTYPE_I32 ? (float)((const int32_t *)t->data)[i] : (float)((const int64_t *)t->data)[i];
}

/* The base that dynamic scaling gives a sequence of this length, rounded as transformers' tensors of f32 are. */
static inline float rope_table_base(const hdi_rope_table_attr *attr, float length, int64_t r) {
    float stretch = attr->dynamic_factor * length / (float)attr->dynamic_max - (attr->dynamic_factor - 1.0f);
    float dims = (float)(2 * r);
    return attr->dynamic_base * powf(stretch, dims / (dims - 2.0f));
}

/* Scalar: once a step and token, and libm has the accuracy that the angles need. */
HDI_KERNEL_BEGIN(rope_table, f32) {
    const hdi_operand *cos_out = &call->operand[0], *sin_out = &call->operand[1], *positions = &call->operand[2];
    const hdi_operand *lengths = &call->operand[3], *inv_freq = &call->operand[4];
    const hdi_rope_table_attr *attr = call->attr;
    int64_t r = inv_freq->shape[0];
    (void)scratch;
    for (int64_t t = begin; t < end; t++) {
        float *c = (float *)cos_out->data + t * cos_out->stride[0], *s = (float *)sin_out->data + t * sin_out->stride[0];
        float position = rope_table_number(positions, t), base = 0.0f;
        if (attr->dynamic_factor != 0.0f && lengths->data && rope_table_number(lengths, t) > (float)attr->dynamic_max)
            base = rope_table_base(attr, rope_table_number(lengths, t), r);
        for (int64_t j = 0; j < r; j++) {
            float f = ((const float *)inv_freq->data)[j * inv_freq->stride[0]];
            if (base != 0.0f) f = 1.0f / powf(base, (float)(2 * j) / (float)(2 * r));
            c[j] = cosf(position * f) * attr->attention_scale;
            s[j] = sinf(position * f) * attr->attention_scale;
        }
    }
}
