/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary in AVX2, FMA and F16C: a vf is two ymm registers, lanes 0..7 in `a`, 8..15 in `b`. */
#ifndef HDI_KERNELS_SIMD_AVX2_H
#define HDI_KERNELS_SIMD_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VF_LANES 16
#define VF_REGISTERS 8                     /* how many vf the registers hold */
#define VF_UNROLL _Pragma("GCC unroll 16") /* before loops over register tiles */
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef struct vf {
    __m256 a, b;
} vf;
typedef struct vi {
    __m256i a, b;
} vi;
typedef struct vm {
    __m256 a, b;
} vm;

#define VF2(x, y) ((vf){(x), (y)})
#define VI2(x, y) ((vi){(x), (y)})

VF_INLINE vf vf_set1(float x) { return VF2(_mm256_set1_ps(x), _mm256_set1_ps(x)); }
VF_INLINE vf vf_zero(void) { return VF2(_mm256_setzero_ps(), _mm256_setzero_ps()); }

/* ---- loads and stores ---- */
/* Lanes first..first + 7 that lie below n, as all-ones words. */
VF_INLINE __m256i vi_below(int64_t n, int first) {
    int k = n > 32 ? 32 : n < 0 ? 0 : (int)n;
    __m256i lane = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(k), lane);
}
VF_INLINE vf vf_load_f32(const float *p) { return VF2(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
VF_INLINE void vf_store_f32(float *p, vf v) {
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}
VF_INLINE vf vf_load_n_f32(const float *p, int64_t n) {
    if (n >= 16) return vf_load_f32(p);
    return VF2(_mm256_maskload_ps(p, vi_below(n, 0)), n > 8 ? _mm256_maskload_ps(p + 8, vi_below(n, 8)) : _mm256_setzero_ps());
}
VF_INLINE void vf_store_n_f32(float *p, vf v, int64_t n) {
    if (n >= 16) {
        vf_store_f32(p, v);
        return;
    }
    _mm256_maskstore_ps(p, vi_below(n, 0), v.a);
    if (n > 8) _mm256_maskstore_ps(p + 8, vi_below(n, 8), v.b);
}

VF_INLINE vf vf_load_f16(const uint16_t *p) {
    return VF2(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8))));
}
VF_INLINE void vf_store_f16(uint16_t *p, vf v) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(v.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

VF_INLINE __m256 v8_from_bf16(__m128i h) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16)); }
VF_INLINE vf vf_load_bf16(const uint16_t *p) {
    return VF2(v8_from_bf16(_mm_loadu_si128((const __m128i *)p)), v8_from_bf16(_mm_loadu_si128((const __m128i *)(p + 8))));
}
/* Round half to even in integers: add 0x7fff plus the lowest kept bit; a NaN is made quiet instead. */
VF_INLINE __m128i v8_to_bf16(__m256 v) {
    __m256i u = _mm256_castps_si256(v), kept = _mm256_srli_epi32(u, 16);
    __m256i odd = _mm256_and_si256(kept, _mm256_set1_epi32(1));
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    rounded = _mm256_blendv_epi8(rounded, _mm256_or_si256(kept, _mm256_set1_epi32(0x40)), nan);
    return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}
VF_INLINE void vf_store_bf16(uint16_t *p, vf v) {
    _mm_storeu_si128((__m128i *)p, v8_to_bf16(v.a));
    _mm_storeu_si128((__m128i *)(p + 8), v8_to_bf16(v.b));
}

/* Tails of 16-bit types go through a small buffer: AVX2 has no 16-bit masked moves. */
#define VF_TAIL(T)                                                \
    VF_INLINE vf vf_load_n_##T(const uint16_t *p, int64_t n) {    \
        if (n >= 16) return vf_load_##T(p);                       \
        uint16_t t[16] = {0};                                     \
        if (n > 0) memcpy(t, p, (size_t)n * sizeof *p);           \
        return vf_load_##T(t);                                    \
    }                                                             \
    VF_INLINE void vf_store_n_##T(uint16_t *p, vf v, int64_t n) { \
        if (n >= 16) {                                            \
            vf_store_##T(p, v);                                   \
            return;                                               \
        }                                                         \
        uint16_t t[16];                                           \
        vf_store_##T(t, v);                                       \
        if (n > 0) memcpy(p, t, (size_t)n * sizeof *p);           \
    }
VF_TAIL(f16)
VF_TAIL(bf16)
#undef VF_TAIL

VF_INLINE vi vi_load(const void *p) {
    return VI2(_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)p + 1));
}

VF_INLINE vf vf_load_i8(const int8_t *p) {
    __m128i b = _mm_loadu_si128((const __m128i *)p);
    return VF2(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(b)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(b, 8))));
}
VF_INLINE vf vf_from_u8(__m128i b) {
    return VF2(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(b)), _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(b, 8))));
}
VF_INLINE vf vf_load_u4lo(const uint8_t *p) {
    return vf_from_u8(_mm_and_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(15)));
}
VF_INLINE vf vf_load_u4hi(const uint8_t *p) {
    return vf_from_u8(_mm_and_si128(_mm_srli_epi16(_mm_loadu_si128((const __m128i *)p), 4), _mm_set1_epi8(15)));
}

