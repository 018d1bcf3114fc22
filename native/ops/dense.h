/*
 * Products with dense rows in f32, f16, bf16 and Q8_0, sixteen rows at a time for up to four tokens. One token is bound
 * by memory; for more, sixteen rows stay in the cache while the tokens go by.
 */
#ifndef BN_DENSE_H
#define BN_DENSE_H

#include "dots.h"

typedef struct {
  float *out;
  int64_t out_stride;
  int32_t accumulate;
} bn_dense_out;

/* Results of `count` <= 16 rows of token t, from column r on. */
BN_INLINE void bn_dense_store(const bn_dense_out *to, int64_t t, int64_t r, int64_t count, const float *results) {
  float *out = to->out + t * to->out_stride + r;
  v16 value = bn_load(results);
  if (to->accumulate) value = bn_add(bn_load_first(out, count), value);
  bn_store_first(out, value, count);
}

/* Q tokens from t on by sixteen rows, of which `count` are wanted. */
BN_INLINE void bn_dense_tokens(const bn_dense_out *to, const float *x, const bn_rows16 *rows, int64_t stride,
                               const int32_t format, int64_t ahead, int64_t t, int64_t r, int64_t count, const int Q) {
  float results[4][16];
  float *out[4];
  const float *from[4];
  for (int i = 0; i < Q; i++) {
    out[i] = results[i];
    from[i] = x + (t + i) * stride;
  }
  bn_dots(out, from, rows, stride, format, ahead, Q);
  for (int i = 0; i < Q; i++) bn_dense_store(to, t + i, r, count, results[i]);
}

/* T tokens by sixteen rows. */
BN_INLINE void bn_dense_block(const bn_dense_out *to, const float *x, const bn_rows16 *rows, int64_t stride,
                              const int32_t format, int64_t ahead, int64_t T, int64_t r, int64_t count) {
  int64_t t = 0;
  for (; t + 4 <= T; t += 4) bn_dense_tokens(to, x, rows, stride, format, t == 0 ? ahead : 0, t, r, count, 4);
  if (t + 2 <= T) {
    bn_dense_tokens(to, x, rows, stride, format, t == 0 ? ahead : 0, t, r, count, 2);
    t += 2;
  }
  if (t < T) bn_dense_tokens(to, x, rows, stride, format, t == 0 ? ahead : 0, t, r, count, 1);
}

BN_INLINE void bn_dense_range(const bn_dense_out *to, const float *x, const uint8_t *w, const int32_t format, int64_t K,
                              int64_t T, int64_t r0, int64_t r1) {
  int64_t bytes = bn_dense_row_bytes(format, K);
  for (int64_t r = r0; r < r1; r += 16) {
    int64_t count = r1 - r < 16 ? r1 - r : 16;
    bn_rows16 rows;
    for (int64_t i = 0; i < 16; i++) rows.row[i] = w + (r + (i < count ? i : count - 1)) * bytes;
    bn_dense_block(to, x, &rows, bn_row_stride(K), format, 4 * bytes, T, r, count);
  }
}

static void bn_dense_matmul(float *out, int64_t out_stride, const float *x, const uint8_t *w, int32_t format, int64_t K,
                            int64_t T, int32_t accumulate, int64_t r0, int64_t r1) {
  bn_dense_out to = {out, out_stride, accumulate};
  switch (format) {
    case BN_DENSE_F32: bn_dense_range(&to, x, w, BN_DENSE_F32, K, T, r0, r1); break;
    case BN_DENSE_F16: bn_dense_range(&to, x, w, BN_DENSE_F16, K, T, r0, r1); break;
    case BN_DENSE_BF16: bn_dense_range(&to, x, w, BN_DENSE_BF16, K, T, r0, r1); break;
    default: bn_dense_range(&to, x, w, BN_DENSE_Q8_0, K, T, r0, r1); break;
  }
}

BN_INLINE void bn_gather_range(const bn_dense_out *to, const float *x, const uint8_t *w, const int32_t format, int64_t K,
                               const int32_t *ids, int64_t n0, int64_t n1) {
  int64_t bytes = bn_dense_row_bytes(format, K);
  for (int64_t n = n0; n < n1; n += 16) {
    int64_t count = n1 - n < 16 ? n1 - n : 16;
    bn_rows16 rows;
    for (int64_t i = 0; i < 16; i++) rows.row[i] = w + ids[n + (i < count ? i : count - 1)] * bytes;
    bn_dense_block(to, x, &rows, bn_row_stride(K), format, 0, 1, n, count);
  }
}

static void bn_dense_rows(float *out, const float *x, const uint8_t *w, int32_t format, int64_t K, const int32_t *ids,
                          int64_t n0, int64_t n1) {
  bn_dense_out to = {out, 0, 0};
  switch (format) {
    case BN_DENSE_F32: bn_gather_range(&to, x, w, BN_DENSE_F32, K, ids, n0, n1); break;
    case BN_DENSE_F16: bn_gather_range(&to, x, w, BN_DENSE_F16, K, ids, n0, n1); break;
    case BN_DENSE_BF16: bn_gather_range(&to, x, w, BN_DENSE_BF16, K, ids, n0, n1); break;
    default: bn_gather_range(&to, x, w, BN_DENSE_Q8_0, K, ids, n0, n1); break;
  }
}

#endif
