/* SPDX-License-Identifier: Apache-2.0 */
/* The definition of q4_0. For finite values the bits are those of GGUF's reference: d = m / -8 with m the (first) value of
 * largest magnitude, q = x / d by the f32 d, plus 8.5, cut to an integer, at most 15. */
#include "kernels/weights/q4_0/q4_0.h"

#include <string.h>

#include "base/float16.h"
#include "kernels/weights/weight.h"

static void quantize_block(const float *x, hdi_block_q4_0 *b) {
    uint32_t bits[32], top = 0, first = 0;
    uint8_t q[32];
    memcpy(bits, x, sizeof bits);
    for (int i = 0; i < 32; i++) { /* magnitudes compare as integers */
        uint32_t a = bits[i] & 0x7fffffffu;
        top = (int32_t)a > (int32_t)top ? a : top;
    }
    for (int i = 31; i >= 0; i--) first = (bits[i] & 0x7fffffffu) == top ? bits[i] : first;
    float d = hdi_f32_from_bits(first) / -8.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
    b->d = hdi_f32_to_f16(d);
    for (int i = 0; i < 32; i++) { /* outside 0..16 only for NaN, infinities and d so small that 1 / d overflows */
        float y = x[i] * inverse + 8.5f;
        y = y > 15.0f ? 15.0f : y;
        q[i] = (uint8_t)(int32_t)(y >= 0.0f ? y : 0.0f);
    }
    for (int i = 0; i < 16; i++) b->q[i] = (uint8_t)(q[i] | q[i + 16] << 4);
}

static void quantize_row(const float *x, void *row, int64_t k) {
    uint8_t *out = row;
    for (int64_t i = 0; i < k; i += 32, out += sizeof(hdi_block_q4_0)) {
        hdi_block_q4_0 b;
        quantize_block(x + i, &b);
        memcpy(out, &b, sizeof b);
    }
}

static void dequantize_row(const void *row, float *x, int64_t k) {
    const uint8_t *in = row;
    for (int64_t i = 0; i < k; i += 32, in += sizeof(hdi_block_q4_0)) {
        hdi_block_q4_0 b;
        memcpy(&b, in, sizeof b);
        float d = hdi_f16_to_f32(b.d);
        for (int j = 0; j < 16; j++) {
            x[i + j] = (float)((b.q[j] & 15) - 8) * d;
            x[i + j + 16] = (float)((b.q[j] >> 4) - 8) * d;
        }
    }
}

/* Eight nibbles, element 8 * g first, as a row has them and as a panel has them. */
static void pack(void *panel, int r, int64_t k0, int64_t k, const void *row) {
    hdi_panel_q4_0 *p = (hdi_panel_q4_0 *)panel + k0 / 32;
    const uint8_t *in = row;
    for (int64_t i = 0; i < k; i += 32, p++, in += sizeof(hdi_block_q4_0)) {
        const uint8_t *q = in + 2;
        memcpy(&p->d[r], in, 2);
        for (int g = 0; g < 2; g++)
            for (int b = 0; b < 4; b++) {
                p->q[g][r][b] = (uint8_t)((q[8 * g + b] & 15) | q[8 * g + b + 4] << 4);
                p->q[g + 2][r][b] = (uint8_t)(q[8 * g + b] >> 4 | (q[8 * g + b + 4] & 0xf0));
            }
    }
}

static void unpack(const void *panel, int r, int64_t k0, int64_t k, void *row) {
    const hdi_panel_q4_0 *p = (const hdi_panel_q4_0 *)panel + k0 / 32;
    uint8_t *out = row;
    for (int64_t i = 0; i < k; i += 32, p++, out += sizeof(hdi_block_q4_0)) {
        uint8_t *q = out + 2;
        memcpy(out, &p->d[r], 2);
        for (int g = 0; g < 2; g++)
            for (int b = 0; b < 4; b++) {
                q[8 * g + b] = (uint8_t)((p->q[g][r][b] & 15) | p->q[g + 2][r][b] << 4);
                q[8 * g + b + 4] = (uint8_t)(p->q[g][r][b] >> 4 | (p->q[g + 2][r][b] & 0xf0));
            }
    }
}

const hdi_weight hdi_weight_q4_0 = {
    .dtype = HD_DTYPE_Q4_0,
    .block = 32,
    .block_bytes = sizeof(hdi_panel_q4_0),
    .quantize_row = quantize_row,
    .dequantize_row = dequantize_row,
    .pack = pack,
    .unpack = unpack,
};
