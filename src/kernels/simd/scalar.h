/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary in plain C: what every word means. Any other ISA must give the same bits. */
#ifndef HDI_KERNELS_SIMD_SCALAR_H
#define HDI_KERNELS_SIMD_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/float16.h"

#define VF_LANES 16
#define VF_REGISTERS 8                     /* how many vf the registers hold */
#define VF_UNROLL                          /* before loops over register tiles: nothing to gain here */
#define VF_INLINE \
    static inline __attribute__((unused)) /* a hint: inlining all of this takes compilers minutes under sanitizers */

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
#define VF_MEMORY(T, type, from, to)                                                                  \
    VF_INLINE vf vf_load_n_##T(const type *p, int64_t n) {                                            \
        vf r;                                                                                         \
        type t[VF_LANES] = {0}; /* a copy: checkpoints align as they like */                          \
        int64_t have = n < 0 ? 0 : n > VF_LANES ? VF_LANES : n;                                       \
        if (have > 0) memcpy(t, p, (size_t)have * sizeof(type));                                      \
        VF_EACH r.l[i] = from(t[i]);                                                                  \
        return r;                                                                                     \
    }                                                                                                 \
    VF_INLINE vf vf_load_##T(const type *p) { return vf_load_n_##T(p, VF_LANES); }                    \
    VF_INLINE void vf_store_n_##T(type *p, vf v, int64_t n) { VF_EACH if (i < n) p[i] = to(v.l[i]); } \
    VF_INLINE void vf_store_##T(type *p, vf v) { vf_store_n_##T(p, v, VF_LANES); }
VF_MEMORY(f32, float, , )
VF_MEMORY(f16, uint16_t, hdi_f16_to_f32, hdi_f32_to_f16)
VF_MEMORY(bf16, uint16_t, hdi_bf16_to_f32, hdi_f32_to_bf16)
#undef VF_MEMORY

/* 16 words of 32 bits from any address. */
VF_INLINE vi vi_load(const void *p) {
    vi r;
    memcpy(&r, p, sizeof r);
    return r;
}

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
#define VF_BINARY(name, expr)       \
    VF_INLINE vf name(vf a, vf b) { \
        vf r;                       \
        VF_EACH r.l[i] = expr;      \
        return r;                   \
    }
VF_BINARY(vf_add, a.l[i] + b.l[i])
VF_BINARY(vf_sub, a.l[i] - b.l[i])
VF_BINARY(vf_mul, a.l[i] * b.l[i])
VF_BINARY(vf_div, a.l[i] / b.l[i])
VF_BINARY(vf_min, a.l[i] < b.l[i] ? a.l[i] : b.l[i])
VF_BINARY(vf_max, a.l[i] > b.l[i] ? a.l[i] : b.l[i])
#undef VF_BINARY

#define VF_UNARY(name, expr)   \
    VF_INLINE vf name(vf a) {  \
        vf r;                  \
        VF_EACH r.l[i] = expr; \
        return r;              \
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
/* out[i] = vf_sum of the i-th: four at once are cheaper on some machines. */
VF_INLINE void vf_sum4(vf a, vf b, vf c, vf d, float *out) {
    out[0] = vf_sum(a);
    out[1] = vf_sum(b);
    out[2] = vf_sum(c);
    out[3] = vf_sum(d);
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
/* Byte j (signed) of each word, or its nibble j less `bias`, as f32; j is a constant, 0 lowest. */
VF_INLINE vf vf_byte(vi a, int j) {
    vf r;
    VF_EACH r.l[i] = (float)(int8_t)((uint32_t)a.l[i] >> 8 * j & 255u);
    return r;
}
VF_INLINE vf vf_nibble(vi a, int j, int bias) {
    vf r;
    VF_EACH r.l[i] = (float)((int)((uint32_t)a.l[i] >> 4 * j & 15u) - bias);
    return r;
}
#undef VF_EACH

/* There are no writes past the caches that C can ask for: these are plain copies. */
enum { VB_STREAM = 64 };
VF_INLINE void vb_stream(uint8_t *to, const uint8_t *from) { memcpy(to, from, VB_STREAM); }
VF_INLINE void vb_stream_end(void) {}
#endif
