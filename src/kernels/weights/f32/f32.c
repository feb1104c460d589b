/* SPDX-License-Identifier: Apache-2.0 */
/* Weights as f32. */
#include <string.h>

#include "kernels/weights/weight.h"

static void quantize_row(const float *x, void *row, int64_t k) {
    float *y = row;
    for (int64_t i = 0; i < k; i++) {
        float v = x[i];
        memcpy(y + i, &v, sizeof v);
    }
}

static void dequantize_row(const void *row, float *x, int64_t k) {
    const float *y = row;
    for (int64_t i = 0; i < k; i++) {
        float v;
        memcpy(&v, y + i, sizeof v);
        x[i] = v;
    }
}

static void pack(void *panel, int r, int64_t k0, int64_t k, const void *row) {
    float *to = (float *)panel + k0 * HDI_PANEL_ROWS + r;
    const float *y = row;
    for (int64_t i = 0; i < k; i++) memcpy(to + i * HDI_PANEL_ROWS, y + i, sizeof *y);
}

static void unpack(const void *panel, int r, int64_t k0, int64_t k, void *row) {
    const float *from = (const float *)panel + k0 * HDI_PANEL_ROWS + r;
    float *y = row;
    for (int64_t i = 0; i < k; i++) memcpy(y + i, from + i * HDI_PANEL_ROWS, sizeof *y);
}

const hdi_weight hdi_weight_f32 = {
    .dtype = HD_DTYPE_F32,
    .block = 1,
    .block_bytes = HDI_PANEL_ROWS * sizeof(float),
    .quantize_row = quantize_row,
    .dequantize_row = dequantize_row,
    .pack = pack,
    .unpack = unpack,
};
