/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of conversion for every pair of plain types, through one number that holds any of them exactly. */
#include "kernels/convert/convert.h"

#include "kernels/cost.h"

#include <math.h>
#include <string.h>

#include "base/float16.h"
#include "kernels/rows.h"

void hdi_convert_work(const hdi_kernel_call *call, hdi_kernel_work *work) {
    hdi_chunks_work(&call->operand[0], work);
    work->scratch = HDI_CHUNK * sizeof(float); /* a chunk on its way to or from a block type */
}

/* An element of any plain type: a real, or the 64 bits of an integer. */
typedef struct number {
    enum { REAL, SIGNED, UNSIGNED } kind;
    double real;
    uint64_t bits;
} number;

#define READ(type, p) (*(const type *)(p))
static number integer(int64_t x) { return (number){SIGNED, 0, (uint64_t)x}; }
static number natural(uint64_t x) { return (number){UNSIGNED, 0, x}; }
static number real(double x) { return (number){REAL, x, 0}; }

static number get(hd_dtype dtype, const void *p) {
    switch (dtype) {
    case HD_DTYPE_BOOL:
        return natural(READ(uint8_t, p) != 0);
    case HD_DTYPE_I8:
        return integer(READ(int8_t, p));
    case HD_DTYPE_I16:
        return integer(READ(int16_t, p));
    case HD_DTYPE_I32:
        return integer(READ(int32_t, p));
    case HD_DTYPE_I64:
        return integer(READ(int64_t, p));
    case HD_DTYPE_U8:
        return natural(READ(uint8_t, p));
    case HD_DTYPE_U16:
        return natural(READ(uint16_t, p));
    case HD_DTYPE_U32:
        return natural(READ(uint32_t, p));
    case HD_DTYPE_U64:
        return natural(READ(uint64_t, p));
    case HD_DTYPE_F16:
        return real((double)hdi_f16_to_f32(READ(uint16_t, p)));
    case HD_DTYPE_BF16:
        return real((double)hdi_bf16_to_f32(READ(uint16_t, p)));
    case HD_DTYPE_F32:
        return real((double)READ(float, p));
    case HD_DTYPE_F64:
        return real(READ(double, p));
    case HD_DTYPE_F8_E4M3:
        return real((double)hdi_f8_e4m3_to_f32(READ(uint8_t, p)));
    case HD_DTYPE_F8_E5M2:
        return real((double)hdi_f8_e5m2_to_f32(READ(uint8_t, p)));
    default:
        return real(0);
    }
}

/* An integer as a double whose last bit says whether anything was cut off: rounding it further gives what rounding the integer
 * would (rounding to odd, Boldo and Melquiond 2008). */
static double odd_double(number x) {
    bool negative = x.kind == SIGNED && (int64_t)x.bits < 0;
    uint64_t m = negative ? 0 - x.bits : x.bits;
    int over = m ? 11 - __builtin_clzll(m) : 0; /* bits that a double cannot hold */
    if (over > 0) m = (m >> over | ((m & ((1ull << over) - 1)) != 0)) << over;
    return negative ? -(double)m : (double)m;
}

/* The same from double to float. */
static float odd_float(double x) {
    float f = (float)x;
    if ((double)f == x || isnan(x) || isinf(f)) return f;
    uint32_t u = hdi_f32_bits(f);
    if (u & 1u) return f;
    return hdi_f32_from_bits(fabs((double)f) < fabs(x) ? u + 1 : u - 1);
}

/* Truncates into lo..hi; these are whole numbers that a double holds, hi + 1 too. */
static int64_t to_signed(double x, double lo, double past_hi) {
    if (isnan(x)) return 0;
    if (x <= lo) return (int64_t)lo;
    if (x >= past_hi) return past_hi == 0x1p63 ? INT64_MAX : (int64_t)past_hi - 1;
    return (int64_t)x;
}
static uint64_t to_unsigned(double x, double past_hi) {
    if (isnan(x) || x <= 0) return 0;
    if (x >= past_hi) return past_hi == 0x1p64 ? UINT64_MAX : (uint64_t)past_hi - 1;
    return (uint64_t)x;
}

#define WRITE(type, p, value) (*(type *)(p) = (type)(value))
#define WHOLE(x, bits_of, convert) ((x).kind == REAL ? (bits_of)(convert) : (bits_of)(x).bits)

static void put(hd_dtype dtype, void *p, number x) {
    double d = x.kind == REAL ? x.real : odd_double(x);
    switch (dtype) {
    case HD_DTYPE_BOOL:
        WRITE(uint8_t, p, x.kind == REAL ? x.real != 0 : x.bits != 0);
        break;
    case HD_DTYPE_I8:
        WRITE(int8_t, p, WHOLE(x, int8_t, to_signed(d, -0x1p7, 0x1p7)));
        break;
    case HD_DTYPE_I16:
        WRITE(int16_t, p, WHOLE(x, int16_t, to_signed(d, -0x1p15, 0x1p15)));
        break;
    case HD_DTYPE_I32:
        WRITE(int32_t, p, WHOLE(x, int32_t, to_signed(d, -0x1p31, 0x1p31)));
        break;
    case HD_DTYPE_I64:
        WRITE(int64_t, p, WHOLE(x, int64_t, to_signed(d, -0x1p63, 0x1p63)));
        break;
    case HD_DTYPE_U8:
        WRITE(uint8_t, p, WHOLE(x, uint8_t, to_unsigned(d, 0x1p8)));
        break;
    case HD_DTYPE_U16:
        WRITE(uint16_t, p, WHOLE(x, uint16_t, to_unsigned(d, 0x1p16)));
        break;
    case HD_DTYPE_U32:
        WRITE(uint32_t, p, WHOLE(x, uint32_t, to_unsigned(d, 0x1p32)));
        break;
    case HD_DTYPE_U64:
        WRITE(uint64_t, p, WHOLE(x, uint64_t, to_unsigned(d, 0x1p64)));
        break;
    case HD_DTYPE_F16:
        WRITE(uint16_t, p, hdi_f32_to_f16(odd_float(d)));
        break;
    case HD_DTYPE_BF16:
        WRITE(uint16_t, p, hdi_f32_to_bf16(odd_float(d)));
        break;
    case HD_DTYPE_F8_E4M3:
        WRITE(uint8_t, p, hdi_f32_to_f8_e4m3(odd_float(d)));
        break;
    case HD_DTYPE_F8_E5M2:
        WRITE(uint8_t, p, hdi_f32_to_f8_e5m2(odd_float(d)));
        break;
    case HD_DTYPE_F32:
        WRITE(float, p, d);
        break;
    case HD_DTYPE_F64:
        WRITE(double, p, x.kind == REAL ? d : x.kind == SIGNED ? (double)(int64_t)x.bits : (double)x.bits);
        break;
    default:
        break;
    }
}

void hdi_convert_elements(hd_dtype to, void *y, int64_t sy, hd_dtype from, const void *x, int64_t sx, int64_t n) {
    size_t ybytes = hd_dtype_block_bytes(to), xbytes = hd_dtype_block_bytes(from);
    const char *px = x;
    char *py = y;
    for (int64_t i = 0; i < n; i++, px += sx * (int64_t)xbytes, py += sy * (int64_t)ybytes) {
        if (to == from)
            memcpy(py, px, xbytes);
        else
            put(to, py, get(from, px));
    }
}

void hdi_convert_cost(const hdi_kernel_call *call, const hdi_cost_view *view, hdi_kernel_cost *cost) {
    (void)view;
    hdi_cost_all_once(call, 0, 1, cost);
}
