/* SPDX-License-Identifier: Apache-2.0 */
/* Groups around products (kernels/groups.def) as few launches. What a group's steps would leave for each other is not written,
 * but for q, k and v whose heads are normalised: those lie in the steps' own memory until a second launch finishes them. */
#include "kernels/linear/linear_many.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"

namespace HDI_GPU_NAMESPACE {

static bool is_f32(const hdi_operand *t) { return t->dtype == HD_DTYPE_F32; }

/* Whether two operands of plain types share no byte. */
static bool apart(const hdi_operand *a, const hdi_operand *b) {
    const hdi_operand *t[2] = {a, b};
    uintptr_t begin[2], end[2];
    for (int i = 0; i < 2; i++) {
        int64_t last = 0;
        for (int d = 0; d < t[i]->rank; d++) last += (t[i]->shape[d] - 1) * t[i]->stride[d];
        begin[i] = (uintptr_t)t[i]->data;
        end[i] = begin[i] + (uintptr_t)(last + 1) * (t[i]->dtype == HD_DTYPE_F32 ? 4 : 2);
    }
    return end[0] <= begin[1] || end[1] <= begin[0];
}

/* The product reads what a norm gives: x and the norm's weight instead. */
static bool take_norm(linear_args *a, const hdi_kernel_call *norm, const hdi_kernel_call *linear) {
    const hdi_operand *x = &norm->operand[1];
    if (!hdi_linear_fill(a, linear) || !is_f32(x) || a->y_dtype != HD_DTYPE_F32) return false;
    if (linear->operand[1].data != norm->operand[0].data || !hdi_linear_row_stride(x, &a->x_stride)) return false;
    a->x = x->data;
    a->norm = (const float *)norm->operand[2].data;
    a->eps = ((const hdi_rms_norm_attr *)norm->attr)->eps;
    return norm->operand[2].stride[0] == 1 || a->k == 1;
}

static bool same_weight(const hdi_kernel_call *a, const hdi_kernel_call *b) {
    return a->operand[2].dtype == b->operand[2].dtype && a->operand[2].layout == b->operand[2].layout &&
           a->operand[1].data == b->operand[1].data;
}

static bool empty(const hdi_operand *t) { return hdi_row_count(t) == 0 || hdi_row_length(t) == 0; }

int hdi_norm_linear_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *calls, int n) {
    linear_args a;
    const hdi_operand *w = &calls[1].operand[2], *y = &calls[1].operand[0];
    if (n != 2) return HDI_GPU_UNSUPPORTED;
    if (empty(y)) return GPU(Success);
    if (!take_norm(&a, &calls[0], &calls[1]) || !apart(y, &calls[0].operand[1])) return HDI_GPU_UNSUPPORTED;
    return hdi_linear_rows(queue, &a, w->dtype, w->layout);
}

/* Products of one x: thin ones in one launch. */
static int several(hdi_gpu_queue *queue, const linear_x *x, const linear_part *w, int count, int w_dtype, int layout,
                   const linear_y *y) {
    int error = HDI_GPU_UNSUPPORTED;
    if (x->rows <= LINEAR_THIN) error = hdi_linear_mma_several(queue, x, w, count, w_dtype, layout, y);
    if (error != HDI_GPU_UNSUPPORTED) return error;
    error = GPU(Success);
    for (int i = 0; i < count && error == GPU(Success); i++) error = hdi_linear_many(queue, x, &w[i], w_dtype, layout, &y[i]);
    return error;
}

/* Many rows: products into the memory of the steps, as bf16 where the weight is no wider, then the gate. */
static int swiglu_many(hdi_gpu_queue *queue, const hdi_kernel_call *calls, const linear_args *a) {
    const hdi_operand *w = &calls[1].operand[2];
    bool narrow = w->dtype != HD_DTYPE_F32 && w->dtype != HD_DTYPE_F16 && a->part[0].n % 4 == 0;
    linear_y out[2], y = {a->y, NULL, a->y_stride, 0, a->y_dtype};
    linear_x x;
    for (int i = 0; i < 2; i++) {
        const hdi_operand *to =
            &calls[narrow ? 2 : 1 + i].operand[0]; /* swiglu may write over gate: both halves lie in up's rows */
        out[i] = {(char *)to->data + (narrow ? 2 * i * (int64_t)a->part[0].n : 0), NULL, 0, 0,
                  narrow ? HD_DTYPE_BF16 : HD_DTYPE_F32};
        if (!hdi_linear_row_stride(to, &out[i].stride) || to->dtype != HD_DTYPE_F32) return HDI_GPU_UNSUPPORTED;
        if (!apart(to, &calls[0].operand[1])) return HDI_GPU_UNSUPPORTED;
        if (narrow && !apart(to, &calls[3].operand[0])) return HDI_GPU_UNSUPPORTED;
        if (narrow && ((uintptr_t)to->data | (uintptr_t)out[i].stride * 4) % 8 != 0) return HDI_GPU_UNSUPPORTED;
        if (narrow) out[i].stride *= 2;
    }
    if (!hdi_linear_takes_many(queue, w->dtype, w->layout)) return HDI_GPU_UNSUPPORTED;
    int error = hdi_linear_narrow(queue, a, w->dtype, &x);
    if (error == GPU(Success)) error = several(queue, &x, a->part, 2, w->dtype, w->layout, out);
    if (error != GPU(Success)) return error;
    return narrow ? hdi_linear_gate(queue, &out[0], &out[1], &y, a->rows, a->part[0].n) : hdi_swiglu_gpu(queue, &calls[3]);
}

