/* SPDX-License-Identifier: Apache-2.0 */
/* Small floats against a second definition: decoding by ldexp, encoding by a search among all decoded values. */
#include <math.h>
#include <stdlib.h>

#include "unit/cmocka_all.h"

#include "base/float16.h"

/* A format from the outside. Values of codes 0 .. last are finite and grow; `over` is what is beyond them. */
typedef struct format {
    const char *name;
    int mantissa, bias, sign; /* bits of the mantissa; exponent bias; the sign's bit */
    uint32_t last, over;      /* the largest finite code; the code of what overflows */
    double (*decode)(uint32_t);
    uint32_t (*encode)(float);
} format;

static double d_f16(uint32_t v) { return (double)hdi_f16_to_f32((uint16_t)v); }
static double d_bf16(uint32_t v) { return (double)hdi_bf16_to_f32((uint16_t)v); }
static double d_e4m3(uint32_t v) { return (double)hdi_f8_e4m3_to_f32((uint8_t)v); }
static double d_e5m2(uint32_t v) { return (double)hdi_f8_e5m2_to_f32((uint8_t)v); }
static uint32_t e_f16(float x) { return hdi_f32_to_f16(x); }
static uint32_t e_bf16(float x) { return hdi_f32_to_bf16(x); }
static uint32_t e_e4m3(float x) { return hdi_f32_to_f8_e4m3(x); }
static uint32_t e_e5m2(float x) { return hdi_f32_to_f8_e5m2(x); }

static const format formats[] = {
    {"f16", 10, 15, 15, 0x7bff, 0x7c00, d_f16, e_f16},
    {"bf16", 7, 127, 15, 0x7f7f, 0x7f80, d_bf16, e_bf16},
    {"f8_e4m3", 3, 7, 7, 0x7e, 0x7f, d_e4m3, e_e4m3},
    {"f8_e5m2", 2, 15, 7, 0x7b, 0x7c, d_e5m2, e_e5m2},
};
enum { FORMATS = (int)(sizeof formats / sizeof *formats) };

/* mantissa * 2^exponent, as the format's definition says it. */
static double value_of(const format *f, uint32_t code) {
    int exponent = (int)(code >> f->mantissa);
    double mantissa = (double)(code & ((1u << f->mantissa) - 1u));
    if (exponent == 0) return ldexp(mantissa, 1 - f->bias - f->mantissa);
    return ldexp(mantissa + (double)(1 << f->mantissa), exponent - f->bias - f->mantissa);
}

static void every_code_decodes(void **state) {
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const format *f = &formats[k];
        for (uint32_t code = 0; code <= f->last; code++) {
            assert_true(f->decode(code) == value_of(f, code));
            assert_true(f->decode(code | 1u << f->sign) == -value_of(f, code));
        }
        for (uint32_t code = f->last + 1; code < 1u << f->sign; code++) {
            double x = f->decode(code);
            assert_true(code == f->over && k != 2 ? isinf(x) : isnan(x));
        }
        assert_true(signbit(f->decode(1u << f->sign)) && !signbit(f->decode(0)));
    }
}

/* The nearest code for |x|, ties to the even code, by binary search and comparison of distances in double. */
static uint32_t nearest(const format *f, double x) {
    uint32_t low = 0, high = f->last;
    double step = value_of(f, f->last) - value_of(f, f->last - 1), limit = value_of(f, f->last) + step / 2;
    if (x > limit || (x == limit && (f->last & 1u))) return f->over; /* the step after the last would round to even */
    if (x >= value_of(f, f->last)) return f->last;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (value_of(f, middle) <= x)
            low = middle;
        else
            high = middle;
    }
    double below = x - value_of(f, low), above = value_of(f, high) - x;
    if (below != above) return below < above ? low : high;
    return low & 1u ? high : low;
}

static void expect(const format *f, float x) {
    uint32_t want = nearest(f, fabs((double)x)) | (signbit(x) ? 1u << f->sign : 0u), have = f->encode(x);
    if (have != want) fail_msg("%s of %a is 0x%x, not 0x%x", f->name, (double)x, have, want);
}

/* Every value, every middle between two, and the f32 numbers beside each of these. */
static void neighbours_round_to_nearest_even(void **state) {
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const format *f = &formats[k];
        for (uint32_t code = 0; code <= f->last; code++) {
            double here = value_of(f, code), next = code < f->last ? value_of(f, code + 1) : 2 * here - value_of(f, code - 1);
            const float points[2] = {(float)here, (float)((here + next) / 2)};
            for (int i = 0; i < 2; i++) {
                if (isinf(points[i])) continue;
                expect(f, points[i]);
                expect(f, -points[i]);
                if (!isinf(nextafterf(points[i], INFINITY))) expect(f, nextafterf(points[i], INFINITY));
                expect(f, nextafterf(points[i], -INFINITY));
            }
        }
    }
}

static void random_numbers_round_to_nearest_even(void **state) {
    uint64_t seed = 2463534242;
    (void)state;
    for (int i = 0; i < 400000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        float x = hdi_f32_from_bits((uint32_t)(seed >> 32));
        if (isnan(x) || isinf(x)) continue;
        for (int k = 0; k < FORMATS; k++) expect(&formats[k], x);
    }
}

static void specials(void **state) {
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const format *f = &formats[k];
        assert_int_equal(f->encode(INFINITY), f->over);
        assert_int_equal(f->encode(-INFINITY), f->over | 1u << f->sign);
        assert_true(isnan(f->decode(f->encode(NAN))));
        assert_true(
            isnan(f->decode(f->encode(hdi_f32_from_bits(0x7f800001u))))); /* a NaN whose payload is all in the dropped bits */
        assert_true(isnan(f->decode(f->encode(hdi_f32_from_bits(0xff800001u)))));
        assert_int_equal(f->encode(0.0f), 0);
        assert_int_equal(f->encode(-0.0f), 1u << f->sign);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_decodes),
        cmocka_unit_test(neighbours_round_to_nearest_even),
        cmocka_unit_test(random_numbers_round_to_nearest_even),
        cmocka_unit_test(specials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
