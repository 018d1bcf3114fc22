/*
 * Sixteen lanes on AVX-512: one register. The vocabulary is the same in avx512.h, avx2.h and neon.h, and ops/ is written
 * over it alone:
 *   v16  16 f32     v16i  16 int32     v8d  8 f64     v64  64 bytes
 * Loads and stores need no alignment. No operation contracts a product and a sum.
 */
#ifndef BN_SIMD_H
#define BN_SIMD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define BN_INLINE static inline __attribute__((always_inline, unused))

typedef __m512 v16;
typedef __m512i v16i;
typedef __m512d v8d;
typedef __m512i v64;

/* --- f32 --- */
BN_INLINE v16 bn_load(const float *p) { return _mm512_loadu_ps(p); }
BN_INLINE void bn_store(float *p, v16 x) { _mm512_storeu_ps(p, x); }
/* The first n < 16 lanes from memory, the others zero; reads no further. */
BN_INLINE v16 bn_load_part(const float *p, int64_t n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
BN_INLINE void bn_store_part(float *p, v16 x, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x); }
BN_INLINE v16 bn_zero(void) { return _mm512_setzero_ps(); }
BN_INLINE v16 bn_set1(float x) { return _mm512_set1_ps(x); }
BN_INLINE v16 bn_add(v16 a, v16 b) { return _mm512_add_ps(a, b); }
BN_INLINE v16 bn_sub(v16 a, v16 b) { return _mm512_sub_ps(a, b); }
BN_INLINE v16 bn_mul(v16 a, v16 b) { return _mm512_mul_ps(a, b); }
/*
 * x * *p. As one instruction: a broadcast of its own, which compilers make of it where *p is used twice, takes a cycle of
 * the multipliers.
 */
BN_INLINE v16 bn_mul_each(v16 x, const float *p) {
  v16 product;
  __asm__("vmulps %2%{1to16%}, %1, %0" : "=v"(product) : "v"(x), "m"(*p));
  return product;
}
BN_INLINE v16 bn_div(v16 a, v16 b) { return _mm512_div_ps(a, b); }
BN_INLINE v16 bn_max(v16 a, v16 b) { return _mm512_max_ps(a, b); }
BN_INLINE v16 bn_min(v16 a, v16 b) { return _mm512_min_ps(a, b); }
BN_INLINE v16 bn_abs(v16 x) { return _mm512_abs_ps(x); }
BN_INLINE v16 bn_neg(v16 x) { return _mm512_xor_ps(x, _mm512_set1_ps(-0.0f)); }
/* Nearest integer, ties to even. */
BN_INLINE v16 bn_round(v16 x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

/* Lanes 0-7 and 8-15 added, then 4, 2, 1: the fold of numerics.md. */
BN_INLINE float bn_fold8(__m256 x) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
BN_INLINE float bn_fold(v16 x) {
  return bn_fold8(_mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)));
}
/* Largest lane. */
BN_INLINE float bn_fold_max(v16 x) { return _mm512_reduce_max_ps(x); }

/* --- widening loads of 16 elements, narrowing stores --- */
/* IEEE halves, all of them right. */
BN_INLINE v16 bn_load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
BN_INLINE float bn_half1(uint16_t x) { return _cvtsh_ss(x); }
/* To the nearest half, ties to even, beyond 65504 to infinity. */
BN_INLINE void bn_store_half(uint16_t *p, v16 x) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
BN_INLINE v16 bn_load_bf16(const uint16_t *p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
/* int8 as f32 and as int32. */
BN_INLINE v16i bn_load_i8i(const int8_t *p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)); }
BN_INLINE v16 bn_load_i8(const int8_t *p) { return _mm512_cvtepi32_ps(bn_load_i8i(p)); }
/* int32 in -128 .. 127 as int8. */
BN_INLINE void bn_store_i8(int8_t *p, v16i x) { _mm_storeu_si128((__m128i *)p, _mm512_cvtsepi32_epi8(x)); }

