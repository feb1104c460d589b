/* SPDX-License-Identifier: Apache-2.0 */
/* The panel layout of a weight [N, K]: what the packed products read, from one row of x to many.
 *
 * Rows are taken 32 at a time (N padded up with zeros), so that vector lanes are output rows. A panel is one stretch of memory;
 * in it, for each block of K, the 32 scales come first and then the values: f32 f16 bf16   for each k:  value[32] q8_0 for each
 * 32: f16 d[32], then int8 q[8 groups of 4 k][32 rows][4] q4_0           for each 32: f16 d[32], then u8 q[4 groups of 8 k][32
 * rows][4]; byte b: low nibble k = b, high nibble k = b + 4 A 32-bit word thus holds neighbours along K of one row: what integer
 * dot products eat, and what shifts and masks turn into f32 with few instructions. */
#ifndef HDI_KERNELS_PANEL_H
#define HDI_KERNELS_PANEL_H

#include "kernels/weights/weight.h"

static inline int64_t hdi_panel_count(int64_t n) { return (n + HDI_PANEL_ROWS - 1) / HDI_PANEL_ROWS; }

/* Bytes of one panel, and of all panels of [n, k] (64-byte aligned memory). 0 when the type cannot be a weight, when k is no
 * multiple of its block, or when the size does not fit. Sizes are not negative. */
size_t hdi_panel_stride(hd_dtype dtype, int64_t k);
size_t hdi_panel_bytes(hd_dtype dtype, int64_t n, int64_t k);

/* Packs panels [first, last) of [n, k] from rows of `from` (f32, f16, bf16 or any weight type) at `rows`, `row_stride` elements
 * apart, with any alignment: a mapped checkpoint, say. `panels` is where panel 0 begins. A pure function: run ranges in parallel.
 * The caller has checked hdi_panel_bytes and that a block type's rows are whole blocks. */
void hdi_panel_pack(void *panels, hd_dtype dtype, int64_t first, int64_t last, int64_t n, int64_t k, const void *rows,
                    hd_dtype from, int64_t row_stride);

/* Row `row` of [n, k] as f32. */
void hdi_panel_get_row(const void *panels, hd_dtype dtype, int64_t k, int64_t row, float *out);

#endif
