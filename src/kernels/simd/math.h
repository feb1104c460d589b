/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions on the vocabulary: the same bits on every ISA. Included after an ISA's header.
 * Polynomials are minimax fits (Remez exchange, weights as said at each), coefficients rounded to f32; NaN gives NaN. */
#ifndef HDI_KERNELS_SIMD_MATH_H
#define HDI_KERNELS_SIMD_MATH_H

/* The first n lanes of v, zero in the others. */
VF_INLINE vf vf_first(vf v, int64_t n) {
    float t[VF_LANES];
    if (n >= VF_LANES) return v;
    vf_store_f32(t, v);
    return vf_load_n_f32(t, n);
}

/* e^x within 1 ulp, subnormal results included; above 88.73 infinity, below -103.98 zero.
 * x = n ln 2 + r, |r| <= ln 2 / 2; e^r = 1 + r + r^2 q(r), q of degree 4, relative error 3e-9. 2^n is multiplied in two halves,
 * so that neither leaves the normal numbers and a subnormal result is rounded once. */
VF_INLINE vf vf_exp(vf x) {
    x = vf_min(vf_set1(89.0f), x); /* NaN passes: the second operand comes out */
    x = vf_max(vf_set1(-105.0f), x);
    vf n = vf_round(vf_mul(x, vf_set1(0x1.715476p+0f)));
    n = vf_max(n, vf_set1(-200.0f)); /* a NaN must not meet the conversion to integers: it stays in r */
    vf r = vf_fma(n, vf_set1(-0x1.62e430p-1f), x);
    r = vf_fma(n, vf_set1(0x1.05c610p-29f), r);
    vf q = vf_fma(vf_set1(0x1.6a243ap-10f), r, vf_set1(0x1.1239e4p-7f));
    q = vf_fma(q, r, vf_set1(0x1.5558f2p-5f));
    q = vf_fma(q, r, vf_set1(0x1.555492p-3f));
    q = vf_fma(q, r, vf_set1(0x1.fffffcp-2f));
    vf p = vf_add(vf_fma(q, vf_mul(r, r), r), vf_set1(1.0f));
    vf half = vf_round(vf_mul(n, vf_set1(0.5f)));
    vi a = vi_shl(vi_add(vi_from_vf(half), vi_set1(127)), 23);
    vi b = vi_shl(vi_add(vi_from_vf(vf_sub(n, half)), vi_set1(127)), 23);
    return vf_mul(vf_mul(p, vf_cast_vi(a)), vf_cast_vi(b));
}

/* 1 / (1 + e^-x), within 3 ulp; 0 below -88.73. */
VF_INLINE vf vf_sigmoid(vf x) { return vf_div(vf_set1(1.0f), vf_add(vf_set1(1.0f), vf_exp(vf_neg(x)))); }

/* The magnitude of `v` with the sign of `x`. */
VF_INLINE vf vf_with_sign(vf v, vf x) { return vf_select(vf_lt(x, vf_zero()), vf_neg(v), v); }

/* tanh within 2 ulp: |x| < 0.625 by x + x^3 p(x^2) (relative error 4e-9), else by 1 - 2 / (e^2|x| + 1). */
VF_INLINE vf vf_tanh(vf x) {
    vf a = vf_abs(x), z = vf_mul(x, x);
    vf p = vf_fma(vf_set1(-0x1.76ac16p-8f), z, vf_set1(0x1.5256d8p-6f));
    p = vf_fma(p, z, vf_set1(-0x1.b8444ap-5f));
    p = vf_fma(p, z, vf_set1(0x1.110768p-3f));
    p = vf_fma(p, z, vf_set1(-0x1.555534p-2f));
    vf small = vf_mul(vf_fma(p, z, vf_set1(1.0f)), x); /* keeps -0 */
    vf e = vf_exp(vf_add(a, a));
    vf large = vf_sub(vf_set1(1.0f), vf_div(vf_set1(2.0f), vf_add(e, vf_set1(1.0f))));
    return vf_select(vf_lt(a, vf_set1(0.625f)), small, vf_with_sign(large, x));
}

/* The error function within 3 ulp: |x| < 1 by x p(x^2) (1.2e-9), else by 1 - e^-p(|x|), p a fit of -ln erfc on [1, 4] weighted by
 * erfc (2e-11); beyond 4, where erfc is less than half an ulp of 1, as at 4. */
VF_INLINE vf vf_erf(vf x) {
    vf z = vf_mul(x, x), a = vf_abs(x);
    vf p = vf_fma(vf_set1(0x1.4ae440p-14f), z, vf_set1(-0x1.a485b6p-11f));
    p = vf_fma(p, z, vf_set1(0x1.5419eep-8f));
    p = vf_fma(p, z, vf_set1(-0x1.b7fbb4p-6f));
    p = vf_fma(p, z, vf_set1(0x1.ce2d20p-4f));
    p = vf_fma(p, z, vf_set1(-0x1.81273ep-2f));
    p = vf_fma(p, z, vf_set1(0x1.20dd74p+0f));
    vf small = vf_mul(p, x);
    a = vf_min(vf_set1(4.0f), a);
    vf q = vf_fma(vf_set1(0x1.6bd762p-16f), a, vf_set1(-0x1.cec59cp-12f));
    q = vf_fma(q, a, vf_set1(0x1.138c9cp-8f));
    q = vf_fma(q, a, vf_set1(-0x1.9d02eep-6f));
    q = vf_fma(q, a, vf_set1(0x1.bc150cp-4f));
    q = vf_fma(q, a, vf_set1(0x1.443568p-1f));
    q = vf_fma(q, a, vf_set1(0x1.212c0cp+0f));
    q = vf_fma(q, a, vf_set1(-0x1.8a5538p-13f));
    vf large = vf_sub(vf_set1(1.0f), vf_exp(vf_neg(q)));
    return vf_select(vf_lt(vf_abs(x), vf_set1(1.0f)), small, vf_with_sign(large, x));
}

#endif
