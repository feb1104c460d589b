/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions through long double, which holds every integer and float exactly, and rounding by its own arithmetic. */
#include "kernels/convert/convert.h"

#include <math.h>
#include <string.h>

#include "kernels/ref.h"

static long double get(const hdi_operand *t, int64_t i) {
    switch ((hd_dtype)t->dtype) {
    case HD_DTYPE_BOOL:
        return ((const uint8_t *)t->data)[i] != 0;
    case HD_DTYPE_U8:
        return ((const uint8_t *)t->data)[i];
    case HD_DTYPE_I8:
        return ((const int8_t *)t->data)[i];
    case HD_DTYPE_U16:
        return ((const uint16_t *)t->data)[i];
    case HD_DTYPE_I16:
        return ((const int16_t *)t->data)[i];
    case HD_DTYPE_U32:
        return ((const uint32_t *)t->data)[i];
    case HD_DTYPE_U64:
        return (long double)((const uint64_t *)t->data)[i];
    case HD_DTYPE_I64:
        return (long double)((const int64_t *)t->data)[i];
    case HD_DTYPE_F8_E4M3:
        return (long double)hdi_f8_e4m3_to_f32(((const uint8_t *)t->data)[i]);
    case HD_DTYPE_F8_E5M2:
        return (long double)hdi_f8_e5m2_to_f32(((const uint8_t *)t->data)[i]);
    default:
        return (long double)hdi_ref_get(t, i);
    }
}

/* Nearest number of `digits` binary digits whose last place is at least 2^least; past `largest`: infinity. */
static double nearest(long double x, int digits, int least, double largest) {
    int e;
    if (x == 0 || !isfinite(x)) return (double)x;
    frexpl(x, &e);
    int place = e - digits > least ? e - digits : least;
    double rounded = (double)ldexpl(rintl(ldexpl(x, -place)), place);
    return fabs(rounded) > largest ? copysign(INFINITY, rounded) : rounded;
}

static void put_integer(const hdi_operand *t, int64_t i, long double x, bool from_real, int bits, bool is_signed) {
    long double past = ldexpl(1, is_signed ? bits - 1 : bits), low = is_signed ? -past : 0;
    uint64_t value;
    if (from_real) {
        x = isnan(x) ? 0 : truncl(x);
        x = x < low ? low : x >= past ? past - 1 : x;
    }
    value = x < 0 ? 0 - (uint64_t)-x : (uint64_t)x;
    memcpy((char *)t->data + i * (bits / 8), &value, (size_t)bits / 8);
}

static void put(const hdi_operand *t, int64_t i, long double x, hd_dtype to, bool from_real) {
    uint8_t *bytes = t->data;
    double *reals = t->data;
    switch (to) {
    case HD_DTYPE_BOOL:
        bytes[i] = x != 0;
        break;
    case HD_DTYPE_I8:
        put_integer(t, i, x, from_real, 8, true);
        break;
    case HD_DTYPE_I16:
        put_integer(t, i, x, from_real, 16, true);
        break;
    case HD_DTYPE_I32:
        put_integer(t, i, x, from_real, 32, true);
        break;
    case HD_DTYPE_I64:
        put_integer(t, i, x, from_real, 64, true);
        break;
    case HD_DTYPE_U8:
        put_integer(t, i, x, from_real, 8, false);
        break;
    case HD_DTYPE_U16:
        put_integer(t, i, x, from_real, 16, false);
        break;
    case HD_DTYPE_U32:
        put_integer(t, i, x, from_real, 32, false);
        break;
    case HD_DTYPE_U64:
        put_integer(t, i, x, from_real, 64, false);
        break;
    case HD_DTYPE_F8_E4M3:
        bytes[i] = hdi_f32_to_f8_e4m3((float)nearest(x, 4, -9, INFINITY));
        break;
    case HD_DTYPE_F8_E5M2:
        bytes[i] = hdi_f32_to_f8_e5m2((float)nearest(x, 3, -16, INFINITY));
        break;
    case HD_DTYPE_F16:
        reals[i] = nearest(x, 11, -24, 65504);
        break;
    case HD_DTYPE_BF16:
        reals[i] = nearest(x, 8, -133, 0x1.fep127);
        break;
    case HD_DTYPE_F32:
        reals[i] = nearest(x, 24, -149, 0x1.fffffep127);
        break;
    default:
        reals[i] = (double)x;
        break;
    }
}

