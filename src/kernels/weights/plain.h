/* SPDX-License-Identifier: Apache-2.0 */
/* A plain type of weights: elements one by one, in rows and in panels. Included once by each of them (no include guard) with
 * WEIGHT_NAME, WEIGHT_DTYPE, WEIGHT_ELEMENT (its C type) and WEIGHT_FROM_F32(x), WEIGHT_TO_F32(v) defined. Rows may have any
 * address, so elements are copied in and out. */
#include <string.h>

#include "kernels/weights/weight.h"

static void quantize_row(const float *x, void *row, int64_t k) {
    WEIGHT_ELEMENT *y = row;
    for (int64_t i = 0; i < k; i++) {
        WEIGHT_ELEMENT v = WEIGHT_FROM_F32(x[i]);
        memcpy(y + i, &v, sizeof v);
    }
}

static void dequantize_row(const void *row, float *x, int64_t k) {
    const WEIGHT_ELEMENT *y = row;
    for (int64_t i = 0; i < k; i++) {
        WEIGHT_ELEMENT v;
        memcpy(&v, y + i, sizeof v);
        x[i] = WEIGHT_TO_F32(v);
    }
}

static void pack(void *panel, int r, int64_t k0, int64_t k, const void *row) {
    WEIGHT_ELEMENT *to = (WEIGHT_ELEMENT *)panel + k0 * HDI_PANEL_ROWS + r;
    const WEIGHT_ELEMENT *y = row;
    for (int64_t i = 0; i < k; i++) memcpy(to + i * HDI_PANEL_ROWS, y + i, sizeof *y);
}

static void unpack(const void *panel, int r, int64_t k0, int64_t k, void *row) {
    const WEIGHT_ELEMENT *from = (const WEIGHT_ELEMENT *)panel + k0 * HDI_PANEL_ROWS + r;
    WEIGHT_ELEMENT *y = row;
    for (int64_t i = 0; i < k; i++) memcpy(y + i, from + i * HDI_PANEL_ROWS, sizeof *y);
}

const hdi_weight WEIGHT_NAME = {
    .dtype = WEIGHT_DTYPE,
    .block = 1,
    .block_bytes = HDI_PANEL_ROWS * sizeof(WEIGHT_ELEMENT),
    .quantize_row = quantize_row,
    .dequantize_row = dequantize_row,
    .pack = pack,
    .unpack = unpack,
};
