/* SPDX-License-Identifier: Apache-2.0 */
/* hd_self_attention: one sequence whose keys and values are one page, for the attention kernel that engines run on many. */
#include <math.h>

#include "base/memory.h"
#include "kernels/attention/attention.h"
#include "ops/eager.h"
#include "tensor/shape.h"

/* k or v [T, Hkv, d] as a cache of one page [1, T, Hkv, d]. */
static hd_status as_page(const hd_tensor *t, hd_tensor **out) {
    const int64_t shape[4] = {1, t->shape[0], t->shape[1], t->shape[2]};
    const int64_t stride[4] = {t->shape[0] * t->stride[0], t->stride[0], t->stride[1], t->stride[2]};
    return hdi_tensor_alias(t, shape, stride, 4, 0, out);
}

/* A fresh i32 tensor on a device: first, first + step, first + 2 step ... */
static hd_status sequence(const hd_device *device, const int64_t *shape, int32_t ndim, int64_t first, int64_t step,
                          hd_tensor **out) {
    int64_t n = hdi_shape_numel(shape, ndim);
    int32_t *host;
    HD_TRY(hdi_alloc(&host, (size_t)n, sizeof *host, "positions"));
    for (int64_t i = 0; i < n; i++) host[i] = (int32_t)(first + i * step);
    hd_status status = hd_tensor_create(shape, ndim, HD_DTYPE_I32, device, out);
    if (status == HD_OK) status = hd_tensor_load(*out, host);
    hdi_free(host);
    return status;
}

static hd_status check(const hd_tensor *out, const hd_tensor *q, const hd_tensor *k, const hd_tensor *v) {
    HD_REQUIRE(out && q && k && v, HD_INVALID_ARGUMENT, "self_attention: out, q, k and v are all needed");
    const hd_tensor *const three[] = {q, k, v};
    for (int i = 0; i < 3; i++)
        HD_REQUIRE(three[i]->ndim == 3, HD_INVALID_ARGUMENT,
                   "self_attention: %c is %s%s; it needs 3 dims: tokens, heads, dims of a head", "qkv"[i],
                   hd_dtype_name(three[i]->dtype), hdi_shape_text(three[i]->shape, three[i]->ndim));
    HD_REQUIRE(k->shape[0] >= q->shape[0], HD_INVALID_ARGUMENT,
               "self_attention: k has %lld tokens and q %lld; queries are the last of the keys", (long long)k->shape[0],
               (long long)q->shape[0]);
    HD_REQUIRE(k->shape[0] <= INT32_MAX, HD_UNSUPPORTED, "self_attention: %lld keys are more than positions can count",
               (long long)k->shape[0]);
    return HD_OK;
}

hd_status hd_self_attention(hd_tensor *out, const hd_tensor *q, const hd_tensor *k, const hd_tensor *v,
                            const hd_attention_options *options) {
    static const hdi_eager_rules rules = {.names = "out q k v page_table token_seq positions", .rows = 15, .dense = 112};
    static const int64_t one_page[2] = {1, 1};
    static const hd_attention_options plain = {0};
    hd_tensor *kp = NULL, *vp = NULL, *page_table = NULL, *token_seq = NULL, *positions = NULL;
    hd_status status;
    HD_TRY(check(out, q, k, v));
    const hd_attention_options *o = options ? options : &plain;
    const hd_device *device = q->storage->device;
    const int64_t tokens = q->shape[0], d = q->shape[2];
    const hdi_attention_attr attr = {
        .scale = o->scale != 0 ? o->scale : 1.0f / sqrtf((float)(d ? d : 1)), .window = o->window, .softcap = o->softcap};
    if (k->shape[0] == 0) return HD_OK; /* no keys, and so no queries */
    HD_TRY_GOTO(as_page(k, &kp));
    HD_TRY_GOTO(as_page(v, &vp));
    HD_TRY_GOTO(sequence(device, one_page, 2, 0, 0, &page_table));
    HD_TRY_GOTO(sequence(device, &tokens, 1, 0, 0, &token_seq));
    HD_TRY_GOTO(sequence(device, &tokens, 1, k->shape[0] - tokens, 1, &positions));
    status = hdi_eager(&hdi_op_attention, &rules, &out, (const hd_tensor *const[]){q, kp, vp, page_table, token_seq, positions},
                       6, &attr);
fail:
    hd_tensor_destroy(kp);
    hd_tensor_destroy(vp);
    hd_tensor_destroy(page_table);
    hd_tensor_destroy(token_seq);
    hd_tensor_destroy(positions);
    return status;
}
