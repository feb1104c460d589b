/* SPDX-License-Identifier: Apache-2.0 */
/* Functions built from the words of the vocabulary, so that they give the same bits on every ISA. Included after simd/<isa>.h. */
#ifndef HDI_KERNELS_SIMD_MATH_H
#define HDI_KERNELS_SIMD_MATH_H

/* e^x within 1.1 ulp, subnormal results included; overflow to infinity, underflow to zero, NaN stays NaN.
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r = 1 + r + r^2 q(r), q a minimax polynomial (relative error 4e-9); 2^n is applied as
 * two factors, so that neither leaves the range of normal numbers and only the last product rounds. */
VF_INLINE vf vf_exp(vf x) {
    x = vf_max(vf_set1(-105.0f), vf_min(vf_set1(90.0f), x)); /* this order of operands keeps a NaN */
    vf n = vf_round(vf_mul(x, vf_set1(0x1.715476p+0f)));
    vf r = vf_fma(n, vf_set1(-0x1.62e4p-1f), x); /* ln 2 in two parts; the first has trailing zeros: n times it is exact */
    r = vf_fma(n, vf_set1(-0x1.7f7d1cp-20f), r);
    vf q = vf_set1(0x1.6a257cp-10f);
    q = vf_fma(q, r, vf_set1(0x1.123a98p-7f));
    q = vf_fma(q, r, vf_set1(0x1.5558f4p-5f));
    q = vf_fma(q, r, vf_set1(0x1.55549p-3f));
    q = vf_fma(q, r, vf_set1(0x1.fffffcp-2f));
    vf p = vf_fma(vf_mul(r, r), q, r);
    p = vf_add(p, vf_set1(1.0f));
    n = vf_select(vf_eq(n, n), n, vf_zero()); /* a NaN has no integer */
    vf half = vf_round(vf_mul(n, vf_set1(0.5f)));
    vf s = vf_cast_vi(vi_shl(vi_add(vi_from_vf(half), vi_set1(127)), 23));
    vf t = vf_cast_vi(vi_shl(vi_add(vi_from_vf(vf_sub(n, half)), vi_set1(127)), 23));
    return vf_mul(vf_mul(p, s), t);
}

#endif
