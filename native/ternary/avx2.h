/**
 * Ternary dot products on 256-bit registers: two hold 16 rows x 4 columns. With AVX-VNNI products go into 32-bit sums at
 * once; without it, pairs of products are summed in 16 bits and widened before those can overflow.
 */
#ifndef BN_TERNARY_AVX2_H
#define BN_TERNARY_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/** Tokens of one pass over a row tile: two sums each, beside decoded weights, in 16 registers. */
#define BN_GROUP_TOKENS 4
/** How far ahead of its use a tile is fetched from memory. */
#define BN_PREFETCH_BYTES 4096
/** A pair of products is at most 2 * 2 * 128 in magnitude, a tile adds four of them: 15 tiles stay below 2^15. */
#define BN_NARROW_TILES 15

/** 32-bit sums of 16 rows x 4 columns of products, or 16-bit sums of pairs that bn_widen takes over. */
BN_INLINE __m256i bn_add_products(__m256i sums, __m256i codes, __m256i x) {
#ifdef __AVXVNNI__
  return _mm256_dpbusd_avx_epi32(sums, codes, x);
#else
  return _mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, x));
#endif
}

BN_INLINE __m256i bn_widen(__m256i wide, __m256i sums) {
#ifdef __AVXVNNI__
  return _mm256_add_epi32(wide, sums);
#else
  return _mm256_add_epi32(wide, _mm256_madd_epi16(sums, _mm256_set1_epi16(1)));
#endif
}

/** One tile's products for n tokens; sums [n][2]. */
BN_INLINE void bn_tile_products(const uint8_t *tile, const int8_t *q, int64_t stride, __m256i *sums, const int n) {
  const __m256i m = _mm256_set1_epi8(3);
  const __m256i a = _mm256_load_si256((const __m256i *)tile), b = _mm256_load_si256((const __m256i *)tile + 1);
  _mm_prefetch((const char *)tile + BN_PREFETCH_BYTES, _MM_HINT_T0);
#define BN_FIELD(i) \
  { \
    const __m256i low = _mm256_and_si256(_mm256_srli_epi16(a, 2 * i), m); \
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(b, 2 * i), m); \
    for (int t = 0; t < n; t++) { \
      int32_t four; \
      memcpy(&four, q + t * stride + 4 * i, 4); \
      const __m256i x = _mm256_set1_epi32(four); \
      sums[2 * t] = bn_add_products(sums[2 * t], low, x); \
      sums[2 * t + 1] = bn_add_products(sums[2 * t + 1], high, x); \
    } \
  }
  BN_FIELD(0)
  BN_FIELD(1)
  BN_FIELD(2)
  BN_FIELD(3)
#undef BN_FIELD
}

BN_INLINE void bn_group_tokens(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *out,
                               const int n) {
  __m256i wide[2 * BN_GROUP_TOKENS];
  for (int i = 0; i < 2 * n; i++) wide[i] = _mm256_setzero_si256();
  while (count > 0) {
    const int64_t tiles = count < BN_NARROW_TILES ? count : BN_NARROW_TILES;
    __m256i sums[2 * BN_GROUP_TOKENS];
    for (int i = 0; i < 2 * n; i++) sums[i] = _mm256_setzero_si256();
    for (int64_t i = 0; i < tiles; i++, tile += 64, q += BN_TILE_COLUMNS) bn_tile_products(tile, q, stride, sums, n);
    for (int i = 0; i < 2 * n; i++) wide[i] = bn_widen(wide[i], sums[i]);
    count -= tiles;
  }
  for (int i = 0; i < 2 * n; i++) _mm256_store_si256((__m256i *)out + i, wide[i]);
}

/** A function for each number of tokens, so that its sums are registers. */
#define BN_GROUP_OF(n) \
  static __attribute__((noinline)) void bn_group_##n(const uint8_t *tiles, int64_t count, const int8_t *q, \
                                                     int64_t stride, int32_t *sums) { \
    bn_group_tokens(tiles, count, q, stride, sums, n); \
  }
BN_GROUP_OF(1)
BN_GROUP_OF(2)
BN_GROUP_OF(3)
BN_GROUP_OF(4)

/** sums [tokens][16] = Σ code q of one row tile. */
static void bn_group(const uint8_t *tiles, int64_t count, const int8_t *q, int64_t stride, int tokens, int32_t *sums) {
  static void (*const products[])(const uint8_t *, int64_t, const int8_t *, int64_t, int32_t *) = {
      bn_group_1, bn_group_2, bn_group_3, bn_group_4};
  products[tokens - 1](tiles, count, q, stride, sums);
}

#endif
