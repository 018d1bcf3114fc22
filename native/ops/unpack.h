/*
 * Rows of ternary weights as files hold them, to one code (weight + 1) a byte. Plain loops over independent bytes, which
 * compilers turn into vectors. Layouts: TERNARY_LAYOUTS of kernels.ts; formats as in src/tensor/{i2s,tq1,tq2,packed-rows}.ts.
 */
#ifndef BN_UNPACK_H
#define BN_UNPACK_H

/* 32 bytes hold 128 codes: code j in byte j % 32, 2-bit field j / 32, the first field lowest or (reversed) highest. */
BN_INLINE uint32_t bn_spread_128(uint8_t *codes, const uint8_t *packed, int reversed) {
  uint8_t threes = 0;
  for (int field = 0; field < 4; field++) {
    int shift = reversed ? 6 - 2 * field : 2 * field;
    for (int i = 0; i < 32; i++) codes[32 * field + i] = packed[i] >> shift & 3;
  }
  for (int i = 0; i < 32; i++) threes |= packed[i] & packed[i] >> 1 & 0x55;
  return threes;
}

/* Bytes whose base-3 digits are fractions of 256: the next digit is the carry of a multiplication with 3. */
BN_INLINE void bn_unpack_trits(uint8_t *codes, const uint8_t *packed, int count, int digits) {
  for (int i = 0; i < count; i++) {
    uint32_t fraction = packed[i];
    for (int digit = 0; digit < digits; digit++) {
      fraction = (fraction & 0xff) * 3;
      codes[digit * count + i] = (uint8_t)(fraction >> 8);
    }
  }
}

/* codes u8 [K] of one row at `source`; returns non-zero when a 2-bit field held 3, which is no code. */
static int32_t bn_unpack_ternary(uint8_t *codes, const uint8_t *source, int32_t layout, int64_t K) {
  uint32_t threes = 0;
  switch (layout) {
    case BN_LAYOUT_I2_S:
      for (int64_t k = 0; k < K; k += 128) threes |= bn_spread_128(codes + k, source + k / 4, 1);
      break;
    case BN_LAYOUT_TQ1_0:
      for (int64_t k = 0; k < K; k += 256, source += 54) {
        bn_unpack_trits(codes + k, source, 32, 5);
        bn_unpack_trits(codes + k + 160, source + 32, 16, 5);
        bn_unpack_trits(codes + k + 240, source + 48, 4, 4);
      }
      break;
    case BN_LAYOUT_TQ2_0:
      for (int64_t k = 0; k < K; k += 256, source += 66) {
        threes |= bn_spread_128(codes + k, source, 0);
        threes |= bn_spread_128(codes + k + 128, source + 32, 0);
      }
      break;
    default: {
      uint8_t seen = 0;
      int shift = 2 * (layout - BN_LAYOUT_FIELD_0);
      for (int64_t k = 0; k < K; k++) {
        uint8_t code = source[k] >> shift & 3;
        seen |= code & code >> 1;
        codes[k] = code;
      }
      threes = seen;
    }
  }
  return (int32_t)threes;
}

#endif
