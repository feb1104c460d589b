/* SPDX-License-Identifier: Apache-2.0 */
/* Bound by memory: the sum of each vector stays in registers. */
#include "kernels/reduce/reduce.h"
#include "kernels/rows.h"

/* A row of the call's operands: what is absent is NULL. */
typedef struct reduce_row {
    const float *part[HDI_REDUCE_PARTS];
    const float *bias, *residual;
    float *y;
} reduce_row;

static inline reduce_row reduce_row_of(const hdi_kernel_call *call, int outputs, int64_t row) {
    const hdi_reduce_attr *attr = call->attr;
    const hdi_operand *in = call->operand + outputs, *residual = &in[HDI_REDUCE_RESIDUAL];
    reduce_row r = {.bias = in[HDI_REDUCE_BIAS].data, .y = (float *)call->operand->data + hdi_row_offset(call->operand, row)};
    for (int p = 0; p < attr->parts; p++) r.part[p] = (const float *)in[p].data + hdi_row_offset(&in[p], row);
    if (residual->data) r.residual = (const float *)residual->data + hdi_row_offset(residual, row);
    return r;
}

/* The sum at element i, of which n are left: VF_LANES or more is a constant for whole vectors. `parts` is a constant. */
VF_INLINE void reduce_vector(const reduce_row *r, const int parts, int64_t i, int64_t n) {
    vf v[HDI_REDUCE_PARTS];
    VF_UNROLL for (int p = 0; p < parts; p++) v[p] =
        n == VF_LANES ? vf_load_f32(r->part[p] + i) : vf_load_n_f32(r->part[p] + i, n);
    VF_UNROLL for (int half = 1; half < parts; half *= 2) VF_UNROLL for (int p = 0; p + half < parts; p += 2 * half) v[p] =
        vf_add(v[p], v[p + half]);
    if (r->bias) v[0] = vf_add(v[0], vf_load_n_f32(r->bias + i, n));
    if (r->residual) v[0] = vf_add(vf_load_n_f32(r->residual + i, n), v[0]);
    if (n == VF_LANES)
        vf_store_f32(r->y + i, v[0]);
    else
        vf_store_n_f32(r->y + i, v[0], n);
}

/* Elements start .. start + count - 1 of a row. */
VF_INLINE void reduce_some(const reduce_row *row, const int parts, int64_t start, int64_t count) {
    const reduce_row r = *row; /* its own: what is stored is not it */
    int64_t i = start, end = start + count;
    for (; i + VF_LANES <= end; i += VF_LANES) reduce_vector(&r, parts, i, VF_LANES);
    if (i < end) reduce_vector(&r, parts, i, end - i);
}

static void reduce_elements(const reduce_row *r, int parts, int64_t start, int64_t count) {
    switch (parts) {
#define REDUCE_CASE(n)                   \
    case n:                              \
        reduce_some(r, n, start, count); \
        break;
        REDUCE_CASE(1)
        REDUCE_CASE(2)
        REDUCE_CASE(3)
        REDUCE_CASE(4) REDUCE_CASE(5) REDUCE_CASE(6) REDUCE_CASE(7) REDUCE_CASE(8)
#undef REDUCE_CASE
            default : break;
    }
}

HDI_KERNEL_BEGIN(reduce, f32) {
    (void)scratch;
    for (int64_t item = begin; item < end; item++) {
        hdi_chunk c = hdi_chunk_of(call->operand, item);
        reduce_row r = reduce_row_of(call, 1, c.row);
        reduce_elements(&r, ((const hdi_reduce_attr *)call->attr)->parts, c.start, c.count);
    }
}

HDI_KERNEL_BEGIN(reduce_norm, f32) {
    const hdi_reduce_attr *attr = call->attr;
    const hdi_operand *z = &call->operand[1];
    int64_t n = hdi_row_length(call->operand);
    (void)scratch;
    for (int64_t row = begin; row < end; row++) {
        reduce_row r = reduce_row_of(call, 2, row);
        reduce_elements(&r, attr->parts, 0, n);
        rms_norm_row_f32((float *)z->data + hdi_row_offset(z, row), r.y, call->operand[2 + HDI_REDUCE_WEIGHT].data, n, attr->eps);
    }
}
