/*
 * Dot products in sixteen lanes, many at once: dense products and attention scores are made of these. A lane begins with
 * its first product in place of 0 + product, which differs in the sign of a zero sum alone; adding 0 at the end mends it.
 */
#ifndef BN_DOTS_H
#define BN_DOTS_H

/* Where element k of a dense row begins, or the block that it is in. */
BN_INLINE const uint8_t *bn_dense_at(const uint8_t *row, int64_t k, const int32_t format) {
  if (format == BN_DENSE_Q8_0) return row + k / 32 * 34;
  return row + k * (format == BN_DENSE_F32 ? 4 : 2);
}

/*
 * sums[4 i + j] = lanes of x[i] · rows[j] for Q x R rows of `stride` elements, a multiple of 16. Fetches what lies `ahead`
 * bytes behind the rows, unless that is 0.
 */
BN_INLINE void bn_dot_tile(v16 *sums, const float *const *x, const uint8_t *const *rows, int64_t stride,
                           const int32_t format, int64_t ahead, const int Q, const int R) {
  v16 acc[16], w[4];
  BN_UNROLL
  for (int j = 0; j < R; j++) w[j] = bn_load_dense(rows[j], 0, format);
  BN_UNROLL
  for (int i = 0; i < Q; i++) {
    v16 value = bn_load(x[i]);
    BN_UNROLL
    for (int j = 0; j < R; j++) acc[i * R + j] = bn_mul(value, w[j]);
  }
  for (int64_t k = 16; k < stride; k += 16) {
    BN_UNROLL
    for (int j = 0; j < R; j++) {
      if (ahead) bn_prefetch(bn_dense_at(rows[j], k, format) + ahead);
      w[j] = bn_load_dense(rows[j], k, format);
    }
    BN_UNROLL
    for (int i = 0; i < Q; i++) {
      v16 value = bn_load(x[i] + k);
      BN_UNROLL
      for (int j = 0; j < R; j++) acc[i * R + j] = bn_add(acc[i * R + j], bn_mul(value, w[j]));
    }
  }
  BN_UNROLL
  for (int i = 0; i < Q; i++) {
    BN_UNROLL
    for (int j = 0; j < R; j++) sums[4 * i + j] = acc[i * R + j];
  }
}

/* The same for Q x 4, in tiles that the registers hold. */
BN_INLINE void bn_dot_tiles(v16 *sums, const float *const *x, const uint8_t *const *rows, int64_t stride,
                            const int32_t format, int64_t ahead, const int Q) {
  const int queries = Q < BN_DOT_QUERIES ? Q : BN_DOT_QUERIES;
  const int width = Q == 1 ? 4 : BN_DOT_ROWS;
  BN_UNROLL
  for (int i = 0; i < Q; i += queries) {
    BN_UNROLL
    for (int j = 0; j < 4; j += width) bn_dot_tile(sums + 4 * i + j, x + i, rows + j, stride, format, ahead, queries, width);
  }
}

/* out[i][0 … 15] = x[i] · rows[0 … 15] for Q of 1, 2 or 4. */
BN_INLINE void bn_dots(float *const *out, const float *const *x, const uint8_t *const *rows, int64_t stride,
                       const int32_t format, int64_t ahead, const int Q) {
  v16 sums[16];
  for (int j = 0; j < 16; j += 16 / Q) {
    BN_UNROLL
    for (int g = 0; g < 4 / Q; g++) {
      bn_dot_tiles(sums + 4 * Q * g, x, rows + j + 4 * g, stride, format, ahead, Q);
    }
    v16 folded = bn_add(bn_fold16(sums), bn_zero());
    if (Q == 1) {
      bn_store(out[0], folded);
    } else {
      float *to[4];
      for (int g = 0; g < 4; g++) to[g] = out[g % Q] + j + g / Q * 4;
      bn_store_quarters(to, folded);
    }
  }
}

#endif
