/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that moves or converts a tensor's values, through the kernels `rearrange` and `convert` of its device. */
#include <string.h>

#include "kernels/kernel.h"
#include "runtime/context.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

static size_t bytes_of(const hd_tensor *t) {
    return (size_t)(hd_tensor_numel(t) / hd_dtype_block_elements(t->dtype)) * hd_dtype_block_bytes(t->dtype);
}

static hd_status alias_whole(const hd_tensor *t, hd_tensor **out) {
    return hdi_tensor_alias(t, t->shape, t->stride, t->ndim, 0, out);
}

/* Runs a kernel of one output and one input on the stream of their device. */
static hd_status launch2(hdi_kernel_id kernel, const hd_tensor *dst, const hd_tensor *src) {
    hd_stream *stream;
    hdi_operand operand[2] = {hdi_tensor_operand(dst), hdi_tensor_operand(src)};
    const hdi_kernel_call call = {.operand = operand, .n_operands = 2};
    HD_TRY(hdi_stream_for(dst->storage->device, &stream));
    return hdi_launch(stream, kernel, &call);
}

hd_status hdi_tensor_copy(hd_tensor *dst, const hd_tensor *src) {
    static const hdi_kernel_id kernels[] = {[1] = HDI_KERNEL_rearrange_b1,
                                            [2] = HDI_KERNEL_rearrange_b2,
                                            [4] = HDI_KERNEL_rearrange_b4,
                                            [8] = HDI_KERNEL_rearrange_b8};
    const hd_device *device = dst->storage->device;
    hd_stream *stream;
    if (hd_tensor_numel(src) == 0) return HD_OK;
    if (hd_tensor_is_contiguous(dst) && hd_tensor_is_contiguous(src)) {
        HD_TRY(hdi_stream_for(device, &stream));
        return device->vtable->copy_async(device, stream->handle, dst->data, src->data, bytes_of(src), HDI_COPY_D2D);
    }
    HD_REQUIRE(hd_dtype_block_elements(src->dtype) == 1, HD_UNSUPPORTED,
               "a strided tensor of %s cannot be copied; convert it to f32 first", hd_dtype_name(src->dtype));
    return launch2(kernels[hd_dtype_block_bytes(src->dtype)], dst, src);
}

/* ---- to and from host memory ---- */

hd_status hd_tensor_load(hd_tensor *t, const void *host) {
    const hd_device *device = t->storage->device;
    hd_tensor *from = NULL;
    hd_stream *stream;
    hd_status status;
    if (hd_tensor_numel(t) == 0) return HD_OK;
    HD_REQUIRE(host, HD_INVALID_ARGUMENT, "hd_tensor_load: no memory was given for %s", hdi_shape_text(t->shape, t->ndim));
    if (hd_tensor_is_contiguous(t)) return hdi_copy(device, t->data, hdi_device_cpu(), host, bytes_of(t));
    HD_TRY(hd_tensor_create(t->shape, t->ndim, t->dtype, device, &from));
    HD_TRY_GOTO(hdi_copy(device, from->data, hdi_device_cpu(), host, bytes_of(t)));
    HD_TRY_GOTO(hdi_tensor_copy(t, from));
    HD_TRY_GOTO(hdi_stream_for(device, &stream));
    status = hd_stream_synchronize(stream);
fail:
    hd_tensor_destroy(from);
    return status;
}

hd_status hd_tensor_store(const hd_tensor *t, void *host) {
    hd_tensor *from;
    if (hd_tensor_numel(t) == 0) return HD_OK;
    HD_REQUIRE(host, HD_INVALID_ARGUMENT, "hd_tensor_store: no memory was given for %s", hdi_shape_text(t->shape, t->ndim));
    HD_TRY(hd_tensor_contiguous(t, &from));
    hd_status status = hdi_copy(hdi_device_cpu(), host, t->storage->device, from->data, bytes_of(t));
    hd_tensor_destroy(from);
    return status;
}

/* ---- copies that are made only where they must ---- */

hd_status hd_tensor_contiguous(const hd_tensor *t, hd_tensor **out) {
    hd_tensor *copy;
    if (hd_tensor_is_contiguous(t)) return alias_whole(t, out);
    HD_TRY(hd_tensor_create(t->shape, t->ndim, t->dtype, t->storage->device, &copy));
    hd_status status = hdi_tensor_copy(copy, t);
    if (status != HD_OK) {
        hd_tensor_destroy(copy);
        return status;
    }
    *out = copy;
    return HD_OK;
}

hd_status hd_tensor_to_device(const hd_tensor *t, const hd_device *device, hd_tensor **out) {
    hd_tensor *from = NULL, *to = NULL;
    hd_status status;
    HD_REQUIRE(device, HD_INVALID_ARGUMENT, "hd_tensor_to_device: no device was given");
    if (device == t->storage->device) return alias_whole(t, out);
    HD_TRY(hd_tensor_contiguous(t, &from));
    HD_TRY_GOTO(hd_tensor_create(t->shape, t->ndim, t->dtype, device, &to));
    HD_TRY_GOTO(hdi_copy(device, to->data, t->storage->device, from->data, bytes_of(t)));
    hd_tensor_destroy(from);
    *out = to;
    return HD_OK;
fail:
    hd_tensor_destroy(from);
    hd_tensor_destroy(to);
    return status;
}

static bool is_float(hd_dtype dtype) { return dtype == HD_DTYPE_F32 || dtype == HD_DTYPE_F16 || dtype == HD_DTYPE_BF16; }

/* Whether `from` can become `to` at all. */
static hd_status check_conversion(hd_dtype from, hd_dtype to) {
    bool from_block = hd_dtype_block_elements(from) > 1, to_block = hd_dtype_block_elements(to) > 1;
    HD_REQUIRE((!from_block || is_float(to)) && (!to_block || is_float(from)), HD_UNSUPPORTED,
               "hd_tensor_to_dtype: %s cannot become %s; blocks are made from f32, f16 or bf16, and become these",
               hd_dtype_name(from), hd_dtype_name(to));
    return HD_OK;
}

hd_status hd_tensor_to_dtype(const hd_tensor *t, hd_dtype dtype, hd_tensor **out) {
    hd_tensor *from = NULL, *to = NULL;
    hd_status status;
    if (dtype == t->dtype) return alias_whole(t, out);
    HD_TRY(hdi_shape_check("hd_tensor_to_dtype", t->shape, t->ndim, dtype, NULL, NULL));
    HD_TRY(check_conversion(t->dtype, dtype));
    /* Quantising reads whole rows. */
    HD_TRY_GOTO(hd_dtype_block_elements(dtype) > 1 ? hd_tensor_contiguous(t, &from) : alias_whole(t, &from));
    HD_TRY_GOTO(hd_tensor_create(t->shape, t->ndim, dtype, t->storage->device, &to));
    if (hd_tensor_numel(t)) HD_TRY_GOTO(launch2(HDI_KERNEL_convert_any, to, from));
    hd_tensor_destroy(from);
    *out = to;
    return HD_OK;
fail:
    hd_tensor_destroy(from);
    hd_tensor_destroy(to);
    return status;
}
