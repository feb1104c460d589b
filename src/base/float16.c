/* SPDX-License-Identifier: Apache-2.0 */
/* One generic small-float codec in integer arithmetic; each format is a line of parameters. */
#include "base/float16.h"

/* A format of 1 sign bit, `exponent` bits and `mantissa` bits. */
typedef struct format {
    int exponent, mantissa, bias;
    int has_infinity; /* else the largest exponent holds numbers, and all ones is NaN */
} format;

static const format f16 = {5, 10, 15, 1}, e4m3 = {4, 3, 7, 0}, e5m2 = {5, 2, 15, 1};

static inline float decode(uint32_t v, format f) {
    uint32_t sign = v >> (f.exponent + f.mantissa) & 1u;
    uint32_t exponent = v >> f.mantissa & ((1u << f.exponent) - 1u), mantissa = v & ((1u << f.mantissa) - 1u);
    uint32_t top = (1u << f.exponent) - 1u, bits;
    if (exponent == top && (f.has_infinity || mantissa == (1u << f.mantissa) - 1u)) {
        bits = 0x7f800000u | mantissa << (23 - f.mantissa);
        if (!f.has_infinity) bits |= 0x00400000u;
    } else if (exponent) {
        bits = (exponent - (uint32_t)f.bias + 127u) << 23 | mantissa << (23 - f.mantissa);
    } else if (mantissa) { /* subnormal: mantissa * 2^(1 - bias - mantissa bits), exact in f32 */
        int shift = __builtin_clz(mantissa) - (31 - f.mantissa);
        bits = (uint32_t)(127 - f.bias + 1 - shift) << 23 | (mantissa << (23 - f.mantissa + shift) & 0x7fffffu);
    } else {
        bits = 0;
    }
    return hdi_f32_from_bits(sign << 31 | bits);
}

static inline uint32_t encode(float x, format f) {
    uint32_t u = hdi_f32_bits(x), sign = u >> 31 << (f.exponent + f.mantissa), magnitude = u & 0x7fffffffu;
    uint32_t infinity = f.has_infinity ? ((1u << f.exponent) - 1u) << f.mantissa : (1u << (f.exponent + f.mantissa)) - 1u;
    if (magnitude > 0x7f800000u) return sign | infinity | (f.has_infinity ? 1u << (f.mantissa - 1) | (magnitude >> (23 - f.mantissa) & ((1u << f.mantissa) - 1u)) : 0u);
    if (magnitude == 0x7f800000u) return sign | infinity;
    int exponent = (int)(magnitude >> 23) - 127 + f.bias;
    uint64_t mantissa = (magnitude & 0x7fffffu) | (magnitude >> 23 ? 0x800000u : 0u);
    int drop = 23 - f.mantissa; /* bits that rounding takes away */
    if (exponent <= 0) drop += 1 - exponent;
    if (drop > 40) return sign;
    uint64_t half = 1ull << (drop - 1), rest = mantissa & ((1ull << drop) - 1ull);
    uint64_t value = mantissa >> drop;
    if (rest > half || (rest == half && (value & 1u))) value++;
    /* For normal numbers `value` still has its implicit bit: adding moves it, and a carry, into the exponent. */
    if (exponent > 0) value += (uint64_t)(exponent - 1) << f.mantissa;
    return sign | (value >= infinity ? infinity : (uint32_t)value);
}

float hdi_f16_to_f32(uint16_t h) { return decode(h, f16); }
uint16_t hdi_f32_to_f16(float x) { return (uint16_t)encode(x, f16); }
float hdi_f8_e4m3_to_f32(uint8_t v) { return decode(v, e4m3); }
uint8_t hdi_f32_to_f8_e4m3(float x) { return (uint8_t)encode(x, e4m3); }
float hdi_f8_e5m2_to_f32(uint8_t v) { return decode(v, e5m2); }
uint8_t hdi_f32_to_f8_e5m2(float x) { return (uint8_t)encode(x, e5m2); }
