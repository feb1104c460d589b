/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a tensor, for the layers that make them from storages and run kernels on them. */
#ifndef HDI_TENSOR_TENSOR_H
#define HDI_TENSOR_TENSOR_H

#include "base/status.h"
#include "heddle/tensor.h"
#include "kernels/kernel.h"
#include "runtime/storage.h"

struct hd_tensor {
    hdi_storage *storage; /* one count of it is held */
    char *data;           /* first element, within the storage; on the storage's device */
    int64_t shape[HD_MAX_DIMS];
    int64_t stride[HD_MAX_DIMS]; /* in elements */
    int32_t ndim;
    hd_dtype dtype;
};

/* A contiguous tensor over part of a storage, from `byte_offset` on. Takes a count of its own. HD_INVALID_ARGUMENT when it
 * does not fit or the address is not aligned for the type. */
hd_status hdi_tensor_wrap(hdi_storage *storage, size_t byte_offset, const int64_t *shape, int32_t ndim, hd_dtype dtype,
                          hd_tensor **out);

/* A view with the same storage and type, `offset` elements (whole blocks) into `tensor`; the caller has checked that all of it
 * lies within the storage. */
hd_status hdi_tensor_alias(const hd_tensor *tensor, const int64_t *shape, const int64_t *stride, int32_t ndim, int64_t offset,
                           hd_tensor **out);

/* The tensor as a kernel sees it. */
hdi_operand hdi_tensor_operand(const hd_tensor *tensor);

/* Copies src to dst on the calling thread's stream of their device: same device, shape and plain dtype; no overlap. Block types
 * must both be contiguous. */
hd_status hdi_tensor_copy(hd_tensor *dst, const hd_tensor *src);

#endif
