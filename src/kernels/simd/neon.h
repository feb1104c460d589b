/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary in AArch64 Advanced SIMD: a vf is four registers, lanes 4 i .. 4 i + 3 in v[i]. */
#ifndef HDI_KERNELS_SIMD_NEON_H
#define HDI_KERNELS_SIMD_NEON_H

#include <arm_neon.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 16
#define VF_REGISTERS 8                     /* how many vf the registers hold */
#define VF_UNROLL _Pragma("GCC unroll 16") /* before loops over register tiles */
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef struct vf {
    float32x4_t v[4];
} vf;
typedef struct vi {
    int32x4_t v[4];
} vi;
typedef struct vm {
    uint32x4_t v[4];
} vm;

/* A value of type T whose four registers are `expr` of i. */
#define V4(T, expr)                              \
    T r;                                         \
    for (int i = 0; i < 4; i++) r.v[i] = (expr); \
    return r

VF_INLINE vf vf_set1(float x) { V4(vf, vdupq_n_f32(x)); }
VF_INLINE vf vf_zero(void) { return vf_set1(0.0f); }

/* ---- loads and stores ---- */
VF_INLINE vf vf_load_f32(const float *p) { V4(vf, vld1q_f32(p + 4 * i)); }
VF_INLINE void vf_store_f32(float *p, vf v) {
    for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, v.v[i]);
}

VF_INLINE vf vf_load_f16(const uint16_t *p) { V4(vf, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i)))); }
VF_INLINE void vf_store_f16(uint16_t *p, vf v) {
    for (int i = 0; i < 4; i++) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(v.v[i])));
}

VF_INLINE vf vf_load_bf16(const uint16_t *p) { V4(vf, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16))); }
/* Round half to even in integers: add 0x7fff plus the lowest kept bit; a NaN is made quiet instead. */
VF_INLINE uint16x4_t v4_to_bf16(float32x4_t v) {
    uint32x4_t u = vreinterpretq_u32_f32(v), kept = vshrq_n_u32(u, 16);
    uint32x4_t odd = vandq_u32(kept, vdupq_n_u32(1));
    uint32x4_t rounded = vshrq_n_u32(vaddq_u32(u, vaddq_u32(odd, vdupq_n_u32(0x7fff))), 16);
    return vmovn_u32(vbslq_u32(vceqq_f32(v, v), rounded, vorrq_u32(kept, vdupq_n_u32(0x40))));
}
VF_INLINE void vf_store_bf16(uint16_t *p, vf v) {
    for (int i = 0; i < 4; i++) vst1_u16(p + 4 * i, v4_to_bf16(v.v[i]));
}

/* Tails go through a small buffer: there are no masked moves. */
#define VF_TAIL(T, type)                                      \
    VF_INLINE vf vf_load_n_##T(const type *p, int64_t n) {    \
        if (n >= 16) return vf_load_##T(p);                   \
        type t[16] = {0};                                     \
        if (n > 0) memcpy(t, p, (size_t)n * sizeof *p);       \
        return vf_load_##T(t);                                \
    }                                                         \
    VF_INLINE void vf_store_n_##T(type *p, vf v, int64_t n) { \
        if (n >= 16) {                                        \
            vf_store_##T(p, v);                               \
            return;                                           \
        }                                                     \
        type t[16];                                           \
        vf_store_##T(t, v);                                   \
        if (n > 0) memcpy(p, t, (size_t)n * sizeof *p);       \
    }
VF_TAIL(f32, float)
VF_TAIL(f16, uint16_t)
VF_TAIL(bf16, uint16_t)
#undef VF_TAIL

VF_INLINE vf vf_load_i8(const int8_t *p) {
    int8x16_t b = vld1q_s8(p);
    int16x8_t lo = vmovl_s8(vget_low_s8(b)), hi = vmovl_high_s8(b);
    return (vf){{vcvtq_f32_s32(vmovl_s16(vget_low_s16(lo))), vcvtq_f32_s32(vmovl_high_s16(lo)),
                 vcvtq_f32_s32(vmovl_s16(vget_low_s16(hi))), vcvtq_f32_s32(vmovl_high_s16(hi))}};
}
VF_INLINE vf vf_from_u8(uint8x16_t b) {
    uint16x8_t lo = vmovl_u8(vget_low_u8(b)), hi = vmovl_high_u8(b);
    return (vf){{vcvtq_f32_u32(vmovl_u16(vget_low_u16(lo))), vcvtq_f32_u32(vmovl_high_u16(lo)),
                 vcvtq_f32_u32(vmovl_u16(vget_low_u16(hi))), vcvtq_f32_u32(vmovl_high_u16(hi))}};
}
VF_INLINE vf vf_load_u4lo(const uint8_t *p) { return vf_from_u8(vandq_u8(vld1q_u8(p), vdupq_n_u8(15))); }
VF_INLINE vf vf_load_u4hi(const uint8_t *p) { return vf_from_u8(vshrq_n_u8(vld1q_u8(p), 4)); }