/* The definitions of the block types, one block of 32 at a time: x / d is taken as x times the f32 reciprocal, as GGUF does. */
static void quantize(const float *x, hd_dtype to, uint8_t *block) {
    float amax = 0, top = 0;
    for (int i = 0; i < 32; i++)
        if (fabsf(x[i]) > amax) amax = fabsf(top = x[i]);
    float d = to == HD_DTYPE_Q8_0 ? amax / 127 : top / -8, inverse = d != 0 ? 1 / d : 0;
    uint16_t scale = hdi_f32_to_f16(d);
    memcpy(block, &scale, 2);
    for (int i = 0; i < 32 && to == HD_DTYPE_Q8_0; i++) block[2 + i] = (uint8_t)(int8_t)roundf(x[i] * inverse);
    for (int i = 0; i < 16 && to == HD_DTYPE_Q4_0; i++) {
        int low = (int)(x[i] * inverse + 8.5f), high = (int)(x[i + 16] * inverse + 8.5f);
        block[2 + i] = (uint8_t)((low < 15 ? low : 15) | (high < 15 ? high : 15) << 4);
    }
}

static double dequantize(const uint8_t *block, hd_dtype from, int64_t i) {
    uint16_t scale;
    memcpy(&scale, block, 2);
    int q = from == HD_DTYPE_Q8_0 ? (int8_t)block[2 + i] : (int)(block[2 + i % 16] >> (i < 16 ? 0 : 4) & 15) - 8;
    return (double)hdi_f16_to_f32(scale) * q;
}

static void ref_blocks(const hdi_operand *y, hd_dtype to, const hdi_operand *x, hd_dtype from) {
    int64_t n = hdi_row_length(y), bytes = (int64_t)hd_dtype_block_bytes(hd_dtype_block_elements(to) > 1 ? to : from);
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t b = 0; b < n / 32; b++) {
            int64_t xo = hdi_row_offset(x, r), yo = hdi_row_offset(y, r);
            float values[32];
            if (hd_dtype_block_elements(from) > 1) {
                const uint8_t *block = (const uint8_t *)x->data + (xo / 32 + b) * bytes;
                for (int i = 0; i < 32; i++) put(y, yo + b * 32 + i, (long double)dequantize(block, from, i), to, true);
                continue;
            }
            for (int i = 0; i < 32; i++) values[i] = (float)get(x, xo + b * 32 + i);
            quantize(values, to, (uint8_t *)y->data + (yo / 32 + b) * bytes);
        }
}

/* attr: the hd_dtype of the output, which the f64 memory of a float output does not tell. */
void hdi_convert_ref(const hdi_kernel_call *call) {
    const hdi_operand *y = &call->operand[0], *x = &call->operand[1];
    hd_dtype to, from = (hd_dtype)x->dtype;
    bool from_real = from == HD_DTYPE_F16 || from == HD_DTYPE_BF16 || from == HD_DTYPE_F32 || from == HD_DTYPE_F64 ||
                     from == HD_DTYPE_F8_E4M3 || from == HD_DTYPE_F8_E5M2;
    int64_t n = hdi_row_length(y), sx = x->rank ? x->stride[x->rank - 1] : 1;
    memcpy(&to, call->attr, sizeof to);
    if (hd_dtype_block_elements(to) > 1 || hd_dtype_block_elements(from) > 1) {
        ref_blocks(y, to, x, from);
        return;
    }
    for (int64_t r = 0; r < hdi_row_count(y); r++)
        for (int64_t i = 0; i < n; i++)
            if (to == from && hd_dtype_block_bytes(to) == 1) /* f8: NaN payloads stay */
                ((uint8_t *)y->data)[r * n + i] = ((const uint8_t *)x->data)[hdi_row_offset(x, r) + i * sx];
            else
                put(y, r * n + i, get(x, hdi_row_offset(x, r) + i * sx), to, from_real);
}
