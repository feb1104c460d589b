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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exp_is_near_libm), cmocka_unit_test(exp_of_special_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
