/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of convert.h for one element on a GPU, through one number that holds any of them exactly; and blocks of q8_0 and q4_0
 * by 32 lanes, with the bits of weights/<type>/<type>.c. NaN goes from one small float to another as bits of an f32, since
 * hardware conversions forget its sign and payload. */
#ifndef HDI_KERNELS_CONVERT_GPU_H
#define HDI_KERNELS_CONVERT_GPU_H

#include "kernels/gpu/element.h"

namespace HDI_GPU_NAMESPACE {

enum gpu_number_kind { GPU_REAL, GPU_SIGNED, GPU_UNSIGNED };

struct gpu_number {
    gpu_number_kind kind;
    uint32_t nan; /* of a real that is one: the bits of that f32 */
    double real;
    uint64_t bits;
};

/* ---- small floats: 1 sign bit, EXPONENT bits, MANTISSA bits ---- */

/* INFINITE: the format has infinities; else the largest exponent holds numbers, and all ones is NaN. */
template <int EXPONENT, int MANTISSA, int BIAS, bool INFINITE> struct gpu_small_float {
    static __device__ __forceinline__ uint32_t decode(uint32_t v) {
        const uint32_t top = (1u << EXPONENT) - 1u, ones = (1u << MANTISSA) - 1u;
        uint32_t sign = (v >> (EXPONENT + MANTISSA) & 1u) << 31, exponent = v >> MANTISSA & top, mantissa = v & ones;
        if (exponent == top && (INFINITE || mantissa == ones))
            return sign | 0x7f800000u | mantissa << (23 - MANTISSA) | (INFINITE ? 0u : 0x00400000u);
        if (exponent) return sign | (exponent - BIAS + 127u) << 23 | mantissa << (23 - MANTISSA);
        return sign | gpu_f32_to_bits((float)mantissa * gpu_bits_to_f32((uint32_t)(127 + 1 - BIAS - MANTISSA) << 23));
    }
    static __device__ __forceinline__ uint32_t encode(uint32_t u) {
        const uint32_t infinity = INFINITE ? ((1u << EXPONENT) - 1u) << MANTISSA : (1u << (EXPONENT + MANTISSA)) - 1u;
        uint32_t sign = u >> 31 << (EXPONENT + MANTISSA), magnitude = u & 0x7fffffffu;
        if (magnitude > 0x7f800000u)
            return sign | infinity |
                   (INFINITE ? 1u << (MANTISSA - 1) | (magnitude >> (23 - MANTISSA) & ((1u << MANTISSA) - 1u)) : 0u);
        if (magnitude == 0x7f800000u) return sign | infinity;
        int exponent = (int)(magnitude >> 23) - 127 + BIAS, drop = 23 - MANTISSA; /* bits that rounding takes away */
        uint64_t mantissa = (magnitude & 0x7fffffu) | (magnitude >> 23 ? 0x800000u : 0u);
        if (exponent <= 0) drop += 1 - exponent;
        if (drop > 40) return sign;
        uint64_t half = (uint64_t)1 << (drop - 1), rest = mantissa & (((uint64_t)1 << drop) - 1), value = mantissa >> drop;
        if (rest > half || (rest == half && (value & 1))) value++;
        if (exponent > 0)
            value += (uint64_t)(exponent - 1) << MANTISSA; /* the implicit bit, or a carry, moves into the exponent */
        return sign | (value >= infinity ? infinity : (uint32_t)value);
    }
};
typedef gpu_small_float<5, 10, 15, true> gpu_f16_bits;
typedef gpu_small_float<4, 3, 7, false> gpu_e4m3_bits;
typedef gpu_small_float<5, 2, 15, true> gpu_e5m2_bits;

/* ---- reading ---- */

static __device__ __forceinline__ gpu_number gpu_real_number(uint32_t bits) {
    gpu_number x = {GPU_REAL, (bits & 0x7fffffffu) > 0x7f800000u ? bits : 0u, (double)gpu_bits_to_f32(bits), 0};
    return x;
}
static __device__ __forceinline__ gpu_number gpu_f64_number(double d) {
    union {
        double d;
        uint64_t u;
    } v = {d};
    bool nan = d != d;
    gpu_number x = {GPU_REAL, nan ? (uint32_t)(v.u >> 63) << 31 | 0x7fc00000u | ((uint32_t)(v.u >> 29) & 0x3fffffu) : 0u, d, 0};
    return x;
}
static __device__ __forceinline__ gpu_number gpu_integer(int64_t i) {
    gpu_number x = {GPU_SIGNED, 0, 0, (uint64_t)i};
    return x;
}
static __device__ __forceinline__ gpu_number gpu_natural(uint64_t i) {
    gpu_number x = {GPU_UNSIGNED, 0, 0, i};
    return x;
}

static __device__ inline gpu_number gpu_get_number(int dtype, const void *data, int64_t i) {
    switch (dtype) {
    case HD_DTYPE_BOOL:
        return gpu_natural(((const uint8_t *)data)[i] != 0);
    case HD_DTYPE_I8:
        return gpu_integer(((const int8_t *)data)[i]);
    case HD_DTYPE_I16:
        return gpu_integer(((const int16_t *)data)[i]);
    case HD_DTYPE_I32:
        return gpu_integer(((const int32_t *)data)[i]);
    case HD_DTYPE_I64:
        return gpu_integer(((const int64_t *)data)[i]);
    case HD_DTYPE_U8:
        return gpu_natural(((const uint8_t *)data)[i]);
    case HD_DTYPE_U16:
        return gpu_natural(((const uint16_t *)data)[i]);
    case HD_DTYPE_U32:
        return gpu_natural(((const uint32_t *)data)[i]);
    case HD_DTYPE_U64:
        return gpu_natural(((const uint64_t *)data)[i]);
    case HD_DTYPE_F16:
        return gpu_real_number(gpu_f16_bits::decode(((const uint16_t *)data)[i]));
    case HD_DTYPE_BF16:
        return gpu_real_number((uint32_t)((const uint16_t *)data)[i] << 16);
    case HD_DTYPE_F32:
        return gpu_real_number(((const uint32_t *)data)[i]);
    case HD_DTYPE_F64:
        return gpu_f64_number(((const double *)data)[i]);
    case HD_DTYPE_F8_E4M3:
        return gpu_real_number(gpu_e4m3_bits::decode(((const uint8_t *)data)[i]));
    default:
        return gpu_real_number(gpu_e5m2_bits::decode(((const uint8_t *)data)[i]));
    }
}

/* ---- writing ---- */

/* An integer as a double whose last bit says whether anything was cut off: rounding it further gives what rounding the integer
 * would. */
static __device__ __forceinline__ double gpu_odd_double(gpu_number x) {
    bool negative = x.kind == GPU_SIGNED && (int64_t)x.bits < 0;
    uint64_t m = negative ? 0 - x.bits : x.bits;
    if (m >> 53) {
        int over = 11;
        while (!(m >> (over + 52))) over--; /* m has over + 53 bits */
        m = (m >> over | ((m & (((uint64_t)1 << over) - 1)) != 0)) << over;
    }
    return negative ? -(double)m : (double)m;
}

/* The bits of the float nearest to d, made odd where d lies beside it. */
static __device__ __forceinline__ uint32_t gpu_odd_float(double d) {
    float f = (float)d;
    uint32_t u = gpu_f32_to_bits(f);
    if ((double)f == d || (u & 0x7fffffffu) == 0x7f800000u || (u & 1u)) return u;
    return fabs((double)f) < fabs(d) ? u + 1 : u - 1;
}

/* Truncates into lo .. past_hi - 1; NaN gives 0. */
static __device__ __forceinline__ int64_t gpu_to_signed(double x, double lo, double past_hi) {
    if (x != x) return 0;
    if (x <= lo) return lo <= -0x1p63 ? INT64_MIN : (int64_t)lo;
    if (x >= past_hi) return past_hi >= 0x1p63 ? INT64_MAX : (int64_t)past_hi - 1;
    return (int64_t)x;
}
static __device__ __forceinline__ uint64_t gpu_to_unsigned(double x, double past_hi) {
    if (!(x > 0)) return 0;
    if (x >= past_hi) return past_hi >= 0x1p64 ? UINT64_MAX : (uint64_t)past_hi - 1;
    return (uint64_t)x;
}

static __device__ inline void gpu_put_number(int dtype, void *data, int64_t i, gpu_number x) {
    bool real = x.kind == GPU_REAL;
    double d = real ? x.real : gpu_odd_double(x);
    switch (dtype) {
    case HD_DTYPE_BOOL:
        ((uint8_t *)data)[i] = real ? x.real != 0 : x.bits != 0;
        return;
    case HD_DTYPE_I8:
        ((int8_t *)data)[i] = (int8_t)(real ? gpu_to_signed(d, -0x1p7, 0x1p7) : (int64_t)x.bits);
        return;
    case HD_DTYPE_I16:
        ((int16_t *)data)[i] = (int16_t)(real ? gpu_to_signed(d, -0x1p15, 0x1p15) : (int64_t)x.bits);
        return;
    case HD_DTYPE_I32:
        ((int32_t *)data)[i] = (int32_t)(real ? gpu_to_signed(d, -0x1p31, 0x1p31) : (int64_t)x.bits);
        return;
    case HD_DTYPE_I64:
        ((int64_t *)data)[i] = real ? gpu_to_signed(d, -0x1p63, 0x1p63) : (int64_t)x.bits;
        return;
    case HD_DTYPE_U8:
        ((uint8_t *)data)[i] = (uint8_t)(real ? gpu_to_unsigned(d, 0x1p8) : x.bits);
        return;
    case HD_DTYPE_U16:
        ((uint16_t *)data)[i] = (uint16_t)(real ? gpu_to_unsigned(d, 0x1p16) : x.bits);
        return;
    case HD_DTYPE_U32:
        ((uint32_t *)data)[i] = (uint32_t)(real ? gpu_to_unsigned(d, 0x1p32) : x.bits);
        return;
    case HD_DTYPE_U64:
        ((uint64_t *)data)[i] = real ? gpu_to_unsigned(d, 0x1p64) : x.bits;
        return;
    case HD_DTYPE_F32:
        ((uint32_t *)data)[i] = x.nan ? x.nan : gpu_f32_to_bits((float)d);
        return;
    case HD_DTYPE_F64:
        ((double *)data)[i] = real ? d : x.kind == GPU_SIGNED ? (double)(int64_t)x.bits : (double)x.bits;
        return;
    default:
        break;
    }
    uint32_t u = x.nan ? x.nan : gpu_odd_float(d);
    switch (dtype) {
    case HD_DTYPE_F16:
        ((uint16_t *)data)[i] = (uint16_t)gpu_f16_bits::encode(u);
        return;
    case HD_DTYPE_BF16:
        ((uint16_t *)data)[i] = gpu_f32_to_bf16(gpu_bits_to_f32(u));
        return;
    case HD_DTYPE_F8_E4M3:
        ((uint8_t *)data)[i] = (uint8_t)gpu_e4m3_bits::encode(u);
        return;
    default:
        ((uint8_t *)data)[i] = (uint8_t)gpu_e5m2_bits::encode(u);
        return;
    }
}

/* ---- blocks: lane i of 32 (a warp may hold two such) has element i ---- */

static __device__ __forceinline__ uint32_t gpu_largest_magnitude(float x) {
    uint32_t top = gpu_f32_to_bits(x) & 0x7fffffffu; /* magnitudes compare as integers */
    for (int d = 16; d > 0; d /= 2) {
        uint32_t other = gpu_shfl_xor(top, d);
        top = other > top ? other : top;
    }
    return top;
}

static __device__ __forceinline__ void gpu_put_scale(uint8_t *block, float d) {
    *(uint16_t *)block = (uint16_t)gpu_f16_bits::encode(gpu_f32_to_bits(d));
}

static __device__ __forceinline__ void gpu_quantize_q8_0(float x, uint8_t *block, bool there) {
    int lane = (int)threadIdx.x % 32;
    float d = gpu_bits_to_f32(gpu_largest_magnitude(x)) / 127.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
    float y = x * inverse;
    y = y > 127.0f ? 127.0f : y;
    y = y >= -127.0f ? y : -127.0f;
    int whole = (int)y;
    float rest = y - (float)whole;
    if (!there) return;
    if (lane == 0) gpu_put_scale(block, d);
    block[2 + lane] = (uint8_t)(int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
}

static __device__ __forceinline__ void gpu_quantize_q4_0(float x, uint8_t *block, bool there) {
    int lane = (int)threadIdx.x % 32, half = (int)threadIdx.x % GPU_LANES / 32 * 32;
    uint32_t bits = gpu_f32_to_bits(x), top = gpu_largest_magnitude(x);
    uint32_t equal = (uint32_t)(gpu_ballot((bits & 0x7fffffffu) == top) >> half);
    int first = 0;
    while (!(equal >> first & 1u)) first++;
    float d = gpu_bits_to_f32(gpu_shfl(bits, half + first)) / -8.0f, inverse = d != 0.0f ? 1.0f / d : 0.0f;
    float scaled = fmaf(x, inverse, 0.0f); /* rounded before the sum, whatever the compiler makes of products and sums */
    float y = scaled + 8.5f;
    y = y > 15.0f ? 15.0f : y;
    uint32_t q = (uint32_t)(int)(y >= 0.0f ? y : 0.0f), high = gpu_shfl_down(q, 16);
    if (!there) return;
    if (lane == 0) gpu_put_scale(block, d);
    if (lane < 16) block[2 + lane] = (uint8_t)(q | high << 4);
}

} // namespace HDI_GPU_NAMESPACE

#endif
