/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/eager.h"

#include <string.h>

#include "runtime/context.h"
#include "tensor/overlap.h"
#include "tensor/shape.h"

/* A call on its way: operands with outputs first, as kernels have them. */
typedef struct eager_call {
    const hdi_op *op;
    const hdi_eager_rules *rules;
    const hd_tensor *tensor[HDI_EAGER_OUTPUTS + HDI_EAGER_INPUTS];
    int n; /* operands, absent ones included */
} eager_call;

/* The name of operand i into a thread-local ring of buffers. */
static const char *name_of(const eager_call *c, int i) {
    static _Thread_local char ring[2][24];
    static _Thread_local unsigned turn;
    char *name = ring[turn++ % HDI_COUNTOF(ring)];
    const char *p = c->rules->names;
    for (; i > 0 && *p; p++) i -= *p == ' ';
    size_t n = strcspn(p, " ");
    if (n >= sizeof ring[0]) n = sizeof ring[0] - 1;
    memcpy(name, p, n);
    name[n] = 0;
    return name;
}

static hdi_type type_of(const hd_tensor *t) {
    hdi_type type = {.dtype = (uint8_t)t->dtype, .layout = HDI_LAYOUT_STRIDED, .rank = (uint8_t)t->ndim};
    memcpy(type.dim, t->shape, sizeof type.dim);
    return type;
}

static hd_status check_present(const eager_call *c) {
    const hd_device *device = NULL;
    for (int i = 0; i < c->n; i++) {
        const hd_tensor *t = c->tensor[i];
        HD_REQUIRE(t || (c->rules->optional >> i & 1), HD_INVALID_ARGUMENT, "%s: no %s was given", c->op->name, name_of(c, i));
        if (!t) continue;
        if (!device) device = t->storage->device;
        HD_REQUIRE(t->storage->device == device, HD_INVALID_ARGUMENT, "%s: %s is on %s, %s on %s; bring them to one device first",
                   c->op->name, name_of(c, 0), hdi_device_text(device), name_of(c, i), hdi_device_text(t->storage->device));
    }
    return HD_OK;
}

/* The outputs that were given against those that the type rule wants; what was given is then what the kernel sees. */
static hd_status check_outputs(const eager_call *c, hdi_type *want) {
    for (int i = 0; i < c->op->outputs; i++) {
        hdi_type have = type_of(c->tensor[i]);
        if ((c->rules->any_index >> i & 1) && have.dtype == HD_DTYPE_I64) want[i].dtype = HD_DTYPE_I64;
        HD_TRY(hdi_expect_same(c->op->name, name_of(c, i), &have, &want[i]));
    }
    return HD_OK;
}

static hd_status check_strides(const eager_call *c) {
    for (int i = 0; i < c->n; i++) {
        const hd_tensor *t = c->tensor[i];
        if (!t || hd_tensor_numel(t) == 0) continue;
        bool rows = t->ndim == 0 || t->shape[t->ndim - 1] == 1 || t->stride[t->ndim - 1] == 1;
        HD_REQUIRE(!(c->rules->rows >> i & 1) || rows, HD_UNSUPPORTED,
                   "%s: %s has strides %s; its last dim must be contiguous (hd_tensor_contiguous makes it so)", c->op->name,
                   name_of(c, i), hdi_shape_text(t->stride, t->ndim));
        HD_REQUIRE(!(c->rules->dense >> i & 1) || hd_tensor_is_contiguous(t), HD_UNSUPPORTED,
                   "%s: %s has strides %s; it must be contiguous (hd_tensor_contiguous makes it so)", c->op->name, name_of(c, i),
                   hdi_shape_text(t->stride, t->ndim));
    }
    return HD_OK;
}

