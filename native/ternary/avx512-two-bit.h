/** Decoding of the 2-bit tile with AVX-512: a masked field is an operand of the dot product as it is. */
#ifndef BN_TERNARY_AVX512_TWO_BIT_H
#define BN_TERNARY_AVX512_TWO_BIT_H

/** Tokens for which fields are masked in place, with sums for each field: more would not fit into registers. */
#define BN_MASKED_TOKENS 4

/** Codes of columns 0-3, 4-7, 8-11 and 12-15 of a tile, times 1, 4, 16 and 64. */
BN_INLINE void bn_fields(__m512i bytes, __m512i fields[4]) {
  fields[0] = _mm512_and_si512(bytes, _mm512_set1_epi8(3));
  fields[1] = _mm512_and_si512(bytes, _mm512_set1_epi8(12));
  fields[2] = _mm512_and_si512(bytes, _mm512_set1_epi8(48));
  fields[3] = _mm512_and_si512(bytes, _mm512_set1_epi8((char)192));
}

/** Σ code q of sums over bn_fields. */
BN_INLINE __m512i bn_total(const __m512i sums[4]) { return bn_total_of_four(sums); }

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
