/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary in plain C: what every word means. Any other ISA must give the same bits. */
#ifndef HDI_KERNELS_SIMD_SCALAR_H
#define HDI_KERNELS_SIMD_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/float16.h"

#define VF_LANES 16
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef struct vf {
    float l[VF_LANES];
} vf;
typedef struct vi {
    int32_t l[VF_LANES];
} vi;
typedef struct vm {
    uint8_t l[VF_LANES];
} vm;

#define VF_EACH for (int i = 0; i < VF_LANES; i++)

VF_INLINE vf vf_set1(float x) {
    vf r;
    VF_EACH r.l[i] = x;
    return r;
}
VF_INLINE vf vf_zero(void) { return vf_set1(0.0f); }

/* ---- loads and stores ---- */
#define VF_MEMORY(T, type, from, to)                                      \
    VF_INLINE vf vf_load_n_##T(const type *p, int64_t n) {                \
        vf r;                                                             \
        VF_EACH r.l[i] = i < n ? from(p[i]) : 0.0f;                       \
        return r;                                                         \
    }                                                                     \
    VF_INLINE vf vf_load_##T(const type *p) { return vf_load_n_##T(p, VF_LANES); } \
    VF_INLINE void vf_store_n_##T(type *p, vf v, int64_t n) {             \
        VF_EACH if (i < n) p[i] = to(v.l[i]);                             \
    }                                                                     \
    VF_INLINE void vf_store_##T(type *p, vf v) { vf_store_n_##T(p, v, VF_LANES); }
VF_MEMORY(f32, float, , )
VF_MEMORY(f16, uint16_t, hdi_f16_to_f32, hdi_f32_to_f16)
VF_MEMORY(bf16, uint16_t, hdi_bf16_to_f32, hdi_f32_to_bf16)
#undef VF_MEMORY

VF_INLINE vf vf_load_i8(const int8_t *p) {
    vf r;
    VF_EACH r.l[i] = (float)p[i];
    return r;
}
VF_INLINE vf vf_load_u4lo(const uint8_t *p) {
    vf r;
    VF_EACH r.l[i] = (float)(p[i] & 15);
    return r;
}
VF_INLINE vf vf_load_u4hi(const uint8_t *p) {
    vf r;
    VF_EACH r.l[i] = (float)(p[i] >> 4);
    return r;
}

/* ---- arithmetic ---- */
#define VF_BINARY(name, expr)            \
    VF_INLINE vf name(vf a, vf b) {      \
        vf r;                            \
        VF_EACH r.l[i] = expr;           \
        return r;                        \
    }
VF_BINARY(vf_add, a.l[i] + b.l[i])
VF_BINARY(vf_sub, a.l[i] - b.l[i])
VF_BINARY(vf_mul, a.l[i] * b.l[i])
VF_BINARY(vf_div, a.l[i] / b.l[i])
VF_BINARY(vf_min, a.l[i] < b.l[i] ? a.l[i] : b.l[i])
VF_BINARY(vf_max, a.l[i] > b.l[i] ? a.l[i] : b.l[i])
#undef VF_BINARY

#define VF_UNARY(name, expr)        \
    VF_INLINE vf name(vf a) {       \
        vf r;                       \
        VF_EACH r.l[i] = expr;      \
        return r;                   \
    }
VF_UNARY(vf_neg, -a.l[i])
VF_UNARY(vf_abs, fabsf(a.l[i]))
VF_UNARY(vf_sqrt, sqrtf(a.l[i]))
VF_UNARY(vf_round, rintf(a.l[i]))
#undef VF_UNARY

VF_INLINE vf vf_fma(vf a, vf b, vf c) {
    vf r;
    VF_EACH r.l[i] = fmaf(a.l[i], b.l[i], c.l[i]);
    return r;
}

/* ---- reductions: halves onto halves ---- */
VF_INLINE float vf_sum(vf v) {
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) v.l[i] = v.l[i] + v.l[i + half];
    return v.l[0];
}
VF_INLINE float vf_hmax(vf v) {
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) v.l[i] = v.l[i] > v.l[i + half] ? v.l[i] : v.l[i + half];
    return v.l[0];
}

/* ---- masks ---- */
VF_INLINE vm vf_lt(vf a, vf b) {
    vm r;
    VF_EACH r.l[i] = a.l[i] < b.l[i];
    return r;
}
VF_INLINE vm vf_eq(vf a, vf b) {
    vm r;
    VF_EACH r.l[i] = a.l[i] == b.l[i];
    return r;
}
VF_INLINE vf vf_select(vm m, vf a, vf b) {
    vf r;
    VF_EACH r.l[i] = m.l[i] ? a.l[i] : b.l[i];
    return r;
}

/* ---- integers and bits ---- */
VF_INLINE vi vi_set1(int32_t x) {
    vi r;
    VF_EACH r.l[i] = x;
    return r;
}
VF_INLINE vi vi_add(vi a, vi b) {
    vi r;
    VF_EACH r.l[i] = (int32_t)((uint32_t)a.l[i] + (uint32_t)b.l[i]);
    return r;
}
VF_INLINE vi vi_shl(vi a, int count) {
    vi r;
    VF_EACH r.l[i] = (int32_t)((uint32_t)a.l[i] << count);
    return r;
}
VF_INLINE vi vi_from_vf(vf a) {
    vi r;
    VF_EACH r.l[i] = (int32_t)a.l[i];
    return r;
}
VF_INLINE vf vf_from_vi(vi a) {
    vf r;
    VF_EACH r.l[i] = (float)a.l[i];
    return r;
}
VF_INLINE vf vf_cast_vi(vi a) {
    vf r;
    memcpy(&r, &a, sizeof r);
    return r;
}
VF_INLINE vi vi_cast_vf(vf a) {
    vi r;
    memcpy(&r, &a, sizeof r);
    return r;
}
#undef VF_EACH
#endif
