/*
 * What the matrix products, attention and row selection need beyond the vocabulary of sixteen lanes: sixteen sums folded
 * at once, masks, products of nibbles, and how large a tile of sums the registers hold. Included after a simd header.
 */
#ifndef BN_TILES_H
#define BN_TILES_H

/*
 * BN_DOT_QUERIES x BN_DOT_ROWS sums of sixteen lanes fit the registers beside what they are made of; so do
 * BN_MIX_QUERIES x BN_MIX_VECTORS sums, and int32 sums of BN_INT_TOKENS tokens in two parts.
 *
 * bn_fold16: lane i = bn_fold(a[i]).
 * bn_store_quarters: lanes 4i .. 4i + 3 to to[i].
 * bn_keep_first: lanes below n from x, the others from y.
 * bn_greater, bn_not_less: bit i is x[i] > y[i], !(x[i] < y[i]).
 * bn_low_nibbles, bn_high_nibbles: of each byte, as bytes.
 * bn_dot_nibbles: acc[i] += sum over j < 4 of low[4i + j] * q[j] + high[4i + j] * q[4 + j], bytes of 0 .. 15 by int8.
 */
#if defined(__clang__)
#define BN_UNROLL _Pragma("unroll")
#else
#define BN_UNROLL _Pragma("GCC unroll 16")
#endif

/* Four bytes; apart from their neighbours, so that one instruction loads and broadcasts them. */
BN_INLINE int32_t bn_word(const int8_t *p) {
  int32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

#if defined(__AVX512F__)

enum { BN_DOT_QUERIES = 5, BN_DOT_ROWS = 4, BN_MIX_QUERIES = 5, BN_MIX_VECTORS = 4, BN_INT_TOKENS = 8 };

/* Adds the halves of a and of b, by units of 256 or (within each half) 128 bits: [sum of a, sum of b]. */
BN_INLINE v16 bn_fold_pair256(v16 a, v16 b) {
  v16 crossed = _mm512_mask_blend_ps(0xff00, b, a);
  return _mm512_add_ps(_mm512_mask_blend_ps(0xff00, a, b), _mm512_shuffle_f32x4(crossed, crossed, 0x4e));
}
BN_INLINE v16 bn_fold_pair128(v16 a, v16 b) {
  v16 crossed = _mm512_mask_blend_ps(0xf0f0, b, a);
  return _mm512_add_ps(_mm512_mask_blend_ps(0xf0f0, a, b), _mm512_shuffle_f32x4(crossed, crossed, 0xb1));
}
BN_INLINE v16 bn_fold_pair64(v16 a, v16 b) {
  return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
}
BN_INLINE v16 bn_fold16(const v16 *a) {
  v16 four[4];
  BN_UNROLL
  for (int i = 0; i < 4; i++) {
    four[i] = bn_fold_pair128(bn_fold_pair256(a[i], a[8 + i]), bn_fold_pair256(a[4 + i], a[12 + i]));
  }
  v16 x = bn_fold_pair64(four[0], four[1]), y = bn_fold_pair64(four[2], four[3]);
  return _mm512_add_ps(_mm512_shuffle_ps(x, y, 0x88), _mm512_shuffle_ps(x, y, 0xdd));
}
BN_INLINE void bn_store_quarters(float *const *to, v16 x) {
  _mm_storeu_ps(to[0], _mm512_castps512_ps128(x));
  _mm_storeu_ps(to[1], _mm512_extractf32x4_ps(x, 1));
  _mm_storeu_ps(to[2], _mm512_extractf32x4_ps(x, 2));
  _mm_storeu_ps(to[3], _mm512_extractf32x4_ps(x, 3));
}
BN_INLINE v16 bn_keep_first(int64_t n, v16 x, v16 y) {
  return _mm512_mask_blend_ps((__mmask16)((1u << n) - 1), y, x);
}
BN_INLINE uint32_t bn_greater(v16 x, v16 y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }
BN_INLINE uint32_t bn_not_less(v16 x, v16 y) { return _mm512_cmp_ps_mask(x, y, _CMP_NLT_UQ); }
BN_INLINE v64 bn_low_nibbles(v64 x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
BN_INLINE v64 bn_high_nibbles(v64 x) { return bn_low_nibbles(_mm512_srli_epi16(x, 4)); }
BN_INLINE v16i bn_dot_nibbles(v16i acc, v64 low, v64 high, const int8_t *q) {
  acc = _mm512_dpbusd_epi32(acc, low, _mm512_set1_epi32(bn_word(q)));
  return _mm512_dpbusd_epi32(acc, high, _mm512_set1_epi32(bn_word(q + 4)));
}

#elif defined(__AVX2__)

enum { BN_DOT_QUERIES = 2, BN_DOT_ROWS = 2, BN_MIX_QUERIES = 6, BN_MIX_VECTORS = 1, BN_INT_TOKENS = 2 };

BN_INLINE __m256 bn_fold_pair128(__m256 a, __m256 b) {
  return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
}
BN_INLINE __m256 bn_fold_pair64(__m256 a, __m256 b) {
  return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));
}
BN_INLINE __m256 bn_fold_eight(const v16 *a) {
  __m256 four[4];
  BN_UNROLL
  for (int i = 0; i < 4; i++) {
    four[i] = bn_fold_pair128(_mm256_add_ps(a[i].a, a[i].b), _mm256_add_ps(a[4 + i].a, a[4 + i].b));
  }
  __m256 x = bn_fold_pair64(four[0], four[1]), y = bn_fold_pair64(four[2], four[3]);
  return _mm256_add_ps(_mm256_shuffle_ps(x, y, 0x88), _mm256_shuffle_ps(x, y, 0xdd));
}
BN_INLINE v16 bn_fold16(const v16 *a) { return (v16){bn_fold_eight(a), bn_fold_eight(a + 8)}; }
BN_INLINE void bn_store_quarters(float *const *to, v16 x) {
  _mm_storeu_ps(to[0], _mm256_castps256_ps128(x.a));
  _mm_storeu_ps(to[1], _mm256_extractf128_ps(x.a, 1));
  _mm_storeu_ps(to[2], _mm256_castps256_ps128(x.b));
  _mm_storeu_ps(to[3], _mm256_extractf128_ps(x.b, 1));
}
BN_INLINE v16 bn_keep_first(int64_t n, v16 x, v16 y) {
  return (v16){_mm256_blendv_ps(y.a, x.a, _mm256_castsi256_ps(bn_mask8(n))),
               _mm256_blendv_ps(y.b, x.b, _mm256_castsi256_ps(bn_mask8(n - 8)))};
}
#define BN_COMPARE(x, y, how)                                       \
  ((uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((x).a, (y).a, how)) | \
   (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps((x).b, (y).b, how)) << 8)
