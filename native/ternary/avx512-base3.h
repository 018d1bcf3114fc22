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

BN_INLINE void bn_masked_tokens(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *sums,
                                const int n) {
  __m512i s[3][5];
#pragma GCC unroll 3
  for (int t = 0; t < n; t++) {
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++) s[t][i] = _mm512_setzero_si512();
  }
  const __m512i m0 = _mm512_set1_epi8(3), m1 = _mm512_set1_epi8(12), m2 = _mm512_set1_epi8(48),
                m3 = _mm512_set1_epi8((char)192);
  for (const uint8_t *end = tile + count * 64; tile < end; tile += 64, q += 20) {
    const __m512i bytes = _mm512_load_si512(tile);
    _mm_prefetch((const char *)tile + BN_PREFETCH_BYTES, _MM_HINT_T0);
    const __m512i low = bn_low_digits(bytes);
    const __m512i fields = bn_fields_of(low);
    const __m512i f0 = _mm512_and_si512(fields, m0), f1 = _mm512_and_si512(fields, m1);
    const __m512i f2 = _mm512_and_si512(fields, m2), f3 = _mm512_and_si512(fields, m3);
    const __m512i f4 = _mm512_sub_epi8(bytes, low);
#pragma GCC unroll 3
    for (int t = 0; t < n; t++) {
      const int8_t *x = q + t * stride;
      s[t][0] = _mm512_dpbusd_epi32(s[t][0], f0, bn_four_activations(x));
      s[t][1] = _mm512_dpbusd_epi32(s[t][1], f1, bn_four_activations(x + 4));
      s[t][2] = _mm512_dpbusd_epi32(s[t][2], f2, bn_four_activations(x + 8));
      s[t][3] = _mm512_dpbusd_epi32(s[t][3], f3, bn_four_activations(x + 12));
      s[t][4] = _mm512_dpbusd_epi32(s[t][4], f4, bn_four_activations(x + 16));
    }
  }
#pragma GCC unroll 3
  for (int t = 0; t < n; t++) {
    const __m512i fifth = _mm512_mullo_epi32(s[t][4], _mm512_set1_epi32((int)BN_INVERSE_OF_81));
    const __m512i low = _mm512_add_epi32(s[t][0], _mm512_srai_epi32(s[t][1], 2));
    const __m512i high = _mm512_add_epi32(_mm512_srai_epi32(s[t][2], 4), _mm512_srai_epi32(s[t][3], 6));
    _mm512_store_si512(sums + 16 * t, _mm512_add_epi32(_mm512_add_epi32(low, high), fifth));
  }
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
