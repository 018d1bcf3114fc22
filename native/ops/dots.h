/*
 * Dot products in sixteen lanes, many at once: dense products and attention scores are made of these. A lane begins with
 * its first product in place of 0 + product, which differs in the sign of a zero sum alone; adding 0 at the end mends it.
 */
#ifndef BN_DOTS_H
#define BN_DOTS_H

/* Beside the formats of BN_DENSE_…: int8 rows, each with a scale. */
enum { BN_ROWS_INT8 = 4 };

/* Sixteen rows to be multiplied, and the scales of int8 ones. */
typedef struct {
  const uint8_t *row[16];
  float scale[16];
} bn_rows16;

/* Where element k of a row begins, or the block that it is in. */
BN_INLINE const uint8_t *bn_row_at(const uint8_t *row, int64_t k, const int32_t format) {
  if (format == BN_DENSE_Q8_0) return row + k / 32 * 34;
  return row + k * (format == BN_DENSE_F32 ? 4 : format == BN_ROWS_INT8 ? 1 : 2);
}

BN_INLINE v16 bn_load_row(const bn_rows16 *rows, int j, int64_t k, const int32_t format) {
  if (format != BN_ROWS_INT8) return bn_load_dense(rows->row[j], k, format);
  return bn_mul(bn_load_i8((const int8_t *)rows->row[j] + k), bn_set1(rows->scale[j]));
}

/*
 * sums[4 i + j] = lanes of x[i] · row first + j for Q x R rows of `stride` elements, a multiple of 16. Fetches what lies
 * `ahead` bytes behind the rows, unless that is 0.
 */
BN_INLINE void bn_dot_tile(v16 *sums, const float *const *x, const bn_rows16 *rows, int first, int64_t stride,
                           const int32_t format, int64_t ahead, const int Q, const int R) {
  v16 acc[20], w[4];
  BN_UNROLL
  for (int j = 0; j < R; j++) {
    if (ahead) bn_prefetch_far(rows->row[first + j] + ahead);
    w[j] = bn_load_row(rows, first + j, 0, format);
  }
  BN_UNROLL
  for (int i = 0; i < Q; i++) {
    v16 value = bn_load(x[i]);
    BN_UNROLL
    for (int j = 0; j < R; j++) acc[i * R + j] = bn_mul(value, w[j]);
  }
  for (int64_t k = 16; k < stride; k += 16) {
    BN_UNROLL
    for (int j = 0; j < R; j++) {
      if (ahead) bn_prefetch_far(bn_row_at(rows->row[first + j], k, format) + ahead);
      w[j] = bn_load_row(rows, first + j, k, format);
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
BN_INLINE void bn_dot_tiles(v16 *sums, const float *const *x, const bn_rows16 *rows, int first, int64_t stride,
                            const int32_t format, int64_t ahead, const int Q) {
  const int step = Q < BN_DOT_QUERIES ? Q : BN_DOT_QUERIES;
  BN_UNROLL
  for (int i = 0; i < Q; i += step) {
    const int queries = Q - i < step ? Q - i : step;
    const int width = queries == 1 ? 4 : BN_DOT_ROWS;
    BN_UNROLL
    for (int j = 0; j < 4; j += width) {
      bn_dot_tile(sums + 4 * i + j, x + i, rows, first + j, stride, format, ahead, queries, width);
    }
  }
}

/* out[i][0 … 15] = x[i] · rows for Q of 1, 2, 4 or 5: sixteen sums are folded together, the fifth's at the end. */
BN_INLINE void bn_dots(float *const *out, const float *const *x, const bn_rows16 *rows, int64_t stride,
                       const int32_t format, int64_t ahead, const int Q) {
  const int some = Q == 5 ? 4 : Q, groups = 4 / some;
  v16 sums[20], fifth[16];
  for (int j = 0; j < 16; j += 4 * groups) {
    BN_UNROLL
    for (int g = 0; g < groups; g++) {
      bn_dot_tiles(sums + 4 * some * g, x, rows, j + 4 * g, stride, format, ahead, Q);
    }
    v16 folded = bn_add(bn_fold16(sums), bn_zero());
    if (Q == 1) {
      bn_store(out[0], folded);
      continue;
    }
    float *to[4];
    for (int g = 0; g < 4; g++) to[g] = out[g % some] + j + g / some * 4;
    bn_store_quarters(to, folded);
    BN_UNROLL
    for (int i = 16; i < 4 * Q; i++) fifth[j + i - 16] = sums[i];
  }
  if (Q == 5) bn_store(out[4], bn_add(bn_fold16(fifth), bn_zero()));
}

#endif