/* --- int32 --- */
BN_INLINE v16i bn_izero(void) { return _mm512_setzero_si512(); }
BN_INLINE v16i bn_iset1(int32_t x) { return _mm512_set1_epi32(x); }
BN_INLINE v16i bn_iload(const int32_t *p) { return _mm512_loadu_si512(p); }
BN_INLINE void bn_istore(int32_t *p, v16i x) { _mm512_storeu_si512(p, x); }
BN_INLINE v16i bn_iadd(v16i a, v16i b) { return _mm512_add_epi32(a, b); }
BN_INLINE v16i bn_isub(v16i a, v16i b) { return _mm512_sub_epi32(a, b); }
BN_INLINE v16i bn_imin(v16i a, v16i b) { return _mm512_min_epi32(a, b); }
BN_INLINE v16i bn_imax(v16i a, v16i b) { return _mm512_max_epi32(a, b); }
#define bn_ishl(x, bits) _mm512_slli_epi32(x, bits)
/* Arithmetic shift to the right. */
#define bn_isar(x, bits) _mm512_srai_epi32(x, bits)
/* Sum of the lanes, wrapping. */
BN_INLINE int32_t bn_ifold(v16i x) {
  /* Not _mm512_reduce_add_epi32: compilers write it with signed additions, whose overflow is undefined. */
  const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
/* Largest lane. */
BN_INLINE int32_t bn_ifold_max(v16i x) { return _mm512_reduce_max_epi32(x); }
/* Nearest int32, ties to even; |x| < 2^31. */
BN_INLINE v16i bn_to_int(v16 x) { return _mm512_cvtps_epi32(x); }
/* The same of x clamped to [low, high]; 0 for what is no number. */
BN_INLINE v16i bn_to_int_within(v16 x, float low, float high) {
  v16 clamped = bn_min(bn_max(x, bn_set1(low)), bn_set1(high));
  return _mm512_maskz_cvtps_epi32(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), clamped);
}
BN_INLINE v16 bn_from_int(v16i x) { return _mm512_cvtepi32_ps(x); }
BN_INLINE v16 bn_as_float(v16i x) { return _mm512_castsi512_ps(x); }
BN_INLINE v16i bn_as_int(v16 x) { return _mm512_castps_si512(x); }

/* --- f64, eight at a time, from and to f32 in memory --- */
BN_INLINE v8d bn_dload(const double *p) { return _mm512_loadu_pd(p); }
BN_INLINE v8d bn_dload_float(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
BN_INLINE void bn_dstore_float(float *p, v8d x) { _mm256_storeu_ps(p, _mm512_cvtpd_ps(x)); }
BN_INLINE v8d bn_dadd(v8d a, v8d b) { return _mm512_add_pd(a, b); }
BN_INLINE v8d bn_dsub(v8d a, v8d b) { return _mm512_sub_pd(a, b); }
BN_INLINE v8d bn_dmul(v8d a, v8d b) { return _mm512_mul_pd(a, b); }

/* --- dot products of bytes --- */
/*
 * bn_dot(acc, bn_dot_weights(w), q) adds 64 products (w + BN_DOT_BIAS) * q of int8 by int8, four to a lane in an order
 * that is the instruction set's own: the sum over all lanes less BN_DOT_BIAS * sum(q) is the dot product, modulo 2^32.
 */
#define BN_DOT_BIAS 128
BN_INLINE v64 bn_bytes(const void *p) { return _mm512_loadu_si512(p); }
BN_INLINE v64 bn_dot_weights(v64 w) { return _mm512_xor_si512(w, _mm512_set1_epi8((char)0x80)); }
BN_INLINE v16i bn_dot(v16i acc, v64 w, v64 q) { return _mm512_dpbusd_epi32(acc, w, q); }

/* XOR of 64 bytes and the fold of it to 32 bits. */
BN_INLINE v64 bn_bytes_xor(v64 a, v64 b) { return _mm512_xor_si512(a, b); }
BN_INLINE int32_t bn_bytes_xor_fold(v64 x) {
  int32_t lanes[16], fold = 0;
  _mm512_storeu_si512(lanes, x);
  for (int i = 0; i < 16; i++) fold ^= lanes[i];
  return fold;
}

BN_INLINE void bn_prefetch(const void *p) { _mm_prefetch((const char *)p, _MM_HINT_T0); }

#endif