/* ---- arithmetic ---- */
VF_INLINE vf vf_add(vf x, vf y) { return VF2(_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)); }
VF_INLINE vf vf_sub(vf x, vf y) { return VF2(_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)); }
VF_INLINE vf vf_mul(vf x, vf y) { return VF2(_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)); }
VF_INLINE vf vf_div(vf x, vf y) { return VF2(_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)); }
VF_INLINE vf vf_min(vf x, vf y) { return VF2(_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)); }
VF_INLINE vf vf_max(vf x, vf y) { return VF2(_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)); }
VF_INLINE vf vf_fma(vf x, vf y, vf z) { return VF2(_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)); }
VF_INLINE vf vf_neg(vf x) {
    __m256 s = _mm256_set1_ps(-0.0f);
    return VF2(_mm256_xor_ps(x.a, s), _mm256_xor_ps(x.b, s));
}
VF_INLINE vf vf_abs(vf x) {
    __m256 s = _mm256_set1_ps(-0.0f);
    return VF2(_mm256_andnot_ps(s, x.a), _mm256_andnot_ps(s, x.b));
}
VF_INLINE vf vf_sqrt(vf x) { return VF2(_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)); }
VF_INLINE vf vf_round(vf x) {
    return VF2(_mm256_round_ps(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
               _mm256_round_ps(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/* ---- reductions: halves onto halves ---- */
VF_INLINE float vf_sum(vf v) {
    __m256 a = _mm256_add_ps(v.a, v.b);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
/* The trees of four vectors side by side: each step halves all of them, so that no lane is wasted. */
VF_INLINE void vf_sum4(vf a, vf b, vf c, vf d, float *out) {
    __m256 p = _mm256_add_ps(a.a, a.b), q = _mm256_add_ps(b.a, b.b), r = _mm256_add_ps(c.a, c.b), s = _mm256_add_ps(d.a, d.b);
    __m256 pq =
        _mm256_add_ps(_mm256_permute2f128_ps(p, q, 0x20), _mm256_permute2f128_ps(p, q, 0x31)); /* a: 4 lanes, b: 4 lanes */
    __m256 rs = _mm256_add_ps(_mm256_permute2f128_ps(r, s, 0x20), _mm256_permute2f128_ps(r, s, 0x31));
    __m256 t = _mm256_add_ps(_mm256_shuffle_ps(pq, rs, 0x44),
                             _mm256_shuffle_ps(pq, rs, 0xee)); /* low half a, c; high half b, d: 2 lanes each */
    t = _mm256_add_ps(t, _mm256_movehdup_ps(t));               /* in lanes 0 (a), 2 (c), 4 (b), 6 (d) */
    __m128 lo = _mm256_castps256_ps128(t), hi = _mm256_extractf128_ps(t, 1);
    __m128 abcd = _mm_shuffle_ps(lo, hi, 0x88); /* a c b d */
    _mm_storeu_ps(out, _mm_shuffle_ps(abcd, abcd, 0xd8));
}
VF_INLINE float vf_hmax(vf v) {
    __m256 a = _mm256_max_ps(v.a, v.b);
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* ---- masks ---- */
VF_INLINE vm vf_lt(vf x, vf y) { return (vm){_mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ)}; }
VF_INLINE vm vf_eq(vf x, vf y) { return (vm){_mm256_cmp_ps(x.a, y.a, _CMP_EQ_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_EQ_OQ)}; }
VF_INLINE vf vf_select(vm m, vf x, vf y) { return VF2(_mm256_blendv_ps(y.a, x.a, m.a), _mm256_blendv_ps(y.b, x.b, m.b)); }

/* ---- integers and bits ---- */
VF_INLINE vi vi_set1(int32_t x) { return VI2(_mm256_set1_epi32(x), _mm256_set1_epi32(x)); }
VF_INLINE vi vi_add(vi x, vi y) { return VI2(_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)); }
#define vi_shl(x, count) VI2(_mm256_slli_epi32((x).a, (count)), _mm256_slli_epi32((x).b, (count)))
VF_INLINE vi vi_from_vf(vf x) { return VI2(_mm256_cvttps_epi32(x.a), _mm256_cvttps_epi32(x.b)); }
VF_INLINE vf vf_from_vi(vi x) { return VF2(_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)); }
VF_INLINE vf vf_cast_vi(vi x) { return VF2(_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)); }
VF_INLINE vi vi_cast_vf(vf x) { return VI2(_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)); }

/* ---- small integers inside words ---- */
VF_INLINE __m256 v8_byte(__m256i a, int j) { return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(a, 24 - 8 * j), 24)); }
VF_INLINE vf vf_byte(vi x, int j) { return VF2(v8_byte(x.a, j), v8_byte(x.b, j)); }
/* An integer in bits b.. of a word becomes a float in one step: under the exponent of 2^(23 - b) those bits count ones. */
VF_INLINE __m256 v8_nibble(__m256i a, int j, int bias) {
    if (j >= 5) {
        a = _mm256_srli_epi32(a, 20);
        j -= 5;
    }
    a = _mm256_or_si256(_mm256_and_si256(a, _mm256_set1_epi32(15 << 4 * j)), _mm256_set1_epi32((127 + 23 - 4 * j) << 23));
    return _mm256_sub_ps(_mm256_castsi256_ps(a), _mm256_set1_ps((float)((1 << (23 - 4 * j)) + bias)));
}
VF_INLINE vf vf_nibble(vi x, int j, int bias) { return VF2(v8_nibble(x.a, j, bias), v8_nibble(x.b, j, bias)); }

/* Writes that go to memory past the caches. */
enum { VB_STREAM = 32 };
VF_INLINE void vb_stream(uint8_t *to, const uint8_t *from) {
    _mm256_stream_si256((__m256i *)(void *)to, _mm256_loadu_si256((const __m256i *)(const void *)from));
}
VF_INLINE void vb_stream_end(void) { _mm_sfence(); }
#endif
