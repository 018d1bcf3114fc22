/*
 * Sixteen lanes on AVX2 and F16C: two registers, `a` with lanes 0-7 and `b` with 8-15 (bytes 0-31 and 32-63). With
 * __AVXVNNI__ the dot products use it. The vocabulary is described in avx512.h.
 */
#ifndef BN_SIMD_H
#define BN_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define BN_INLINE static inline __attribute__((always_inline, unused))

typedef struct {
  __m256 a, b;
} v16;
typedef struct {
  __m256i a, b;
} v16i;
typedef struct {
  __m256d a, b;
} v8d;
typedef v16i v64;

/* --- f32 --- */
BN_INLINE v16 bn_load(const float *p) { return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
BN_INLINE void bn_store(float *p, v16 x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
/* All ones in the first n of 8 lanes. */
BN_INLINE __m256i bn_mask8(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int32_t)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
BN_INLINE v16 bn_load_part(const float *p, int64_t n) {
  return (v16){_mm256_maskload_ps(p, bn_mask8(n)), n > 8 ? _mm256_maskload_ps(p + 8, bn_mask8(n - 8)) : _mm256_setzero_ps()};
}
BN_INLINE void bn_store_part(float *p, v16 x, int64_t n) {
  _mm256_maskstore_ps(p, bn_mask8(n), x.a);
  if (n > 8) _mm256_maskstore_ps(p + 8, bn_mask8(n - 8), x.b);
}
BN_INLINE v16 bn_zero(void) { return (v16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
BN_INLINE v16 bn_set1(float x) { return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
BN_INLINE v16 bn_add(v16 x, v16 y) { return (v16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
BN_INLINE v16 bn_sub(v16 x, v16 y) { return (v16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
BN_INLINE v16 bn_mul(v16 x, v16 y) { return (v16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
BN_INLINE v16 bn_mul_each(v16 x, const float *p) { return bn_mul(x, bn_set1(*p)); }
BN_INLINE v16 bn_div(v16 x, v16 y) { return (v16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
BN_INLINE v16 bn_max(v16 x, v16 y) { return (v16){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
BN_INLINE v16 bn_min(v16 x, v16 y) { return (v16){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
BN_INLINE v16 bn_abs(v16 x) {
  __m256 sign = _mm256_set1_ps(-0.0f);
  return (v16){_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
BN_INLINE v16 bn_neg(v16 x) {
  __m256 sign = _mm256_set1_ps(-0.0f);
  return (v16){_mm256_xor_ps(sign, x.a), _mm256_xor_ps(sign, x.b)};
}
BN_INLINE v16 bn_round(v16 x) {
  return (v16){_mm256_round_ps(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
               _mm256_round_ps(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
BN_INLINE float bn_fold8(__m256 x) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
BN_INLINE float bn_fold(v16 x) { return bn_fold8(_mm256_add_ps(x.a, x.b)); }
BN_INLINE float bn_fold_max(v16 x) {
  __m256 m = _mm256_max_ps(x.a, x.b);
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
  __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* --- widening loads of 16 elements, narrowing stores --- */
BN_INLINE v16 bn_load_half(const uint16_t *p) {
  return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
               _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
BN_INLINE float bn_half1(uint16_t x) { return _cvtsh_ss(x); }
BN_INLINE void bn_store_half(uint16_t *p, v16 x) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
BN_INLINE __m256 bn_bf16x8(const uint16_t *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
BN_INLINE v16 bn_load_bf16(const uint16_t *p) { return (v16){bn_bf16x8(p), bn_bf16x8(p + 8)}; }
BN_INLINE v16i bn_load_i8i(const int8_t *p) {
  __m128i x = _mm_loadu_si128((const __m128i *)p);
  return (v16i){_mm256_cvtepi8_epi32(x), _mm256_cvtepi8_epi32(_mm_srli_si128(x, 8))};
}
BN_INLINE v16 bn_from_int(v16i x) { return (v16){_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
BN_INLINE v16 bn_load_i8(const int8_t *p) { return bn_from_int(bn_load_i8i(p)); }
BN_INLINE void bn_store_i8(int8_t *p, v16i x) {
  /* packs works within halves of 128 bits, so the 16-bit quarters come out as 0 2 1 3 */
  __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
  _mm_storeu_si128((__m128i *)p, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

/* --- int32 --- */
BN_INLINE v16i bn_izero(void) { return (v16i){_mm256_setzero_si256(), _mm256_setzero_si256()}; }
BN_INLINE v16i bn_iset1(int32_t x) { return (v16i){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
BN_INLINE v16i bn_iload(const int32_t *p) {
  return (v16i){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))};
}
BN_INLINE void bn_istore(int32_t *p, v16i x) {
  _mm256_storeu_si256((__m256i *)p, x.a);
  _mm256_storeu_si256((__m256i *)(p + 8), x.b);
}
BN_INLINE v16i bn_iadd(v16i x, v16i y) { return (v16i){_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
BN_INLINE v16i bn_isub(v16i x, v16i y) { return (v16i){_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
BN_INLINE v16i bn_imin(v16i x, v16i y) { return (v16i){_mm256_min_epi32(x.a, y.a), _mm256_min_epi32(x.b, y.b)}; }
BN_INLINE v16i bn_imax(v16i x, v16i y) { return (v16i){_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
#define bn_ishl(x, bits) ((v16i){_mm256_slli_epi32((x).a, bits), _mm256_slli_epi32((x).b, bits)})
#define bn_isar(x, bits) ((v16i){_mm256_srai_epi32((x).a, bits), _mm256_srai_epi32((x).b, bits)})
BN_INLINE int32_t bn_ifold8(__m256i x) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
BN_INLINE int32_t bn_ifold(v16i x) { return bn_ifold8(_mm256_add_epi32(x.a, x.b)); }
BN_INLINE int32_t bn_ifold_max(v16i x) {
  __m256i m = _mm256_max_epi32(x.a, x.b);
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
  __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
BN_INLINE v16i bn_to_int(v16 x) { return (v16i){_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
BN_INLINE v16i bn_to_int_within(v16 x, float low, float high) {
  v16i y = bn_to_int(bn_min(bn_max(x, bn_set1(low)), bn_set1(high)));
  return (v16i){_mm256_and_si256(y.a, _mm256_castps_si256(_mm256_cmp_ps(x.a, x.a, _CMP_ORD_Q))),
                _mm256_and_si256(y.b, _mm256_castps_si256(_mm256_cmp_ps(x.b, x.b, _CMP_ORD_Q)))};
}
BN_INLINE v16 bn_as_float(v16i x) { return (v16){_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }
BN_INLINE v16i bn_as_int(v16 x) { return (v16i){_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }

/* --- f64, eight at a time, from and to f32 in memory --- */
BN_INLINE v8d bn_dload(const double *p) { return (v8d){_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
BN_INLINE v8d bn_dload_float(const float *p) {
  return (v8d){_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
}
BN_INLINE void bn_dstore_float(float *p, v8d x) {
  _mm_storeu_ps(p, _mm256_cvtpd_ps(x.a));
  _mm_storeu_ps(p + 4, _mm256_cvtpd_ps(x.b));
}
BN_INLINE v8d bn_dadd(v8d x, v8d y) { return (v8d){_mm256_add_pd(x.a, y.a), _mm256_add_pd(x.b, y.b)}; }
BN_INLINE v8d bn_dsub(v8d x, v8d y) { return (v8d){_mm256_sub_pd(x.a, y.a), _mm256_sub_pd(x.b, y.b)}; }
BN_INLINE v8d bn_dmul(v8d x, v8d y) { return (v8d){_mm256_mul_pd(x.a, y.a), _mm256_mul_pd(x.b, y.b)}; }

/* --- dot products of bytes --- */
BN_INLINE v64 bn_bytes(const void *p) {
  return (v64){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)p + 1)};
}
#ifdef __AVXVNNI__
#define BN_DOT_BIAS 128
BN_INLINE v64 bn_dot_weights(v64 w) {
  __m256i bias = _mm256_set1_epi8((char)0x80);
  return (v64){_mm256_xor_si256(w.a, bias), _mm256_xor_si256(w.b, bias)};
}
BN_INLINE v16i bn_dot(v16i acc, v64 w, v64 q) {
  return (v16i){_mm256_dpbusd_avx_epi32(acc.a, w.a, q.a), _mm256_dpbusd_avx_epi32(acc.b, w.b, q.b)};
}
#else
#define BN_DOT_BIAS 0
BN_INLINE v64 bn_dot_weights(v64 w) { return w; }
/* vpmaddubsw would saturate; 16-bit products of sign-extended bytes do not. */
BN_INLINE __m256i bn_dot32(__m256i acc, __m256i w, __m256i q) {
  __m256i low = _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm256_castsi256_si128(w)),
                                  _mm256_cvtepi8_epi16(_mm256_castsi256_si128(q)));
  __m256i high = _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm256_extracti128_si256(w, 1)),
                                   _mm256_cvtepi8_epi16(_mm256_extracti128_si256(q, 1)));
  return _mm256_add_epi32(acc, _mm256_add_epi32(low, high));
}
BN_INLINE v16i bn_dot(v16i acc, v64 w, v64 q) { return (v16i){bn_dot32(acc.a, w.a, q.a), bn_dot32(acc.b, w.b, q.b)}; }
#endif

BN_INLINE v64 bn_bytes_xor(v64 x, v64 y) { return (v64){_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)}; }
BN_INLINE int32_t bn_bytes_xor_fold(v64 x) {
  int32_t lanes[16], fold = 0;
  bn_istore(lanes, x);
  for (int i = 0; i < 16; i++) fold ^= lanes[i];
  return fold;
}

BN_INLINE void bn_prefetch(const void *p) { _mm_prefetch((const char *)p, _MM_HINT_T0); }

#endif
