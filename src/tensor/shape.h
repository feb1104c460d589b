/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of shapes and strides, apart from any memory. Strides count elements. Nothing here overflows: sizes that do not fit
 * are refused where a shape is checked, and everything later is at most as large. */
#ifndef HDI_TENSOR_SHAPE_H
#define HDI_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "heddle/tensor.h"

/* Checks a shape of a type: rank, no negative size, whole blocks, and bytes that fit in memory's address space even when sizes of
 * 0 are taken as 1 (so strides fit as well). *numel and *bytes may be NULL. `what` begins the message. */
hd_status hdi_shape_check(const char *what, const int64_t *shape, int32_t ndim, hd_dtype dtype, int64_t *numel, size_t *bytes);

/* Elements of a checked shape. */
int64_t hdi_shape_numel(const int64_t *shape, int32_t ndim);
bool hdi_shape_equal(const int64_t *a, int32_t a_ndim, const int64_t *b, int32_t b_ndim);

/* Row-major strides of a checked shape. */
void hdi_shape_strides(const int64_t *shape, int32_t ndim, int64_t *stride);
/* Whether the elements lie row-major without gaps; sizes of 1 may have any stride, and an empty tensor is contiguous. */
bool hdi_shape_contiguous(const int64_t *shape, const int64_t *stride, int32_t ndim);

/* The strides that show elements of (shape, stride) in row-major order under the shape `to` of as many elements; false when
 * no strides do. */
bool hdi_shape_view(const int64_t *shape, const int64_t *stride, int32_t ndim, const int64_t *to, int32_t to_ndim,
                    int64_t *to_stride);

/* Writes `shape` with its one -1, if any, replaced so that the product is `numel`. */
hd_status hdi_shape_infer(const char *what, const int64_t *shape, int32_t ndim, int64_t numel, int64_t *out);

/* "[2, 3]" in a thread-local ring of buffers, for messages. */
const char *hdi_shape_text(const int64_t *shape, int32_t ndim);

#endif
