/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary in AVX-512 (F, BW, DQ, VL): a vf is one zmm register, tails are masks. */
#ifndef HDI_KERNELS_SIMD_AVX512_H
#define HDI_KERNELS_SIMD_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define VF_LANES 16
#define VF_REGISTERS 32                    /* how many vf the registers hold */
#define VF_UNROLL _Pragma("GCC unroll 16") /* before loops over register tiles */
#define VF_INLINE static inline __attribute__((always_inline, unused))

typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

VF_INLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
VF_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }

/* ---- loads and stores ---- */
VF_INLINE __mmask16 vm_first(int64_t n) {
    return n >= 16 ? (__mmask16)0xffff : n <= 0 ? (__mmask16)0 : (__mmask16)((1u << n) - 1u);
}

VF_INLINE vf vf_load_f32(const float *p) { return _mm512_loadu_ps(p); }
VF_INLINE vf vf_load_n_f32(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(vm_first(n), p); }
VF_INLINE void vf_store_f32(float *p, vf v) { _mm512_storeu_ps(p, v); }
VF_INLINE void vf_store_n_f32(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, vm_first(n), v); }

VF_INLINE vf vf_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
VF_INLINE vf vf_load_n_f16(const uint16_t *p, int64_t n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vm_first(n), p)); }
VF_INLINE __m256i vf_to_f16(vf v) { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VF_INLINE void vf_store_f16(uint16_t *p, vf v) { _mm256_storeu_si256((__m256i *)p, vf_to_f16(v)); }
VF_INLINE void vf_store_n_f16(uint16_t *p, vf v, int64_t n) { _mm256_mask_storeu_epi16(p, vm_first(n), vf_to_f16(v)); }

VF_INLINE vf vf_from_bf16(__m256i h) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16)); }
VF_INLINE vf vf_load_bf16(const uint16_t *p) { return vf_from_bf16(_mm256_loadu_si256((const __m256i *)p)); }
VF_INLINE vf vf_load_n_bf16(const uint16_t *p, int64_t n) { return vf_from_bf16(_mm256_maskz_loadu_epi16(vm_first(n), p)); }
/* Round half to even in integers: add 0x7fff plus the lowest kept bit; a NaN is made quiet instead. */
VF_INLINE __m256i vf_to_bf16(vf v) {
    __m512i u = _mm512_castps_si512(v), kept = _mm512_srli_epi32(u, 16);
    __m512i odd = _mm512_and_si512(kept, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
    __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, nan, kept, _mm512_set1_epi32(0x40)));
}
VF_INLINE void vf_store_bf16(uint16_t *p, vf v) { _mm256_storeu_si256((__m256i *)p, vf_to_bf16(v)); }
VF_INLINE void vf_store_n_bf16(uint16_t *p, vf v, int64_t n) { _mm256_mask_storeu_epi16(p, vm_first(n), vf_to_bf16(v)); }

VF_INLINE vi vi_load(const void *p) { return _mm512_loadu_si512(p); }

VF_INLINE vf vf_load_i8(const int8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p))); }
VF_INLINE vf vf_load_u4lo(const uint8_t *p) {
    __m128i b = _mm_and_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(15));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(b));
}
VF_INLINE vf vf_load_u4hi(const uint8_t *p) {
    __m128i b = _mm_and_si128(_mm_srli_epi16(_mm_loadu_si128((const __m128i *)p), 4), _mm_set1_epi8(15));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(b));
}

/* ---- arithmetic ---- */
VF_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
VF_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VF_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VF_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
VF_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
VF_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
VF_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VF_INLINE vf vf_neg(vf a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
VF_INLINE vf vf_abs(vf a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
VF_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VF_INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* ---- reductions: halves onto halves ---- */
VF_INLINE float vf_sum(vf v) {
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
/* The trees of four vectors side by side: each step halves all of them, so that no lane is wasted. */
VF_INLINE void vf_sum4(vf a, vf b, vf c, vf d, float *out) {
    vf ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee)); /* a: 8 lanes, b: 8 lanes */
    vf cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    vf s = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd)); /* 4 lanes each */
    s = _mm512_add_ps(s, _mm512_permute_ps(s, 0x0e));
    s = _mm512_add_ps(s, _mm512_movehdup_ps(s)); /* in lanes 0, 4, 8, 12 */
    _mm_storeu_ps(out, _mm512_castps512_ps128(
                           _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), s)));
}
VF_INLINE float vf_hmax(vf v) {
    __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

/* ---- masks ---- */
VF_INLINE vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VF_INLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
VF_INLINE vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }

/* ---- integers and bits ---- */
VF_INLINE vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
VF_INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
#define vi_shl(a, count) _mm512_slli_epi32((a), (count))
VF_INLINE vi vi_from_vf(vf a) { return _mm512_cvttps_epi32(a); }
VF_INLINE vf vf_from_vi(vi a) { return _mm512_cvtepi32_ps(a); }
VF_INLINE vf vf_cast_vi(vi a) { return _mm512_castsi512_ps(a); }
VF_INLINE vi vi_cast_vf(vf a) { return _mm512_castps_si512(a); }

/* ---- small integers inside words ---- */
/* An integer in bits b.. of a word becomes a float in one step: under the exponent of 2^(23 - b) those bits count ones. */
VF_INLINE vf vf_bits(vi a, int32_t mask, int32_t flip_and_exponent) {
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(a, _mm512_set1_epi32(mask), _mm512_set1_epi32(flip_and_exponent), 0x6a)); /* (a & mask) ^ c */
}
VF_INLINE vf vf_byte(vi a, int j) {
    if (j == 3) return _mm512_cvtepi32_ps(_mm512_srai_epi32(a, 24));
    if (j == 2) a = _mm512_srli_epi32(a, 16);
    if (j == 1) return _mm512_sub_ps(vf_bits(a, 0xff00, 0x47000000 ^ 0x8000), _mm512_set1_ps(0x1p15f + 128.0f));
    return _mm512_sub_ps(vf_bits(a, 0xff, 0x4b000000 ^ 0x80), _mm512_set1_ps(0x1p23f + 128.0f));
}
/* Half of the nibbles go through a table in a register, half through vf_bits: that loads the ports of the FPU evenly. */
VF_INLINE vf vf_nibble(vi a, int j, int bias) {
    float b = (float)-bias;
    vf table = _mm512_setr_ps(b, b + 1, b + 2, b + 3, b + 4, b + 5, b + 6, b + 7, b + 8, b + 9, b + 10, b + 11, b + 12, b + 13,
                              b + 14, b + 15); /* an index is the lowest four bits of a word */
    if (j == 0) return _mm512_permutexvar_ps(a, table);
    if (j == 4 || j == 7) return _mm512_permutexvar_ps(_mm512_srli_epi32(a, 4 * (unsigned)j), table);
    if (j >= 5) {
        a = _mm512_srli_epi32(a, 20);
        j -= 5;
    }
    if (j == 0) return _mm512_permutexvar_ps(a, table);
    int32_t exponent = (127 + 23 - 4 * j) << 23;
    return _mm512_sub_ps(vf_bits(a, 15 << 4 * j, exponent), _mm512_set1_ps((float)((1 << (23 - 4 * j)) + bias)));
}

/* Writes that go to memory past the caches. */
enum { VB_STREAM = 64 };
VF_INLINE void vb_stream(uint8_t *to, const uint8_t *from) { _mm512_stream_si512((void *)to, _mm512_loadu_si512(from)); }
VF_INLINE void vb_stream_end(void) { _mm_sfence(); }
#endif
