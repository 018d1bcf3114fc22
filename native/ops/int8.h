/* Products of int8 rows with activations of 15 bits in two int8 parts (BN_Q_HEAD), exact in int32 before the scale. */
#ifndef BN_INT8_H
#define BN_INT8_H

/* Bytes k … k + 63 of a row of `stride` bytes, zero beyond it: the last row ends where its matrix does. */
BN_INLINE v64 bn_int8_bytes(const int8_t *row, int64_t k, int64_t stride) {
  if (k + 64 <= stride) return bn_bytes(row + k);
  int8_t last[64] = {0};
  memcpy(last, row + k, (size_t)(stride - k));
  return bn_bytes(last);
}

/* sums[j] = q · rows[j] for four rows, modulo 2^32 (which the sum fits). */
BN_INLINE void bn_int8_dots(int32_t *sums, const uint8_t *q, const int8_t *const *rows, int64_t K) {
  const int8_t *high = (const int8_t *)q + BN_Q_HEAD, *low = high + bn_round_up(K, 64);
  int64_t stride = bn_row_stride(K);
  v16i upper[4], lower[4];
  BN_UNROLL
  for (int j = 0; j < 4; j++) upper[j] = lower[j] = bn_izero();
  for (int64_t k = 0; k < stride; k += 64) {
    v64 q_high = bn_bytes(high + k), q_low = bn_bytes(low + k);
    BN_UNROLL
    for (int j = 0; j < 4; j++) {
      bn_prefetch_far(rows[j] + k + 4 * stride);
      v64 w = bn_dot_weights(bn_int8_bytes(rows[j], k, stride));
      upper[j] = bn_dot(upper[j], w, q_high);
      lower[j] = bn_dot(lower[j], w, q_low);
    }
  }
  uint32_t bias;
  memcpy(&bias, q + 4, sizeof bias);
  for (int j = 0; j < 4; j++) {
    sums[j] = (int32_t)((uint32_t)bn_ifold(bn_iadd(bn_ishl(upper[j], 7), lower[j])) - BN_DOT_BIAS * bias);
  }
}

static void bn_int8_matmul(float *out, int64_t out_stride, const uint8_t *q, const int8_t *w, const float *scales,
                           int64_t K, int64_t T, int64_t r0, int64_t r1) {
  int64_t stride = bn_row_stride(K), q_bytes = bn_activation_bytes(K);
  for (int64_t r = r0; r < r1; r += 4) {
    int64_t count = r1 - r < 4 ? r1 - r : 4;
    const int8_t *rows[4];
    for (int64_t j = 0; j < 4; j++) rows[j] = w + (r + (j < count ? j : count - 1)) * stride;
    for (int64_t t = 0; t < T; t++) {
      float s;
      memcpy(&s, q + t * q_bytes, sizeof s);
      int32_t sums[4];
      bn_int8_dots(sums, q + t * q_bytes, rows, K);
      for (int64_t j = 0; j < count; j++) out[t * out_stride + r + j] = (float)sums[j] * (scales[r + j] / s);
    }
  }
}

#endif