BN_INLINE uint32_t bn_greater(v16 x, v16 y) { return BN_COMPARE(x, y, _CMP_GT_OQ); }
BN_INLINE uint32_t bn_not_less(v16 x, v16 y) { return BN_COMPARE(x, y, _CMP_NLT_UQ); }
BN_INLINE v64 bn_low_nibbles(v64 x) {
  __m256i mask = _mm256_set1_epi8(15);
  return (v64){_mm256_and_si256(x.a, mask), _mm256_and_si256(x.b, mask)};
}
BN_INLINE v64 bn_high_nibbles(v64 x) {
  return bn_low_nibbles((v64){_mm256_srli_epi16(x.a, 4), _mm256_srli_epi16(x.b, 4)});
}
#ifdef __AVXVNNI__
BN_INLINE __m256i bn_dot_nibbles32(__m256i acc, __m256i low, __m256i high, __m256i q0, __m256i q1) {
  return _mm256_dpbusd_avx_epi32(_mm256_dpbusd_avx_epi32(acc, low, q0), high, q1);
}
#else
/* Four products of at most 15 * 128 are far from saturating 16 bits. */
BN_INLINE __m256i bn_dot_nibbles32(__m256i acc, __m256i low, __m256i high, __m256i q0, __m256i q1) {
  __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(low, q0), _mm256_maddubs_epi16(high, q1));
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#endif
BN_INLINE v16i bn_dot_nibbles(v16i acc, v64 low, v64 high, const int8_t *q) {
  __m256i q0 = _mm256_set1_epi32(bn_word(q)), q1 = _mm256_set1_epi32(bn_word(q + 4));
  return (v16i){bn_dot_nibbles32(acc.a, low.a, high.a, q0, q1), bn_dot_nibbles32(acc.b, low.b, high.b, q0, q1)};
}

#else

enum { BN_DOT_QUERIES = 2, BN_DOT_ROWS = 2, BN_MIX_QUERIES = 6, BN_MIX_VECTORS = 1, BN_INT_TOKENS = 2 };

BN_INLINE float32x4_t bn_fold_quad(v16 x) {
  return vaddq_f32(vaddq_f32(x.r[0], x.r[2]), vaddq_f32(x.r[1], x.r[3]));
}
BN_INLINE float32x4_t bn_fold_pair64(float32x4_t a, float32x4_t b) {
  return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)), vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}