int hdi_norm_swiglu_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *calls, int n) {
    linear_args a;
    if (n != 4) return HDI_GPU_UNSUPPORTED;
    const hdi_operand *y = &calls[3].operand[0], *w = &calls[1].operand[2];
    if (empty(y)) return GPU(Success);
    if (!take_norm(&a, &calls[0], &calls[1]) || !hdi_linear_fill_part(&a.part[1], &calls[2])) return HDI_GPU_UNSUPPORTED;
    if (!same_weight(&calls[1], &calls[2]) || a.part[0].n != a.part[1].n || !hdi_linear_row_stride(y, &a.y_stride) ||
        !apart(y, &calls[0].operand[1]))
        return HDI_GPU_UNSUPPORTED;
    a.y = y->data;
    a.kind = LINEAR_SWIGLU;
    a.tasks = a.part[0].n;
    if (a.rows > LINEAR_FEW) return swiglu_many(queue, calls, &a);
    return hdi_linear_few(queue, &a, w->dtype, w->layout);
}

int hdi_linear_add_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *calls, int n) {
    linear_args a;
    if (n != 2) return HDI_GPU_UNSUPPORTED;
    const hdi_operand *add = calls[1].operand, *w = &calls[0].operand[2], *y = &add[0];
    const hdi_operand *residual = add[1].data == calls[0].operand[0].data ? &add[2] : &add[1];
    if (empty(y)) return GPU(Success);
    if (!hdi_linear_fill(&a, &calls[0]) || residual->dtype != a.y_dtype || y->dtype != a.y_dtype) return HDI_GPU_UNSUPPORTED;
    if (!hdi_linear_row_stride(y, &a.y_stride) || !hdi_linear_row_stride(residual, &a.residual_stride) ||
        residual->stride[residual->rank - 1] != 1 || y->stride[y->rank - 1] != 1 || !apart(y, &calls[0].operand[1]))
        return HDI_GPU_UNSUPPORTED;
    if (y->data != residual->data && !apart(y, residual)) return HDI_GPU_UNSUPPORTED;
    if (y->data == residual->data && a.y_stride != a.residual_stride) return HDI_GPU_UNSUPPORTED;
    a.y = y->data;
    a.residual = residual->data;
    return hdi_linear_rows(queue, &a, w->dtype, w->layout);
}

/* ---- q, k and v ---- */

/* The steps of a norm_qkv by what they are. */
typedef struct qkv_steps {
    const hdi_kernel_call *norm, *linear[3], *head_norm[2], *rope[2], *write[2];
} qkv_steps;

static bool find_steps(const hdi_kernel_call *calls, int n, qkv_steps *s) {
    int i = 0;
    *s = qkv_steps();
    s->norm = &calls[i++];
    for (int part = 0; part < 3; part++) {
        if (i >= n) return false;
        s->linear[part] = &calls[i++];
        if (part < 2 && i < n && calls[i].n_operands == 3) s->head_norm[part] = &calls[i++]; /* a rope has four */
        if (part < 2 && i < n) s->rope[part] = &calls[i++];
        if (part > 0 && i < n) s->write[part - 1] = &calls[i++];
    }
    return i == n && s->write[1];
}

static void fill_cache(linear_cache *c, const hdi_operand *t) {
    c->data = t->data;
    c->page_stride = t->stride[0];
    c->place_stride = t->stride[1];
    c->head_stride = t->stride[2];
    c->slots = t->shape[0] * t->shape[1];
    c->page = (int32_t)t->shape[1];
    c->dtype = t->dtype;
}

