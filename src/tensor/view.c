/* SPDX-License-Identifier: Apache-2.0 */
/* Views: other shapes, strides and offsets over the same storage. */
#include <string.h>

#include "tensor/shape.h"
#include "tensor/tensor.h"

/* What view and reshape share: checks the new shape, and finds strides where there are any. */
static hd_status plan_view(const char *what, const hd_tensor *t, const int64_t *shape, int32_t ndim, int64_t *stride,
                           bool *possible) {
    int64_t numel;
    HD_TRY(hdi_shape_check(what, shape, ndim, t->dtype, &numel, NULL));
    HD_REQUIRE(numel == hd_tensor_numel(t), HD_INVALID_ARGUMENT, "%s: %s has %lld elements, %s has %lld", what,
               hdi_shape_text(t->shape, t->ndim), (long long)hd_tensor_numel(t), hdi_shape_text(shape, ndim), (long long)numel);
    *possible = hdi_shape_view(t->shape, t->stride, t->ndim, shape, ndim, stride);
    return HD_OK;
}

hd_status hd_tensor_view(const hd_tensor *t, const int64_t *shape, int32_t ndim, hd_tensor **out) {
    int64_t stride[HD_MAX_DIMS];
    bool possible;
    HD_TRY(plan_view("hd_tensor_view", t, shape, ndim, stride, &possible));
    HD_REQUIRE(possible, HD_INVALID_ARGUMENT,
               "hd_tensor_view: %s with strides %s cannot be seen as %s without a copy; use hd_tensor_reshape, which copies when "
               "it must",
               hdi_shape_text(t->shape, t->ndim), hdi_shape_text(t->stride, t->ndim), hdi_shape_text(shape, ndim));
    return hdi_tensor_alias(t, shape, stride, ndim, 0, out);
}

hd_status hd_tensor_reshape(const hd_tensor *t, const int64_t *shape, int32_t ndim, hd_tensor **out) {
    int64_t full[HD_MAX_DIMS], stride[HD_MAX_DIMS];
    bool possible;
    hd_tensor *copy;
    HD_TRY(hdi_shape_infer("hd_tensor_reshape", shape, ndim, hd_tensor_numel(t), full));
    HD_TRY(plan_view("hd_tensor_reshape", t, full, ndim, stride, &possible));
    if (possible) return hdi_tensor_alias(t, full, stride, ndim, 0, out);
    HD_TRY(hd_tensor_contiguous(t, &copy));
    hdi_shape_strides(full, ndim, stride);
    hd_status status = hdi_tensor_alias(copy, full, stride, ndim, 0, out);
    hd_tensor_destroy(copy);
    return status;
}

hd_status hd_tensor_permute(const hd_tensor *t, const int32_t *order, hd_tensor **out) {
    int64_t shape[HD_MAX_DIMS], stride[HD_MAX_DIMS];
    unsigned seen = 0;
    HD_REQUIRE(order || t->ndim == 0, HD_INVALID_ARGUMENT, "hd_tensor_permute: no order was given");
    for (int32_t i = 0; i < t->ndim; i++) {
        HD_REQUIRE(order[i] >= 0 && order[i] < t->ndim && !(seen >> order[i] & 1u), HD_INVALID_ARGUMENT,
                   "hd_tensor_permute: entry %d of the order is %d; the order must name each of the %d dims once", i, order[i],
                   t->ndim);
        seen |= 1u << order[i];
        shape[i] = t->shape[order[i]];
        stride[i] = t->stride[order[i]];
    }
    HD_REQUIRE(hd_dtype_block_elements(t->dtype) == 1 || order[t->ndim - 1] == t->ndim - 1, HD_UNSUPPORTED,
               "hd_tensor_permute: the last dim of %s is made of blocks and must stay last", hd_dtype_name(t->dtype));
    return hdi_tensor_alias(t, shape, stride, t->ndim, 0, out);
}

hd_status hd_tensor_slice(const hd_tensor *t, int32_t dim, int64_t start, int64_t end, hd_tensor **out) {
    int64_t shape[HD_MAX_DIMS];
    int32_t block = hd_dtype_block_elements(t->dtype);
    HD_REQUIRE(dim >= 0 && dim < t->ndim, HD_INVALID_ARGUMENT, "hd_tensor_slice: there is no dim %d in %s", dim,
               hdi_shape_text(t->shape, t->ndim));
    HD_REQUIRE(start >= 0 && start <= end && end <= t->shape[dim], HD_INVALID_ARGUMENT,
               "hd_tensor_slice: %lld to %lld is not within dim %d of %s", (long long)start, (long long)end, dim,
               hdi_shape_text(t->shape, t->ndim));
    HD_REQUIRE(dim != t->ndim - 1 || (start % block == 0 && end % block == 0), HD_INVALID_ARGUMENT,
               "hd_tensor_slice: %lld to %lld cuts through the blocks of %d of %s", (long long)start, (long long)end, block,
               hd_dtype_name(t->dtype));
    memcpy(shape, t->shape, sizeof shape);
    shape[dim] = end - start;
    /* An empty slice at the very end would point one past the storage: its offset stays. */
    int64_t offset = start == end ? 0 : start * t->stride[dim];
    return hdi_tensor_alias(t, shape, t->stride, t->ndim, offset, out);
}
