/* SPDX-License-Identifier: Apache-2.0 */
/* What a type of weights is: how rows of f32 become it and come back, and how its rows lie in panels.
 * A type is a folder here and a line in weights.def; the kernels that read weights are instantiated from that list. */
#ifndef HDI_KERNELS_WEIGHT_H
#define HDI_KERNELS_WEIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "heddle/tensor.h"

enum { HDI_PANEL_ROWS = 32 };

/* Pure functions, any thread. `k` and `k0` are multiples of the type's block (32 for q8_0 and q4_0, 1 for plain types; the
 * callers check). Rows may have any address; panels are 64-byte aligned. */
typedef struct hdi_weight {
    hd_dtype dtype;
    int32_t block;      /* elements of K in a block of a panel */
    size_t block_bytes; /* of 32 rows x `block` elements in a panel: a multiple of 64 for block types */
    /* `k` values to the type's own row format (as tensors and GGUF have it), and back. */
    void (*quantize_row)(const float *x, void *row, int64_t k);
    void (*dequantize_row)(const void *row, float *x, int64_t k);
    /* Row r (0..31) of a panel, elements k0 .. k0 + k: from the row format, whose first byte is element k0, and back. */
    void (*pack)(void *panel, int r, int64_t k0, int64_t k, const void *row);
    void (*unpack)(const void *panel, int r, int64_t k0, int64_t k, void *row);
} hdi_weight;

#define WEIGHT(NAME, name) extern const hdi_weight hdi_weight_##name;
#include "kernels/weights/weights.def"

/* The type, or NULL when weights cannot have this dtype. */
const hdi_weight *hdi_weight_of(hd_dtype dtype);

#endif
