/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar conversions between f32 and the small float formats: the specification that vector kernels are checked against.
 *
 * All round to nearest, ties to even; f16 and bf16 overflow to infinity, NaN stays NaN (quiet). f8_e4m3 is the "fn" format
 * (no infinities, S.1111.111 is NaN, the largest value is 448; beyond it: NaN); f8_e5m2 is IEEE-like (overflow to infinity). */
#ifndef HDI_BASE_FLOAT16_H
#define HDI_BASE_FLOAT16_H

#include <stdint.h>
#include <string.h>

static inline uint32_t hdi_f32_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
static inline float hdi_f32_from_bits(uint32_t u) {
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float hdi_bf16_to_f32(uint16_t h) { return hdi_f32_from_bits((uint32_t)h << 16); }

static inline uint16_t hdi_f32_to_bf16(float x) {
    uint32_t u = hdi_f32_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u); /* NaN: keep it one */
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

float hdi_f16_to_f32(uint16_t h);
uint16_t hdi_f32_to_f16(float x);
float hdi_f8_e4m3_to_f32(uint8_t v);
uint8_t hdi_f32_to_f8_e4m3(float x);
float hdi_f8_e5m2_to_f32(uint8_t v);
uint8_t hdi_f32_to_f8_e5m2(float x);

#endif
