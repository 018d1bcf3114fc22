/**
 * Ternary dot products with AVX-512 VNNI: a register holds 16 rows x 4 columns, and the four activations of a token are
 * broadcast to all rows. Decoding runs on other ports than the products, so a tile is decoded anew for every 12 tokens.
 */
#ifndef BN_TERNARY_AVX512_H
#define BN_TERNARY_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/** Tokens of one pass over a row tile: sums, decoded weights and constants fill the registers. */
#define BN_GROUP_TOKENS 12
/** How far ahead of its use a tile is fetched from memory. */
#define BN_PREFETCH_BYTES 4096

#ifndef BN_INLINE
#define BN_INLINE static inline __attribute__((always_inline, unused))
#endif

BN_INLINE __m512i bn_four_activations(const int8_t *q) {
  int32_t four;
  memcpy(&four, q, 4);
  return _mm512_set1_epi32(four);
}

/**
 * sums + codes times four activations, as one instruction. A broadcast of its own, which compilers make of it, is one more
 * than the ports have room for beside fields that are masked for few tokens.
 */
BN_INLINE __m512i bn_add_products(__m512i sums, __m512i codes, const int8_t *q) {
  __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sums) : "v"(codes), "m"(*(const int8_t(*)[4])q));
  return sums;
}

/** Steps of a macro for up to 12 tokens. Indexes are literals, without which gcc keeps arrays of sums in memory. */
#define BN_EACH_TOKEN(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)

/** Sums of fields that were masked in place, divided by 1, 4, 16 and 64 and added. */
BN_INLINE __m512i bn_total_of_four(const __m512i sums[4]) {
  const __m512i low = _mm512_add_epi32(sums[0], _mm512_srai_epi32(sums[1], 2));
  return _mm512_add_epi32(low, _mm512_add_epi32(_mm512_srai_epi32(sums[2], 4), _mm512_srai_epi32(sums[3], 6)));
}

#if BN_TILE_COLUMNS == 20
#include "avx512-base3.h"
#else
#include "avx512-two-bit.h"
#endif

/** Steps of four columns in a tile. */
#define BN_TILE_STEPS (BN_TILE_COLUMNS / 4)

/** Few tokens: fields are multiplied where they lie in their bytes, with a sum for each, and divided once at the end. */
BN_INLINE void bn_masked_tokens(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *sums,
                                const int n) {
  __m512i s[BN_MASKED_TOKENS][BN_TILE_STEPS];
#pragma GCC unroll 4
  for (int t = 0; t < n; t++) {
#pragma GCC unroll 5
    for (int i = 0; i < BN_TILE_STEPS; i++) s[t][i] = _mm512_setzero_si512();
  }
  for (const uint8_t *end = tile + count * 64; tile < end; tile += 64, q += BN_TILE_COLUMNS) {
    __m512i fields[BN_TILE_STEPS];
    bn_fields(_mm512_load_si512(tile), fields);
    _mm_prefetch((const char *)tile + BN_PREFETCH_BYTES, _MM_HINT_T0);
#pragma GCC unroll 4
    for (int t = 0; t < n; t++) {
#pragma GCC unroll 5
      for (int i = 0; i < BN_TILE_STEPS; i++) {
        s[t][i] = bn_add_products(s[t][i], fields[i], q + t * stride + 4 * i);
      }
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < n; t++) _mm512_store_si512(sums + 16 * t, bn_total(s[t]));
}

/** Decoded once in registers for all tokens; one sum for each token. */
BN_INLINE void bn_shifted_tokens(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *sums,
                                 const int n) {
  __m512i s[12];
#define BN_CLEAR(t) s[t] = _mm512_setzero_si512();
  BN_EACH_TOKEN(BN_CLEAR)
  const int8_t *row[4] = {q, q + 3 * stride, q + 6 * stride, q + 9 * stride};
  for (const uint8_t *end = tile + count * 64; tile < end; tile += 64) {
    __m512i codes[BN_TILE_STEPS];
    bn_codes(tile, codes);
    _mm_prefetch((const char *)tile + BN_PREFETCH_BYTES, _MM_HINT_T0);
#pragma GCC unroll 5
    for (int i = 0; i < BN_TILE_STEPS; i++) {
#define BN_ADD(t) \
  if (t < n) s[t] = _mm512_dpbusd_epi32(s[t], codes[i], bn_four_activations(row[t / 3] + t % 3 * stride + 4 * i));
      BN_EACH_TOKEN(BN_ADD)
    }
    for (int i = 0; i < 4; i++) row[i] += BN_TILE_COLUMNS;
  }
#define BN_PUT(t) \
  if (t < n) _mm512_store_si512(sums + 16 * t, s[t]);
  BN_EACH_TOKEN(BN_PUT)
#undef BN_CLEAR
#undef BN_ADD
#undef BN_PUT
}

#define BN_EACH_COUNT(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12)
#define BN_TABLE_OF(name) \
  {name##1, name##2, name##3, name##4, name##5, name##6, name##7, name##8, name##9, name##10, name##11, name##12}

/** A function for each number of tokens, so that its sums are registers; in one large function gcc spills them. */
#define BN_GROUP_OF(n) \
  static __attribute__((noinline)) void bn_group_##n(const uint8_t *tiles, int64_t count, const int8_t *q, \
                                                      int64_t stride, int32_t *sums) { \
    if (n <= BN_MASKED_TOKENS) bn_masked_tokens(tiles, count, q, stride, sums, n); \
    else bn_shifted_tokens(tiles, count, q, stride, sums, n); \
  }
BN_EACH_COUNT(BN_GROUP_OF)

/** sums [tokens][16] = Σ code q of one row tile. */
static void bn_group(const uint8_t *tiles, int64_t count, const int8_t *q, int64_t stride, int tokens, int32_t *sums) {
  static void (*const products[])(const uint8_t *, int64_t, const int8_t *, int64_t, int32_t *) =
      BN_TABLE_OF(bn_group_);
  products[tokens - 1](tiles, count, q, stride, sums);
}

#endif