/* ---- arithmetic ---- */
VF_INLINE vf vf_add(vf a, vf b) { V4(vf, vaddq_f32(a.v[i], b.v[i])); }
VF_INLINE vf vf_sub(vf a, vf b) { V4(vf, vsubq_f32(a.v[i], b.v[i])); }
VF_INLINE vf vf_mul(vf a, vf b) { V4(vf, vmulq_f32(a.v[i], b.v[i])); }
VF_INLINE vf vf_div(vf a, vf b) { V4(vf, vdivq_f32(a.v[i], b.v[i])); }
/* By compare and select: fmin and fmax of this architecture treat NaN and signed zeros otherwise. */
VF_INLINE float32x4_t v4_min(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
VF_INLINE float32x4_t v4_max(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
VF_INLINE vf vf_min(vf a, vf b) { V4(vf, v4_min(a.v[i], b.v[i])); }
VF_INLINE vf vf_max(vf a, vf b) { V4(vf, v4_max(a.v[i], b.v[i])); }
VF_INLINE vf vf_fma(vf a, vf b, vf c) { V4(vf, vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
VF_INLINE vf vf_neg(vf a) { V4(vf, vnegq_f32(a.v[i])); }
VF_INLINE vf vf_abs(vf a) { V4(vf, vabsq_f32(a.v[i])); }
VF_INLINE vf vf_sqrt(vf a) { V4(vf, vsqrtq_f32(a.v[i])); }
VF_INLINE vf vf_round(vf a) { V4(vf, vrndnq_f32(a.v[i])); }

/* ---- reductions: halves onto halves ---- */
VF_INLINE float vf_sum(vf v) {
    float32x4_t a = vaddq_f32(vaddq_f32(v.v[0], v.v[2]), vaddq_f32(v.v[1], v.v[3]));
    float32x2_t b = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(b, 0) + vget_lane_f32(b, 1);
}
VF_INLINE void vf_sum4(vf a, vf b, vf c, vf d, float *out) {
    out[0] = vf_sum(a);
    out[1] = vf_sum(b);
    out[2] = vf_sum(c);
    out[3] = vf_sum(d);
}
VF_INLINE float vf_hmax(vf v) {
    float32x4_t a = v4_max(v4_max(v.v[0], v.v[2]), v4_max(v.v[1], v.v[3]));
    float32x4_t b = v4_max(a, vcombine_f32(vget_high_f32(a), vget_high_f32(a)));
    float x = vgetq_lane_f32(b, 0), y = vgetq_lane_f32(b, 1);
    return x > y ? x : y;
}

/* ---- masks ---- */
VF_INLINE vm vf_lt(vf a, vf b) { V4(vm, vcltq_f32(a.v[i], b.v[i])); }
VF_INLINE vm vf_eq(vf a, vf b) { V4(vm, vceqq_f32(a.v[i], b.v[i])); }
VF_INLINE vf vf_select(vm m, vf a, vf b) { V4(vf, vbslq_f32(m.v[i], a.v[i], b.v[i])); }

/* ---- integers and bits ---- */
VF_INLINE vi vi_set1(int32_t x) { V4(vi, vdupq_n_s32(x)); }
VF_INLINE vi vi_add(vi a, vi b) { V4(vi, vaddq_s32(a.v[i], b.v[i])); }
VF_INLINE vi vi_shl(vi a, int count) { V4(vi, vshlq_s32(a.v[i], vdupq_n_s32(count))); }
VF_INLINE vi vi_from_vf(vf a) { V4(vi, vcvtq_s32_f32(a.v[i])); }
VF_INLINE vf vf_from_vi(vi a) { V4(vf, vcvtq_f32_s32(a.v[i])); }
VF_INLINE vf vf_cast_vi(vi a) { V4(vf, vreinterpretq_f32_s32(a.v[i])); }
VF_INLINE vi vi_cast_vf(vf a) { V4(vi, vreinterpretq_s32_f32(a.v[i])); }

/* ---- small integers inside words ---- */
VF_INLINE vi vi_load(const void *p) {
    const uint8_t *b = p;
    V4(vi, vreinterpretq_s32_u8(vld1q_u8(b + 16 * i)));
}
VF_INLINE int32x4_t v4_byte(int32x4_t a, int j) { return vshlq_s32(vshlq_s32(a, vdupq_n_s32(24 - 8 * j)), vdupq_n_s32(-24)); }
VF_INLINE vf vf_byte(vi a, int j) { V4(vf, vcvtq_f32_s32(v4_byte(a.v[i], j))); }
VF_INLINE float32x4_t v4_nibble(int32x4_t a, int j, int bias) {
    uint32x4_t n = vandq_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(-4 * j)), vdupq_n_u32(15));
    return vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(n), vdupq_n_s32(bias)));
}
VF_INLINE vf vf_nibble(vi a, int j, int bias) { V4(vf, v4_nibble(a.v[i], j, bias)); }
#undef V4

/* There are no writes past the caches that C can ask for: these are plain copies. */
enum { VB_STREAM = 64 };
VF_INLINE void vb_stream(uint8_t *to, const uint8_t *from) { memcpy(to, from, VB_STREAM); }
VF_INLINE void vb_stream_end(void) {}
#endif
