/**
 * Ternary dot products on AArch64: four registers hold 16 rows x 4 columns. With dot products (FEAT_DotProd) four
 * columns are summed at once; with matrix products (FEAT_I8MM) two rows x eight columns meet two tokens; without either,
 * products are widened to 16 and then to 32 bits.
 */
#ifndef BN_TERNARY_NEON_H
#define BN_TERNARY_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

/** Tokens of one pass over a row tile: 16 of 32 registers are sums. */
#define BN_GROUP_TOKENS 4
#define BN_PREFETCH_BYTES 2048

/** Codes of the 16 rows in columns 4i ... 4i + 3. */
BN_INLINE void bn_codes(const uint8x16_t bytes[4], int i, int8x16_t codes[4]) {
  const uint8x16_t m = vdupq_n_u8(3);
  for (int r = 0; r < 4; r++) {
    codes[r] = vreinterpretq_s8_u8(vandq_u8(vshlq_u8(bytes[r], vdupq_n_s8((int8_t)(-2 * i))), m));
  }
}

BN_INLINE void bn_load_tile(const uint8_t *tile, uint8x16_t bytes[4]) {
  for (int r = 0; r < 4; r++) bytes[r] = vld1q_u8(tile + 16 * r);
  __builtin_prefetch(tile + BN_PREFETCH_BYTES);
}

/** The sum of each row's four products, added to one 32-bit lane a row. */
BN_INLINE int32x4_t bn_add_products(int32x4_t sums, int8x16_t codes, int8x16_t x) {
#ifdef __ARM_FEATURE_DOTPROD
  return vdotq_s32(sums, codes, x);
#else
  const int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
  const int16x8_t high = vmull_s8(vget_high_s8(codes), vget_high_s8(x));
  return vpadalq_s16(sums, vpaddq_s16(low, high));
#endif
}

BN_INLINE void bn_group_tokens(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *out,
                               const int n) {
  int32x4_t sums[4 * BN_GROUP_TOKENS];
  for (int i = 0; i < 4 * n; i++) sums[i] = vdupq_n_s32(0);
  for (const uint8_t *end = tile + count * 64; tile < end; tile += 64, q += BN_TILE_COLUMNS) {
    uint8x16_t bytes[4];
    bn_load_tile(tile, bytes);
    for (int i = 0; i < 4; i++) {
      int8x16_t codes[4];
      bn_codes(bytes, i, codes);
      for (int t = 0; t < n; t++) {
        int32_t four;
        memcpy(&four, q + t * stride + 4 * i, 4);
        const int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(four));
        for (int r = 0; r < 4; r++) sums[4 * t + r] = bn_add_products(sums[4 * t + r], codes[r], x);
      }
    }
  }
  for (int i = 0; i < 4 * n; i++) vst1q_s32(out + 4 * i, sums[i]);
}

#ifdef __ARM_FEATURE_MATMUL_INT8
/** Eight columns of a pair of tokens. */
BN_INLINE int8x16_t bn_token_pair(const int8_t *first, const int8_t *second) {
  return vcombine_s8(vld1_s8(first), vld1_s8(second));
}

/** Four tokens by matrix products: sums [pair of tokens][pair of rows] of 2 x 2. */
static void bn_group_matrix(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *out) {
  int32x4_t sums[2][8];
  for (int i = 0; i < 16; i++) sums[i / 8][i % 8] = vdupq_n_s32(0);
  for (const uint8_t *end = tile + count * 64; tile < end; tile += 64, q += BN_TILE_COLUMNS) {
    uint8x16_t bytes[4];
    bn_load_tile(tile, bytes);
    for (int i = 0; i < 4; i += 2) {
      int8x16_t first[4], second[4];
      bn_codes(bytes, i, first);
      bn_codes(bytes, i + 1, second);
      const int8x16_t x0 = bn_token_pair(q + 4 * i, q + stride + 4 * i);
      const int8x16_t x1 = bn_token_pair(q + 2 * stride + 4 * i, q + 3 * stride + 4 * i);
      for (int r = 0; r < 4; r++) {
        const int32x4_t a = vreinterpretq_s32_s8(first[r]), b = vreinterpretq_s32_s8(second[r]);
        // Two rows of eight columns each.
        const int8x16_t even = vreinterpretq_s8_s32(vzip1q_s32(a, b)), odd = vreinterpretq_s8_s32(vzip2q_s32(a, b));
        sums[0][2 * r] = vmmlaq_s32(sums[0][2 * r], even, x0);
        sums[0][2 * r + 1] = vmmlaq_s32(sums[0][2 * r + 1], odd, x0);
        sums[1][2 * r] = vmmlaq_s32(sums[1][2 * r], even, x1);
        sums[1][2 * r + 1] = vmmlaq_s32(sums[1][2 * r + 1], odd, x1);
      }
    }
  }
  for (int pair = 0; pair < 2; pair++) {
    for (int r = 0; r < 8; r += 2) {
      const int32x4_t a = sums[pair][r], b = sums[pair][r + 1];
      vst1q_s32(out + 32 * pair + 2 * r, vuzp1q_s32(a, b));
      vst1q_s32(out + 32 * pair + 16 + 2 * r, vuzp2q_s32(a, b));
    }
  }
}
#endif

/** sums [tokens][16] = Σ code q of one row tile. */
static void bn_group(const uint8_t *tiles, int64_t count, const int8_t *q, int64_t stride, int tokens, int32_t *sums) {
  switch (tokens) {
    case 1: bn_group_tokens(tiles, count, q, stride, sums, 1); break;
    case 2: bn_group_tokens(tiles, count, q, stride, sums, 2); break;
    case 3: bn_group_tokens(tiles, count, q, stride, sums, 3); break;
    default:
#ifdef __ARM_FEATURE_MATMUL_INT8
      bn_group_matrix(tiles, count, q, stride, sums);
#else
      bn_group_tokens(tiles, count, q, stride, sums, 4);
#endif
      break;
  }
}

#endif