static hd_status check_overlap(const eager_call *c) {
    for (int o = 0; o < c->op->outputs; o++)
        for (int i = o + 1; i < c->n; i++) {
            const hd_tensor *a = c->tensor[o], *b = c->tensor[i];
            bool input = i >= c->op->outputs;
            if (!b || !hdi_tensor_overlap(a, b)) continue;
            bool allowed = o == 0 && input && (c->rules->inplace >> i & 1);
            HD_REQUIRE(!allowed || hdi_tensor_same(a, b), HD_INVALID_ARGUMENT,
                       "%s: %s overlaps %s without being the same elements; use one tensor, or separate ones", c->op->name,
                       name_of(c, o), name_of(c, i));
            HD_REQUIRE(allowed, HD_INVALID_ARGUMENT, "%s: %s overlaps %s; it needs memory of its own", c->op->name, name_of(c, o),
                       name_of(c, i));
        }
    return HD_OK;
}

/* An input of a broadcasting operator takes the output's shape. */
static void broadcast(hdi_operand *operand, const hdi_operand *like) {
    hdi_broadcast_strides(operand->rank, operand->shape, operand->stride, like->rank, like->shape, operand->stride);
    operand->rank = like->rank;
    memcpy(operand->shape, like->shape, sizeof like->shape);
}

static hd_status launch(const eager_call *c, hdi_kernel_id kernel, const void *attr) {
    hdi_operand operand[HDI_EAGER_OUTPUTS + HDI_EAGER_INPUTS];
    const hdi_kernel_call call = {.operand = operand, .attr = attr, .n_operands = c->n};
    hd_stream *stream;
    memset(operand, 0, sizeof operand);
    for (int i = 0; i < c->n; i++) {
        if (!c->tensor[i]) continue;
        operand[i] = hdi_tensor_operand(c->tensor[i]);
        if ((c->op->flags & HDI_OP_BROADCAST) && i >= c->op->outputs) broadcast(&operand[i], &operand[0]);
    }
    HD_TRY(hdi_stream_for(c->tensor[0]->storage->device, &stream));
    return hdi_launch(stream, kernel, &call);
}

hd_status hdi_eager(const hdi_op *op, const hdi_eager_rules *rules, hd_tensor *const *out, const hd_tensor *const *in, int n_in,
                    const void *attr) {
    eager_call c = {.op = op, .rules = rules, .n = op->outputs + n_in};
    hdi_type in_type[HDI_EAGER_INPUTS], out_type[HDI_EAGER_OUTPUTS];
    const hdi_type *in_types[HDI_EAGER_INPUTS] = {NULL};
    hdi_kernel_id kernel;
    for (int i = 0; i < op->outputs; i++) c.tensor[i] = out[i];
    for (int i = 0; i < n_in; i++) c.tensor[op->outputs + i] = in[i];
    HD_TRY(check_present(&c));
    for (int i = 0; i < n_in; i++) {
        if (!in[i]) continue;
        in_type[i] = type_of(in[i]);
        in_types[i] = &in_type[i];
    }
    memset(out_type, 0, sizeof out_type);
    HD_TRY(op->infer(in_types, n_in, attr, out_type));
    HD_TRY(check_outputs(&c, out_type));
    HD_TRY(op->choose(in_types, n_in, out_type, attr, &kernel));
    HD_TRY(check_strides(&c));
    HD_TRY(check_overlap(&c));
    if (hd_tensor_numel(out[0]) == 0) return HD_OK;
    return launch(&c, kernel, attr);
}

hd_status hdi_eager_check_ids(const char *op, const hd_tensor *ids, int64_t limit) {
    if (!ids->storage->device->vtable->host_visible || !hd_tensor_is_contiguous(ids)) return HD_OK;
    for (int64_t i = 0, n = hd_tensor_numel(ids); i < n; i++) {
        int64_t id = ids->dtype == HD_DTYPE_I32 ? ((const int32_t *)ids->data)[i] : ((const int64_t *)ids->data)[i];
        HD_REQUIRE(id >= 0 && id < limit, HD_INVALID_ARGUMENT, "%s: id %lld (entry %lld) is outside 0 to %lld", op, (long long)id,
                   (long long)i, (long long)limit - 1);
    }
    return HD_OK;
}
