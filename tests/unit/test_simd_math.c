/* SPDX-License-Identifier: Apache-2.0 */
/* The vector functions of simd/math.h, on the scalar vocabulary, against libm in double precision. */
#include <math.h>

#include "unit/cmocka_all.h"

#include "kernels/simd/scalar.h"

#include "kernels/simd/math.h"

static double ulp(double x) {
    int e;
    frexp(x, &e);
    return ldexp(1, (e < -125 ? -125 : e) - 24);
}

static void exp_is_near_libm(void **state) {
    (void)state;
    double worst = 0;
    for (int64_t i = 0; i < 2000000; i += VF_LANES) {
        vf x;
        for (int l = 0; l < VF_LANES; l++) x.l[l] = (float)(-104.5 + 193.2 * (double)(i + l) / 2000000);
        vf y = vf_exp(x);
        for (int l = 0; l < VF_LANES; l++) {
            double want = exp((double)x.l[l]);
            if (want < 0x1.fffffep127) worst = fmax(worst, fabs((double)y.l[l] - want) / ulp(want));
        }
    }
    assert_true(worst < 1.1);
}

static void exp_of_special_values(void **state) {
    (void)state;
    assert_true(vf_exp(vf_set1(0.0f)).l[0] == 1.0f && vf_exp(vf_set1(-0.0f)).l[0] == 1.0f);
    assert_true(isinf(vf_exp(vf_set1(89.0f)).l[0]) && isinf(vf_exp(vf_set1(INFINITY)).l[0]));
    assert_true(vf_exp(vf_set1(-INFINITY)).l[0] == 0.0f && vf_exp(vf_set1(-110.0f)).l[0] == 0.0f);
    assert_true(isnan(vf_exp(vf_set1(NAN)).l[0]));
    assert_true(vf_exp(vf_set1(-103.0f)).l[0] == 0x1p-149f);
}

/* The largest error of `f` over lo..hi, in ulps of the result. */
static double worst_ulps(vf (*f)(vf), double (*want)(double), double lo, double hi) {
    double worst = 0;
    for (int i = 0; i < 400000; i += VF_LANES) {
        vf x;
        for (int l = 0; l < VF_LANES; l++) x.l[l] = (float)(lo + (hi - lo) * (i + l) / 400000);
        vf y = f(x);
        for (int l = 0; l < VF_LANES; l++) {
            double w = want((double)x.l[l]);
            worst = fmax(worst, fabs((double)y.l[l] - w) / ulp(w));
        }
    }
    return worst;
}

static vf tanh_words(vf x) { return vf_tanh(x); }
static vf erf_words(vf x) { return vf_erf(x); }
static vf sigmoid_words(vf x) { return vf_sigmoid(x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void tanh_erf_and_sigmoid_are_near_libm(void **state) {
    (void)state;
    assert_true(worst_ulps(tanh_words, tanh, -10, 10) < 2);
    assert_true(worst_ulps(tanh_words, tanh, -1e-3, 1e-3) < 2);
    assert_true(worst_ulps(erf_words, erf, -5, 5) < 3);
    assert_true(worst_ulps(erf_words, erf, -1e-3, 1e-3) < 3);
    assert_true(worst_ulps(sigmoid_words, sigmoid, -80, 80) < 3);
}

static void tanh_erf_and_sigmoid_of_special_values(void **state) {
    (void)state;
    assert_true(vf_tanh(vf_set1(INFINITY)).l[0] == 1.0f && vf_tanh(vf_set1(-INFINITY)).l[0] == -1.0f);
    assert_true(vf_erf(vf_set1(INFINITY)).l[0] == 1.0f && vf_erf(vf_set1(-INFINITY)).l[0] == -1.0f);
    assert_true(vf_sigmoid(vf_set1(INFINITY)).l[0] == 1.0f && vf_sigmoid(vf_set1(-INFINITY)).l[0] == 0.0f);
    assert_true(isnan(vf_tanh(vf_set1(NAN)).l[0]) && isnan(vf_erf(vf_set1(NAN)).l[0]) && isnan(vf_sigmoid(vf_set1(NAN)).l[0]));
    assert_true(signbit(vf_tanh(vf_set1(-0.0f)).l[0]) && signbit(vf_erf(vf_set1(-0.0f)).l[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exp_is_near_libm), cmocka_unit_test(exp_of_special_values),
                                       cmocka_unit_test(tanh_erf_and_sigmoid_are_near_libm),
                                       cmocka_unit_test(tanh_erf_and_sigmoid_of_special_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
