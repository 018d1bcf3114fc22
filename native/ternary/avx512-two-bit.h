/** Decoding of the 2-bit tile with AVX-512: a masked field is an operand of the dot product as it is. */
#ifndef BN_TERNARY_AVX512_TWO_BIT_H
#define BN_TERNARY_AVX512_TWO_BIT_H

/** Tokens for which fields are masked in place, with sums for each field: more would not fit into registers. */
#define BN_MASKED_TOKENS 4

BN_INLINE void bn_masked_tokens(const uint8_t *tile, int64_t count, const int8_t *q, int64_t stride, int32_t *sums,
                                const int n) {
  __m512i s[4][4];
#pragma GCC unroll 4
  for (int t = 0; t < n; t++) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) s[t][i] = _mm512_setzero_si512();
  }
  const __m512i m0 = _mm512_set1_epi8(3), m1 = _mm512_set1_epi8(12), m2 = _mm512_set1_epi8(48),
                m3 = _mm512_set1_epi8((char)192);
  for (const uint8_t *end = tile + count * 64; tile < end; tile += 64, q += 16) {
    const __m512i bytes = _mm512_load_si512(tile);
    _mm_prefetch((const char *)tile + BN_PREFETCH_BYTES, _MM_HINT_T0);
    const __m512i f0 = _mm512_and_si512(bytes, m0), f1 = _mm512_and_si512(bytes, m1);
    const __m512i f2 = _mm512_and_si512(bytes, m2), f3 = _mm512_and_si512(bytes, m3);
#pragma GCC unroll 4
    for (int t = 0; t < n; t++) {
      const int8_t *x = q + t * stride;
      s[t][0] = _mm512_dpbusd_epi32(s[t][0], f0, bn_four_activations(x));
      s[t][1] = _mm512_dpbusd_epi32(s[t][1], f1, bn_four_activations(x + 4));
      s[t][2] = _mm512_dpbusd_epi32(s[t][2], f2, bn_four_activations(x + 8));
      s[t][3] = _mm512_dpbusd_epi32(s[t][3], f3, bn_four_activations(x + 12));
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < n; t++) {
    const __m512i low = _mm512_add_epi32(s[t][0], _mm512_srai_epi32(s[t][1], 2));
    const __m512i high = _mm512_add_epi32(_mm512_srai_epi32(s[t][2], 4), _mm512_srai_epi32(s[t][3], 6));
    _mm512_store_si512(sums + 16 * t, _mm512_add_epi32(low, high));
  }
}

/** Codes of columns 0-3, 4-7, 8-11, 12-15 of a tile, as bytes. */
BN_INLINE void bn_codes(const uint8_t *tile, __m512i codes[4]) {
  const __m512i m = _mm512_set1_epi8(3);
  const __m512i bytes = _mm512_load_si512(tile);
  codes[0] = _mm512_and_si512(bytes, m);
  codes[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 2), m);
  codes[2] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), m);
  codes[3] = _mm512_and_si512(_mm512_srli_epi16(bytes, 6), m);
}

#endif
