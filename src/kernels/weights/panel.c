/* SPDX-License-Identifier: Apache-2.0 */
/* Packing goes chunk by chunk of K over the 32 rows, so that what is written at a time stays in the first cache. */
#include "kernels/weights/panel.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

enum { CHUNK = 256 };

static const hdi_weight *const weights[] = {
#define WEIGHT(NAME, name) &hdi_weight_##name,
#include "kernels/weights/weights.def"
};

const hdi_weight *hdi_weight_of(hd_dtype dtype) {
    for (size_t i = 0; i < HDI_COUNTOF(weights); i++)
        if (weights[i]->dtype == dtype) return weights[i];
    return NULL;
}

size_t hdi_panel_stride(hd_dtype dtype, int64_t k) {
    const hdi_weight *w = hdi_weight_of(dtype);
    size_t bytes;
    if (!w || k < 0 || k % w->block != 0) return 0;
    if (!hdi_mul_size((size_t)(k / w->block), w->block_bytes, &bytes)) return 0;
    return bytes;
}

size_t hdi_panel_bytes(hd_dtype dtype, int64_t n, int64_t k) {
    size_t bytes, stride = hdi_panel_stride(dtype, k);
    if (n < 0 || !hdi_mul_size((size_t)hdi_panel_count(n), stride, &bytes)) return 0;
    return bytes;
}

/* Bytes of `k` elements in the row format. */
static size_t row_bytes(hd_dtype dtype, int64_t k) {
    return (size_t)(k / hd_dtype_block_elements(dtype)) * hd_dtype_block_bytes(dtype);
}

static void pack_panel(uint8_t *panel, const hdi_weight *to, const hdi_weight *from, const uint8_t *rows, size_t row_step,
                       int count, int64_t k) {
    float x[CHUNK];
    uint8_t own[CHUNK * sizeof(float)];
    for (int64_t k0 = 0; k0 < k; k0 += CHUNK) {
        int64_t n = hdi_min_i64(CHUNK, k - k0);
        for (int r = 0; r < count; r++) {
            const uint8_t *row = rows + (size_t)r * row_step + row_bytes(from->dtype, k0);
            if (to != from) {
                from->dequantize_row(row, x, n);
                to->quantize_row(x, own, n);
                row = own;
            }
            to->pack(panel, r, k0, n, row);
        }
    }
}

void hdi_panel_pack(void *panels, hd_dtype dtype, int64_t first, int64_t last, int64_t n, int64_t k, const void *rows,
                    hd_dtype from, int64_t row_stride) {
    const hdi_weight *to = hdi_weight_of(dtype), *source = hdi_weight_of(from);
    size_t stride = hdi_panel_stride(dtype, k), row_step = row_bytes(from, row_stride);
    assert(to && source);
    for (int64_t p = first; p < last; p++) {
        uint8_t *panel = (uint8_t *)panels + (size_t)p * stride;
        int64_t count = hdi_min_i64(HDI_PANEL_ROWS, n - p * HDI_PANEL_ROWS);
        if (count < HDI_PANEL_ROWS) memset(panel, 0, stride);
        pack_panel(panel, to, source, (const uint8_t *)rows + (size_t)(p * HDI_PANEL_ROWS) * row_step, row_step, (int)count, k);
    }
}

void hdi_panel_get_row(const void *panels, hd_dtype dtype, int64_t k, int64_t row, float *out) {
    const hdi_weight *w = hdi_weight_of(dtype);
    const uint8_t *panel = (const uint8_t *)panels + (size_t)(row / HDI_PANEL_ROWS) * hdi_panel_stride(dtype, k);
    uint8_t own[CHUNK * sizeof(float)];
    assert(w);
    for (int64_t k0 = 0; k0 < k; k0 += CHUNK) {
        int64_t n = hdi_min_i64(CHUNK, k - k0);
        w->unpack(panel, (int)(row % HDI_PANEL_ROWS), k0, n, own);
        w->dequantize_row(own, out + k0, n);
    }
}