static bool fill_rotary(linear_args *a, const qkv_steps *s) {
    linear_rotary *t = &a->rotary;
    const hdi_operand *q = &s->rope[0]->operand[0], *cos = &s->rope[0]->operand[2], *sin = &s->rope[0]->operand[3];
    const hdi_operand *slots = &s->write[0]->operand[3];
    t->cos = (const float *)cos->data;
    t->sin = (const float *)sin->data;
    t->cos_stride = cos->stride[0];
    t->sin_stride = sin->stride[0];
    t->slots = (const int32_t *)slots->data;
    t->slots_stride = slots->stride[0];
    t->q_head_stride = q->stride[1];
    t->d = (int32_t)q->shape[2];
    t->r = (int32_t)cos->shape[1];
    t->interleaved = ((const hdi_rope_attr *)s->rope[0]->attr)->interleaved;
    for (int i = 0; i < 2; i++) fill_cache(&t->cache[i], &s->write[i]->operand[0]);
    a->y = q->data;
    a->y_stride = q->stride[0];
    for (int i = 0; i < 3; i++) {
        if (!is_f32(&s->linear[i]->operand[0]) || a->part[i].n % t->d != 0) return false;
        if (!hdi_linear_row_stride(&s->linear[i]->operand[0], &t->raw_stride[i])) return false;
    }
    return t->d % 2 == 0 && s->write[1]->operand[3].data == slots->data &&
           (t->r <= 1 || (cos->stride[1] == 1 && sin->stride[1] == 1));
}

static bool fill_qkv(linear_heads *h, const qkv_steps *s) {
    linear_args *a = &h->all;
    *h = linear_heads();
    if (!take_norm(a, s->norm, s->linear[0])) return false;
    for (int i = 1; i < 3; i++)
        if (!hdi_linear_fill_part(&a->part[i], s->linear[i]) || !same_weight(s->linear[0], s->linear[i])) return false;
    a->kind = LINEAR_QKV;
    a->tasks = ((int64_t)a->part[0].n + a->part[1].n + a->part[2].n) / 2;
    for (int i = 0; i < 2; i++) {
        if (!s->head_norm[i]) continue;
        h->norm[i] = (const float *)s->head_norm[i]->operand[2].data;
        h->eps[i] = ((const hdi_rms_norm_attr *)s->head_norm[i]->attr)->eps;
    }
    return fill_rotary(a, s);
}

/* Many rows: the three products, with their biases, where the steps would leave them. */
static int products(hdi_gpu_queue *queue, const linear_args *a, int w_dtype, int layout) {
    linear_x x;
    if (!hdi_linear_takes_many(queue, w_dtype, layout)) return HDI_GPU_UNSUPPORTED;
    int error = hdi_linear_narrow(queue, a, w_dtype, &x);
    linear_part part[3];
    linear_y y[3];
    for (int i = 0; i < 3; i++) {
        y[i] = {a->rotary.raw[i], NULL, a->rotary.raw_stride[i], 0, HD_DTYPE_F32};
        part[i] = a->part[i];
        part[i].bias = NULL; /* added by the pass that finishes */
    }
    if (error == GPU(Success)) error = several(queue, &x, part, 3, w_dtype, layout, y);
    return error;
}

int hdi_norm_qkv_gpu(hdi_gpu_queue *queue, const hdi_kernel_call *calls, int n) {
    qkv_steps s;
    linear_heads h;
    if (!find_steps(calls, n, &s)) return HDI_GPU_UNSUPPORTED;
    if (empty(&s.linear[0]->operand[0])) return GPU(Success);
    const hdi_operand *w = &s.linear[0]->operand[2], *x = &s.norm->operand[1];
    if (!fill_qkv(&h, &s) || !apart(x, &s.rope[0]->operand[0])) return HDI_GPU_UNSUPPORTED;
    if (h.all.rows <= LINEAR_FEW && !h.norm[0] && !h.norm[1]) {
        int error = hdi_linear_few(queue, &h.all, w->dtype, w->layout);
        if (error != HDI_GPU_UNSUPPORTED) return error;
    }
    if (queue->unit) return HDI_GPU_UNSUPPORTED; /* two launches are no unit */
    for (int i = 0; i < 3; i++) {
        if (!apart(x, &s.linear[i]->operand[0])) return HDI_GPU_UNSUPPORTED;
        h.all.rotary.raw[i] = (float *)s.linear[i]->operand[0].data;
    }
    int error = h.all.rows <= LINEAR_FEW ? hdi_linear_few(queue, &h.all, w->dtype, w->layout)
                                         : products(queue, &h.all, w->dtype, w->layout);
    h.biased = h.all.rows <= LINEAR_FEW;
    return error == GPU(Success) ? hdi_linear_finish_heads(queue, &h) : error;
}

} // namespace HDI_GPU_NAMESPACE
