/* SPDX-License-Identifier: Apache-2.0 */
/* The eager operators that are one kernel on the tensors they are given. */
#include "kernels/convert/convert.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gelu/gelu.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/rms_norm/rms_norm.h"
#include "ops/eager.h"

#define OUT(...) \
    (hd_tensor *const[]) { __VA_ARGS__ }
#define IN(...) \
    (const hd_tensor *const[]) { __VA_ARGS__ }

hd_status hd_add(hd_tensor *c, const hd_tensor *a, const hd_tensor *b) {
    static const hdi_eager_rules rules = {.names = "c a b", .inplace = 6};
    return hdi_eager(&hdi_op_add, &rules, OUT(c), IN(a, b), 2, NULL);
}

hd_status hd_mul(hd_tensor *c, const hd_tensor *a, const hd_tensor *b) {
    static const hdi_eager_rules rules = {.names = "c a b", .inplace = 6};
    return hdi_eager(&hdi_op_mul, &rules, OUT(c), IN(a, b), 2, NULL);
}

hd_status hd_gelu(hd_tensor *y, const hd_tensor *x, bool tanh_form) {
    static const hdi_eager_rules rules = {.names = "y x", .rows = 3, .inplace = 2};
    const hdi_gelu_attr attr = {.tanh = tanh_form};
    return hdi_eager(&hdi_op_gelu, &rules, OUT(y), IN(x), 1, &attr);
}

hd_status hd_swiglu(hd_tensor *y, const hd_tensor *gate, const hd_tensor *up) {
    static const hdi_eager_rules rules = {.names = "y gate up", .rows = 7, .inplace = 6};
    return hdi_eager(&hdi_op_swiglu, &rules, OUT(y), IN(gate, up), 2, NULL);
}

hd_status hd_softmax(hd_tensor *y, const hd_tensor *x) {
    static const hdi_eager_rules rules = {.names = "y x", .rows = 3, .inplace = 2};
    return hdi_eager(&hdi_op_softmax, &rules, OUT(y), IN(x), 1, NULL);
}

/* A scalar in place of a vector of one. */
static hd_status as_scalar(const hd_tensor *t, hd_tensor **out) { return hdi_tensor_alias(t, NULL, NULL, 0, 0, out); }

hd_status hd_argmax(hd_tensor *index, hd_tensor *value, const hd_tensor *x) {
    static const hdi_eager_rules rules = {.names = "index value x", .rows = 4, .any_index = 1};
    hd_tensor *i = NULL, *v = NULL;
    hd_status status;
    bool vector = x && x->ndim == 1 && index && value && index->ndim == 1 && value->ndim == 1 && index->shape[0] == 1 &&
                  value->shape[0] == 1;
    if (!vector) return hdi_eager(&hdi_op_argmax, &rules, OUT(index, value), IN(x), 1, NULL);
    HD_TRY_GOTO(as_scalar(index, &i));
    HD_TRY_GOTO(as_scalar(value, &v));
    status = hdi_eager(&hdi_op_argmax, &rules, OUT(i, v), IN(x), 1, NULL);
fail:
    hd_tensor_destroy(i);
    hd_tensor_destroy(v);
    return status;
}

hd_status hd_embedding(hd_tensor *out, const hd_tensor *ids, const hd_tensor *table) {
    static const hdi_eager_rules rules = {.names = "out ids table", .rows = 5, .dense = 2};
    const hdi_embedding_attr attr = {.out = out ? (uint8_t)out->dtype : HD_DTYPE_F32};
    if (ids && table && table->ndim == 2 && (ids->dtype == HD_DTYPE_I32 || ids->dtype == HD_DTYPE_I64))
        HD_TRY(hdi_eager_check_ids("embedding", ids, table->shape[0]));
    return hdi_eager(&hdi_op_embedding, &rules, OUT(out), IN(ids, table), 2, &attr);
}

hd_status hd_linear(hd_tensor *out, const hd_tensor *x, const hd_tensor *weight, const hd_tensor *bias) {
    static const hdi_eager_rules rules = {.names = "out x weight bias", .optional = 8, .rows = 15};
    const hdi_linear_attr attr = {.k_slices = 1};
    return hdi_eager(&hdi_op_linear, &rules, OUT(out), IN(x, weight, bias), 3, &attr);
}

hd_status hd_rearrange(hd_tensor *out, const hd_tensor *in) {
    static const hdi_eager_rules rules = {.names = "out in"};
    return hdi_eager(&hdi_op_rearrange, &rules, OUT(out), IN(in), 1, NULL);
}

hd_status hd_convert(hd_tensor *out, const hd_tensor *in) {
    static const hdi_eager_rules plain = {.names = "out in"}, blocks = {.names = "out in", .dense = 3};
    const hdi_convert_attr attr = {.out = out ? (uint8_t)out->dtype : HD_DTYPE_F32};
    bool quantised = (out && hd_dtype_block_elements(out->dtype) > 1) || (in && hd_dtype_block_elements(in->dtype) > 1);
    return hdi_eager(&hdi_op_convert, quantised ? &blocks : &plain, OUT(out), IN(in), 1, &attr);
}

hd_status hd_rms_norm(hd_tensor *out, const hd_tensor *x, const hd_tensor *weight, float eps) {
    static const hdi_eager_rules rules = {.names = "out x weight", .rows = 7, .inplace = 2};
    const hdi_rms_norm_attr attr = {.eps = eps};
    return hdi_eager(&hdi_op_rms_norm, &rules, OUT(out), IN(x, weight), 2, &attr);
}

hd_status hd_layer_norm(hd_tensor *out, const hd_tensor *x, const hd_tensor *weight, const hd_tensor *bias, float eps) {
    static const hdi_eager_rules rules = {.names = "out x weight bias", .optional = 8, .rows = 15, .inplace = 2};
    const hdi_layer_norm_attr attr = {.eps = eps};
    return hdi_eager(&hdi_op_layer_norm, &rules, OUT(out), IN(x, weight, bias), 3, &attr);
}
