/* SPDX-License-Identifier: Apache-2.0 */
/* Which way a product goes on a GPU. */
#include "kernels/linear/linear_many.h"
#include "kernels/weights/q4_0/q4_0.h"
#include "kernels/weights/q8_0/q8_0.h"

namespace HDI_GPU_NAMESPACE {

bool hdi_linear_row_stride(const hdi_operand *t, int64_t *out) {
    *out = 0;
    int64_t below = 0; /* elements that one step of the dim below spans in all */
    bool any = false;
    for (int i = t->rank - 2; i >= 0; i--) {
        if (t->shape[i] == 1) continue;
        if (any && t->stride[i] != below) return false;
        if (!any) *out = t->stride[i];
        any = true;
        below = t->stride[i] * t->shape[i];
    }
    return true;
}

static int64_t element_bytes(int dtype) { return dtype == HD_DTYPE_F32 ? 4 : 2; }

/* As hdi_panel_stride. */
static int64_t panel_stride(int dtype, int64_t k) {
    if (dtype == HD_DTYPE_Q8_0) return k / 32 * (int64_t)sizeof(hdi_panel_q8_0);
    if (dtype == HD_DTYPE_Q4_0) return k / 32 * (int64_t)sizeof(hdi_panel_q4_0);
    return 32 * k * element_bytes(dtype);
}

bool hdi_linear_fill_part(linear_part *part, const hdi_kernel_call *linear) {
    const hdi_operand *w = &linear->operand[2], *bias = &linear->operand[3];
    if (w->shape[0] > INT32_MAX || w->shape[1] > INT32_MAX || (bias->data && bias->stride[0] != 1)) return false;
    part->w = (const char *)w->data;
    part->n = (int32_t)w->shape[0];
    part->stride = w->layout == HDI_LAYOUT_PANEL ? panel_stride(w->dtype, w->shape[1]) : w->stride[0] * element_bytes(w->dtype);
    part->bias = bias->data;
    part->bias_dtype = bias->dtype;
    return true;
}

bool hdi_linear_fill(linear_args *a, const hdi_kernel_call *linear) {
    const hdi_operand *y = &linear->operand[0], *x = &linear->operand[1];
    *a = linear_args();
    if (hdi_row_count(y) > INT32_MAX || !hdi_linear_row_stride(x, &a->x_stride) || !hdi_linear_row_stride(y, &a->y_stride))
        return false;
    if (!hdi_linear_fill_part(&a->part[0], linear)) return false;
    a->x = x->data;
    a->y = y->data;
    a->x_dtype = x->dtype;
    a->y_dtype = y->dtype;
    a->rows = (int32_t)hdi_row_count(y);
    a->k = (int32_t)hdi_row_length(x);
    a->kind = LINEAR_PLAIN;
    a->tasks = hdi_ceil_div(a->part[0].n, 2);
    return true;
}

int hdi_linear_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *call) {
    const hdi_operand *o = call->operand;
    linear_args a;
    int error = HDI_GPU_UNSUPPORTED;
    if (hdi_row_count(o) == 0 || hdi_row_length(o) == 0) return GPU(Success);
    if (hdi_linear_fill(&a, call)) error = hdi_linear_rows(queue, &a, o[2].dtype, o[2].layout);
    return error == HDI_GPU_UNSUPPORTED && !queue->unit ? hdi_linear_any(queue, call) : error;
}

int hdi_linear_rows(hdi_gpu_queue *queue, linear_args *a, int w_dtype, int layout) {
    if (a->rows <= LINEAR_FEW) return hdi_linear_few(queue, a, w_dtype, layout);
    linear_y y = {a->y, a->residual, a->y_stride, a->residual_stride, a->y_dtype};
    linear_x x;
    if (a->k == 0 || !hdi_linear_takes_many(queue, w_dtype, layout)) return HDI_GPU_UNSUPPORTED;
    int error = hdi_linear_narrow(queue, a, w_dtype, &x);
    return error == GPU(Success) ? hdi_linear_many(queue, &x, &a->part[0], w_dtype, layout, &y) : error;
}

} // namespace HDI_GPU_NAMESPACE
