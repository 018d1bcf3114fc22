/**
 * Decoding of the base-3 tile with AVX-512 VBMI. Two subtract-and-minimum steps leave r = byte mod 81; the rest, 81 d4,
 * goes into the dot product as it is, and one lookup of r gives the other four digits as 2-bit fields.
 */
#ifndef BN_TERNARY_AVX512_BASE3_H
#define BN_TERNARY_AVX512_BASE3_H

/** Fields of the numbers 0 ... 80: digit i of three in bits 2i and 2i + 1. */
#define BN_FIELDS_1(n) ((n) % 3)
#define BN_FIELDS(n) \
  (BN_FIELDS_1(n) | BN_FIELDS_1((n) / 3) << 2 | BN_FIELDS_1((n) / 9) << 4 | BN_FIELDS_1((n) / 27) << 6)
#define BN_FIELDS_9(n) \
  BN_FIELDS(n), BN_FIELDS(n + 1), BN_FIELDS(n + 2), BN_FIELDS(n + 3), BN_FIELDS(n + 4), BN_FIELDS(n + 5), \
      BN_FIELDS(n + 6), BN_FIELDS(n + 7), BN_FIELDS(n + 8)

static const uint8_t bn_digit_fields[128] __attribute__((aligned(64))) = {
    BN_FIELDS_9(0),  BN_FIELDS_9(9),  BN_FIELDS_9(18), BN_FIELDS_9(27), BN_FIELDS_9(36),
    BN_FIELDS_9(45), BN_FIELDS_9(54), BN_FIELDS_9(63), BN_FIELDS_9(72)};

/** 81^-1 modulo 2^32: a multiple of 81 is divided by multiplying with it. */
#define BN_INVERSE_OF_81 0x781948b1u

/** byte mod 81 */
BN_INLINE __m512i bn_low_digits(__m512i bytes) {
  const __m512i c81 = _mm512_set1_epi8(81);
  const __m512i once = _mm512_min_epu8(bytes, _mm512_sub_epi8(bytes, c81));
  return _mm512_min_epu8(once, _mm512_sub_epi8(once, c81));
}

BN_INLINE __m512i bn_fields_of(__m512i low) {
  return _mm512_permutex2var_epi8(_mm512_load_si512(bn_digit_fields), low, _mm512_load_si512(bn_digit_fields + 64));
}

/** Tokens for which fields are masked in place, with sums for each field: more would not fit into registers. */
#define BN_MASKED_TOKENS 3

/** Codes of columns 0-3, 4-7, ..., 16-19 of a tile, times 1, 4, 16, 64 and 81. */
BN_INLINE void bn_fields(__m512i bytes, __m512i fields[5]) {
  const __m512i low = bn_low_digits(bytes);
  const __m512i four = bn_fields_of(low);
  fields[0] = _mm512_and_si512(four, _mm512_set1_epi8(3));
  fields[1] = _mm512_and_si512(four, _mm512_set1_epi8(12));
  fields[2] = _mm512_and_si512(four, _mm512_set1_epi8(48));
  fields[3] = _mm512_and_si512(four, _mm512_set1_epi8((char)192));
  fields[4] = _mm512_sub_epi8(bytes, low);
}

/** Σ code q of sums over bn_fields. */
BN_INLINE __m512i bn_total(const __m512i sums[5]) {
  const __m512i fifth = _mm512_mullo_epi32(sums[4], _mm512_set1_epi32((int)BN_INVERSE_OF_81));
  return _mm512_add_epi32(bn_total_of_four(sums), fifth);
}

/** Codes of columns 0-3, 4-7, ..., 16-19 of a tile, as bytes. */
BN_INLINE void bn_codes(const uint8_t *tile, __m512i codes[5]) {
  const __m512i m = _mm512_set1_epi8(3);
  const __m512i bytes = _mm512_load_si512(tile);
  const __m512i low = bn_low_digits(bytes);
  const __m512i fields = bn_fields_of(low);
  codes[0] = _mm512_and_si512(fields, m);
  codes[1] = _mm512_and_si512(_mm512_srli_epi16(fields, 2), m);
  codes[2] = _mm512_and_si512(_mm512_srli_epi16(fields, 4), m);
  codes[3] = _mm512_and_si512(_mm512_srli_epi16(fields, 6), m);
  // 0, 81 and 162 are 0, 1 and 2 in their highest two bits.
  codes[4] = _mm512_and_si512(_mm512_srli_epi16(_mm512_sub_epi8(bytes, low), 6), m);
}

#endif
