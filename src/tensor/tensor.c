/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tensor.h"

#include <string.h>

#include "base/memory.h"
#include "runtime/context.h"
#include "tensor/shape.h"

/* What an address of this type must be a multiple of: of block types, the alignment of their f16 scale. */
static size_t alignment(hd_dtype dtype) {
    size_t block = hd_dtype_block_bytes(dtype);
    return block & (~block + 1);
}

static hd_status check_alignment(const void *data, hd_dtype dtype) {
    HD_REQUIRE((uintptr_t)data % alignment(dtype) == 0, HD_INVALID_ARGUMENT, "%p is not aligned for %s (%zu bytes)", data,
               hd_dtype_name(dtype), alignment(dtype));
    return HD_OK;
}

/* A contiguous tensor that takes over one count of `storage`; on failure the count is let go. */
static hd_status adopt(hdi_storage *storage, void *data, const int64_t *shape, int32_t ndim, hd_dtype dtype, hd_tensor **out) {
    hd_tensor *t;
    hd_status status = hdi_calloc(&t, 1, sizeof *t, "a tensor");
    if (status != HD_OK) {
        hdi_storage_release(storage);
        return status;
    }
    t->storage = storage;
    t->data = data;
    t->ndim = ndim;
    t->dtype = dtype;
    if (ndim) memcpy(t->shape, shape, (size_t)ndim * sizeof *shape);
    hdi_shape_strides(shape, ndim, t->stride);
    *out = t;
    return HD_OK;
}

hd_status hd_tensor_create(const int64_t *shape, int32_t ndim, hd_dtype dtype, const hd_device *device, hd_tensor **out) {
    size_t bytes;
    hdi_storage *storage;
    HD_TRY(hdi_shape_check("hd_tensor_create", shape, ndim, dtype, NULL, &bytes));
    HD_TRY(hdi_storage_create(device ? device : hd_current_device(), bytes, &storage));
    return adopt(storage, storage->data, shape, ndim, dtype, out);
}

hd_status hd_tensor_borrow(void *data, const int64_t *shape, int32_t ndim, hd_dtype dtype, const hd_device *device,
                           hd_tensor **out) {
    size_t bytes;
    hdi_storage *storage;
    HD_TRY(hdi_shape_check("hd_tensor_borrow", shape, ndim, dtype, NULL, &bytes));
    HD_REQUIRE(data || bytes == 0, HD_INVALID_ARGUMENT, "hd_tensor_borrow: no memory was given for %s",
               hdi_shape_text(shape, ndim));
    HD_TRY(check_alignment(data, dtype));
    HD_TRY(hdi_storage_borrow(device ? device : hd_current_device(), data, bytes, NULL, NULL, &storage));
    return adopt(storage, storage->data, shape, ndim, dtype, out);
}

hd_status hdi_tensor_wrap(hdi_storage *storage, size_t byte_offset, const int64_t *shape, int32_t ndim, hd_dtype dtype,
                          hd_tensor **out) {
    size_t bytes;
    HD_TRY(hdi_shape_check("tensor", shape, ndim, dtype, NULL, &bytes));
    HD_REQUIRE(byte_offset <= storage->bytes && bytes <= storage->bytes - byte_offset, HD_INVALID_ARGUMENT,
               "a tensor of %zu bytes at %zu does not fit in a storage of %zu", bytes, byte_offset, storage->bytes);
    char *data = (char *)storage->data + byte_offset;
    HD_TRY(check_alignment(data, dtype));
    return adopt(hdi_storage_retain(storage), data, shape, ndim, dtype, out);
}

hd_status hdi_tensor_alias(const hd_tensor *tensor, const int64_t *shape, const int64_t *stride, int32_t ndim, int64_t offset,
                           hd_tensor **out) {
    int64_t blocks = offset / hd_dtype_block_elements(tensor->dtype);
    char *data = tensor->data ? tensor->data + (size_t)blocks * hd_dtype_block_bytes(tensor->dtype) : NULL;
    HD_TRY(adopt(hdi_storage_retain(tensor->storage), data, shape, ndim, tensor->dtype, out));
    if (ndim) memcpy((*out)->stride, stride, (size_t)ndim * sizeof *stride);
    return HD_OK;
}

void hd_tensor_destroy(hd_tensor *tensor) {
    if (!tensor) return;
    hdi_storage_release(tensor->storage);
    hdi_free(tensor);
}

void *hd_tensor_data(const hd_tensor *t) { return t->data; }
int32_t hd_tensor_ndim(const hd_tensor *t) { return t->ndim; }
const int64_t *hd_tensor_shape(const hd_tensor *t) { return t->shape; }
const int64_t *hd_tensor_strides(const hd_tensor *t) { return t->stride; }
hd_dtype hd_tensor_dtype(const hd_tensor *t) { return t->dtype; }
const hd_device *hd_tensor_device(const hd_tensor *t) { return t->storage->device; }
int64_t hd_tensor_numel(const hd_tensor *t) { return hdi_shape_numel(t->shape, t->ndim); }
bool hd_tensor_is_contiguous(const hd_tensor *t) { return hdi_shape_contiguous(t->shape, t->stride, t->ndim); }

hdi_operand hdi_tensor_operand(const hd_tensor *t) {
    hdi_operand o = {.data = t->data, .dtype = (uint8_t)t->dtype, .layout = HDI_LAYOUT_STRIDED, .rank = (uint8_t)t->ndim};
    memcpy(o.shape, t->shape, sizeof o.shape);
    memcpy(o.stride, t->stride, sizeof o.stride);
    return o;
}