BN_INLINE float32x4_t bn_fold_four(const v16 *a) {
  return vpaddq_f32(bn_fold_pair64(bn_fold_quad(a[0]), bn_fold_quad(a[1])),
                    bn_fold_pair64(bn_fold_quad(a[2]), bn_fold_quad(a[3])));
}
BN_INLINE v16 bn_fold16(const v16 *a) { BN_FOUR(v16, bn_fold_four(a + 4 * i)); }
BN_INLINE void bn_store_quarters(float *const *to, v16 x) {
  for (int i = 0; i < 4; i++) vst1q_f32(to[i], x.r[i]);
}
BN_INLINE uint32x4_t bn_first4(int64_t n, int i) {
  const uint32x4_t lanes = {0, 1, 2, 3};
  return vcltq_u32(vaddq_u32(lanes, vdupq_n_u32((uint32_t)(4 * i))), vdupq_n_u32((uint32_t)n));
}
BN_INLINE v16 bn_keep_first(int64_t n, v16 x, v16 y) { BN_FOUR(v16, vbslq_f32(bn_first4(n, i), x.r[i], y.r[i])); }
BN_INLINE uint32_t bn_mask_bits(const uint32x4_t *lanes) {
  const uint32x4_t bits = {1, 2, 4, 8};
  uint32_t mask = 0;
  for (int i = 0; i < 4; i++) mask |= vaddvq_u32(vandq_u32(lanes[i], bits)) << (4 * i);
  return mask;
}
BN_INLINE uint32_t bn_greater(v16 x, v16 y) {
  uint32x4_t lanes[4];
  for (int i = 0; i < 4; i++) lanes[i] = vcgtq_f32(x.r[i], y.r[i]);
  return bn_mask_bits(lanes);
}
BN_INLINE uint32_t bn_not_less(v16 x, v16 y) {
  uint32x4_t lanes[4];
  for (int i = 0; i < 4; i++) lanes[i] = vmvnq_u32(vcltq_f32(x.r[i], y.r[i]));
  return bn_mask_bits(lanes);
}
BN_INLINE v64 bn_low_nibbles(v64 x) { BN_FOUR(v64, vandq_s8(x.r[i], vdupq_n_s8(15))); }
BN_INLINE v64 bn_high_nibbles(v64 x) {
  BN_FOUR(v64, vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(x.r[i]), 4)));
}
#ifdef __ARM_FEATURE_DOTPROD
BN_INLINE int32x4_t bn_dot_nibbles16(int32x4_t acc, int8x16_t low, int8x16_t high, int8x16_t q0, int8x16_t q1) {
  return vdotq_s32(vdotq_s32(acc, low, q0), high, q1);
}
#else
/* Eight products of at most 15 * 128, of which pairs and then lanes are added, stay within 16 bits. */
BN_INLINE int32x4_t bn_dot_nibbles16(int32x4_t acc, int8x16_t low, int8x16_t high, int8x16_t q0, int8x16_t q1) {
  int16x8_t first = vmlal_s8(vmull_s8(vget_low_s8(low), vget_low_s8(q0)), vget_low_s8(high), vget_low_s8(q1));
  int16x8_t second = vmlal_high_s8(vmull_high_s8(low, q0), high, q1);
  return vpadalq_s16(acc, vpaddq_s16(first, second));
}
#endif
BN_INLINE v16i bn_dot_nibbles(v16i acc, v64 low, v64 high, const int8_t *q) {
  int8x16_t q0 = vreinterpretq_s8_s32(vdupq_n_s32(bn_word(q)));
  int8x16_t q1 = vreinterpretq_s8_s32(vdupq_n_s32(bn_word(q + 4)));
  BN_FOUR(v16i, bn_dot_nibbles16(acc.r[i], low.r[i], high.r[i], q0, q1));
}

#endif

/* The first n <= 16 lanes, in one piece where all are there. */
BN_INLINE v16 bn_load_first(const float *p, int64_t n) { return n == 16 ? bn_load(p) : bn_load_part(p, n); }
BN_INLINE void bn_store_first(float *p, v16 x, int64_t n) {
  if (n == 16) {
    bn_store(p, x);
  } else {
    bn_store_part(p, x, n);
  }
}

/*
 * Fetches a line into the second cache level. What is needed some thousand cycles later belongs there: lines on their way
 * to the first level hold one of its few miss buffers, and a burst of them stops the loads of the work at hand.
 */
BN_INLINE void bn_prefetch_far(const void *p) { __builtin_prefetch(p, 0, 2); }

#endif
