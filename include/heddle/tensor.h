/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: typed, strided views of shared storage on a device. */
#ifndef HEDDLE_TENSOR_H
#define HEDDLE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heddle/device.h"
#include "heddle/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HD_MAX_DIMS 8

/* X(NAME, name, bytes of a block, elements of a block): the one list of storage types. Plain types have blocks of one.
 * Block types hold weights only: `elements` consecutive values of a row share a scale.
 *   q8_0: f16 scale d, then 32 int8 q;  value = d * q
 *   q4_0: f16 scale d, then 16 bytes;   byte j holds q[j] (low nibble) and q[j + 16] (high);  value = d * (q - 8)
 * (the definitions of GGUF's types of these names). */
#define HD_DTYPE_LIST(X)      \
    X(BOOL, bool, 1, 1)       \
    X(I8, i8, 1, 1)           \
    X(I16, i16, 2, 1)         \
    X(I32, i32, 4, 1)         \
    X(I64, i64, 8, 1)         \
    X(U8, u8, 1, 1)           \
    X(U16, u16, 2, 1)         \
    X(U32, u32, 4, 1)         \
    X(U64, u64, 8, 1)         \
    X(F16, f16, 2, 1)         \
    X(BF16, bf16, 2, 1)       \
    X(F32, f32, 4, 1)         \
    X(F64, f64, 8, 1)         \
    X(F8_E4M3, f8_e4m3, 1, 1) \
    X(F8_E5M2, f8_e5m2, 1, 1) \
    X(Q8_0, q8_0, 34, 32)     \
    X(Q4_0, q4_0, 18, 32)

typedef enum hd_dtype {
#define HD_DTYPE_ENUM(NAME, name, bytes, elements) HD_DTYPE_##NAME,
    HD_DTYPE_LIST(HD_DTYPE_ENUM)
#undef HD_DTYPE_ENUM
    HD_DTYPE_COUNT
} hd_dtype;

HD_API const char *hd_dtype_name(hd_dtype dtype);           /* "bf16"; "?" for a number that is no dtype */
HD_API size_t hd_dtype_block_bytes(hd_dtype dtype);         /* 2 for bf16, 34 for q8_0 */
HD_API int32_t hd_dtype_block_elements(hd_dtype dtype);     /* 1 for plain types, 32 for q8_0 */
HD_API bool hd_dtype_parse(const char *name, hd_dtype *out);

/* A tensor. One thread at a time; several tensors (views) may share one storage, whose count is atomic. */
typedef struct hd_tensor hd_tensor;

/* A fresh contiguous tensor on `device` (NULL: the current one); contents undefined. Any size may be 0; ndim 0 is a scalar.
 * Block types need a last size that is a multiple of the block. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_create(const int64_t *shape, int32_t ndim, hd_dtype dtype, const hd_device *device, hd_tensor **out);
/* A contiguous tensor over memory of the caller (on `device`), which must outlive every view of it. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_borrow(void *data, const int64_t *shape, int32_t ndim, hd_dtype dtype, const hd_device *device,
                                                  hd_tensor **out);
HD_API void hd_tensor_destroy(hd_tensor *tensor); /* NULL is legal; storage goes with its last tensor */

HD_API void *hd_tensor_data(const hd_tensor *tensor); /* address of the first element, on the tensor's device */
HD_API int32_t hd_tensor_ndim(const hd_tensor *tensor);
HD_API const int64_t *hd_tensor_shape(const hd_tensor *tensor);   /* borrowed, ndim entries */
HD_API const int64_t *hd_tensor_strides(const hd_tensor *tensor); /* borrowed, in elements, ndim entries */
HD_API hd_dtype hd_tensor_dtype(const hd_tensor *tensor);
HD_API const hd_device *hd_tensor_device(const hd_tensor *tensor);
HD_API int64_t hd_tensor_numel(const hd_tensor *tensor);
HD_API bool hd_tensor_is_contiguous(const hd_tensor *tensor);

/* Copies numel elements from row-major host memory into the tensor (which may be strided), and back. Synchronous. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_load(hd_tensor *tensor, const void *host);
HD_API HD_CHECK_RESULT hd_status hd_tensor_store(const hd_tensor *tensor, void *host);

/* Views share the storage; nothing is copied. */
/* HD_INVALID_ARGUMENT when strides forbid it: see reshape. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_view(const hd_tensor *tensor, const int64_t *shape, int32_t ndim, hd_tensor **out);
HD_API HD_CHECK_RESULT hd_status hd_tensor_permute(const hd_tensor *tensor, const int32_t *order, hd_tensor **out); /* out.shape[i] = shape[order[i]] */
HD_API HD_CHECK_RESULT hd_status hd_tensor_slice(const hd_tensor *tensor, int32_t dim, int64_t start, int64_t end, hd_tensor **out);

/* A view where that is possible, else a fresh copy. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_contiguous(const hd_tensor *tensor, hd_tensor **out);
HD_API HD_CHECK_RESULT hd_status hd_tensor_reshape(const hd_tensor *tensor, const int64_t *shape, int32_t ndim, hd_tensor **out); /* one size may be -1 */
HD_API HD_CHECK_RESULT hd_status hd_tensor_to_device(const hd_tensor *tensor, const hd_device *device, hd_tensor **out);
/* Converts; to floats rounds to nearest, ties to even; float to integer truncates and saturates, NaN gives 0; to bool is != 0. Block types are converted from f32, f16 and bf16, and to them. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_to_dtype(const hd_tensor *tensor, hd_dtype dtype, hd_tensor **out);

/* A text for people: type, shape, strides, device, and the values (long dims shortened); fresh, free with hd_free. */
HD_API HD_CHECK_RESULT hd_status hd_tensor_debug(const hd_tensor *tensor, char **text);

#ifdef __cplusplus
}
#endif
#endif
