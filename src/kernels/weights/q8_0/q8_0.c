/* SPDX-License-Identifier: Apache-2.0 */
/* The definition of q8_0. For finite values the bits are those of GGUF's reference: d = amax / 127, q = x / d by the f32 d,
 * rounded half away from zero. Written so that compilers vectorise it. */
#include "kernels/weights/q8_0/q8_0.h"

#include <string.h>

#include "base/float16.h"
#include "kernels/weights/weight.h"

static void quantize_block(const float *x, hdi_block_q8_0 *b) {
    uint32_t bits[32], top = 0;
    float v[32];
    memcpy(bits, x, sizeof bits);
    for (int i = 0; i < 32; i++) { /* magnitudes compare as integers */
        uint32_t a = bits[i] & 0x7fffffffu;
        top = (int32_t)a > (int32_t)top ? a : top;
    }
    float d = hdi_f32_from_bits(top) / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
    b->d = hdi_f32_to_f16(d);
    for (int i = 0; i < 32; i++) { /* beyond 127 only for NaN, infinities and d so small that 1 / d overflows */
        float y = x[i] * inverse;
        y = y > 127.0f ? 127.0f : y;
        v[i] = y >= -127.0f ? y : -127.0f;
    }
    for (int i = 0; i < 32; i++) {
        int32_t whole = (int32_t)v[i];
        float rest = v[i] - (float)whole;
        b->q[i] = (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
    }
}

static void quantize_row(const float *x, void *row, int64_t k) {
    uint8_t *out = row;
    for (int64_t i = 0; i < k; i += 32, out += sizeof(hdi_block_q8_0)) {
        hdi_block_q8_0 b;
        quantize_block(x + i, &b);
        memcpy(out, &b, sizeof b);
    }
}

static void dequantize_row(const void *row, float *x, int64_t k) {
    const uint8_t *in = row;
    for (int64_t i = 0; i < k; i += 32, in += sizeof(hdi_block_q8_0)) {
        hdi_block_q8_0 b;
        memcpy(&b, in, sizeof b);
        float d = hdi_f16_to_f32(b.d);
        for (int j = 0; j < 32; j++) x[i + j] = (float)b.q[j] * d;
    }
}

static void pack(void *panel, int r, int64_t k0, int64_t k, const void *row) {
    hdi_panel_q8_0 *p = (hdi_panel_q8_0 *)panel + k0 / 32;
    const uint8_t *in = row;
    for (int64_t i = 0; i < k; i += 32, p++, in += sizeof(hdi_block_q8_0)) {
        memcpy(&p->d[r], in, 2);
        for (int g = 0; g < 8; g++) memcpy(p->q[g][r], in + 2 + 4 * g, 4);
    }
}

static void unpack(const void *panel, int r, int64_t k0, int64_t k, void *row) {
    const hdi_panel_q8_0 *p = (const hdi_panel_q8_0 *)panel + k0 / 32;
    uint8_t *out = row;
    for (int64_t i = 0; i < k; i += 32, p++, out += sizeof(hdi_block_q8_0)) {
        memcpy(out, &p->d[r], 2);
        for (int g = 0; g < 8; g++) memcpy(out + 2 + 4 * g, p->q[g][r], 4);
    }
}

const hdi_weight hdi_weight_q8_0 = {
    .dtype = HD_DTYPE_Q8_0,
    .block = 32,
    .block_bytes = sizeof(hdi_panel_q8_0),
    .quantize_row = quantize_row,
    .dequantize_row = dequantize_row,
    .pack = pack,
    .unpack = unpack,
};
