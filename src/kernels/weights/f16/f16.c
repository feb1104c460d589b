/* SPDX-License-Identifier: Apache-2.0 */
/* Weights as IEEE half precision. */
#include <string.h>

#include "base/float16.h"
#include "kernels/weights/weight.h"

static void quantize_row(const float *x, void *row, int64_t k) {
    uint16_t *y = row;
    for (int64_t i = 0; i < k; i++) {
        uint16_t v = hdi_f32_to_f16(x[i]);
        memcpy(y + i, &v, sizeof v);
    }
}

static void dequantize_row(const void *row, float *x, int64_t k) {
    const uint16_t *y = row;
    for (int64_t i = 0; i < k; i++) {
        uint16_t v;
        memcpy(&v, y + i, sizeof v);
        x[i] = hdi_f16_to_f32(v);
    }
}

static void pack(void *panel, int r, int64_t k0, int64_t k, const void *row) {
    uint16_t *to = (uint16_t *)panel + k0 * HDI_PANEL_ROWS + r;
    const uint16_t *y = row;
    for (int64_t i = 0; i < k; i++) memcpy(to + i * HDI_PANEL_ROWS, y + i, sizeof *y);
}

static void unpack(const void *panel, int r, int64_t k0, int64_t k, void *row) {
    const uint16_t *from = (const uint16_t *)panel + k0 * HDI_PANEL_ROWS + r;
    uint16_t *y = row;
    for (int64_t i = 0; i < k; i++) memcpy(y + i, from + i * HDI_PANEL_ROWS, sizeof *y);
}

const hdi_weight hdi_weight_f16 = {
    .dtype = HD_DTYPE_F16,
    .block = 1,
    .block_bytes = HDI_PANEL_ROWS * sizeof(uint16_t),
    .quantize_row = quantize_row,
    .dequantize_row = dequantize_row,
    .pack = pack,
    .unpack = unpack,
};
