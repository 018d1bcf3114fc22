/*
 * The 4-bit plane of the output head: tiles of sixteen rows by eight columns in 64 bytes. Byte 4 row + j holds column j in
 * its low nibble and column 4 + j in its high one, as code + 8, so that masked nibbles meet four activations broadcast
 * to all rows. Tiles of the same rows follow each other.
 */
#ifndef BN_INT4_H
#define BN_INT4_H

static int64_t bn_int4_bytes(int64_t M, int64_t K) { return bn_round_up(M, 16) * bn_row_stride(K) / 2; }

/* int4ErrorFactors of kernels.ts. */
typedef struct {
  float rounding, activation, alignment;
} bn_int4_factors;

BN_INLINE bn_int4_factors bn_int4_error_factors(int64_t K) {
  double root = __builtin_sqrt((double)K);
  return (bn_int4_factors){(float)__builtin_sqrt((double)K / 12),
                           (float)(root / (bn_int8_activation_limit(K) * __builtin_sqrt(12.0))), (float)(root / 8)};
}

BN_INLINE float bn_int4_error(v16 rr, v16 xx, v16 rx, float step, const bn_int4_factors *by) {
  float length = __builtin_sqrtf(bn_fold(xx)), noise = __builtin_sqrtf(bn_fold(rr)), least = step * by->rounding;
  float aligned = length == 0 ? 0 : __builtin_fabsf(bn_fold(rx)) / length;
  if (noise < least) noise = least;
  return noise + length * by->activation + aligned * by->alignment;
}

/* Sixteen codes + 8 of one row into two tiles, from that row's first byte in them on. */
BN_INLINE void bn_int4_place(uint8_t *to, v16i codes) {
  int8_t bytes[16];
  uint64_t halves[2];
  bn_store_i8(bytes, codes);
  memcpy(halves, bytes, sizeof halves);
  for (int i = 0; i < 2; i++) {
    uint32_t packed = (uint32_t)halves[i] | (uint32_t)(halves[i] >> 32) << 4;
    memcpy(to + 64 * i, &packed, sizeof packed);
  }
}

/* One row into its tiles, with its scale and error. */
BN_INLINE void bn_int4_pack_row(uint8_t *to, float *scale, float *error, const uint8_t *row, const int32_t format,
                                int64_t stride, const bn_int4_factors *factors) {
  v16 most = bn_zero();
  for (int64_t k = 0; k < stride; k += 16) most = bn_max(most, bn_abs(bn_load_dense(row, k, format)));
  float largest = bn_fold_max(most), step = largest / 7.5f;
  v16 inverse = bn_set1(largest < 1e-30f ? 0 : 7.5f / largest), d = bn_set1(step);
  v16 rr = bn_zero(), xx = bn_zero(), rx = bn_zero();
  for (int64_t k = 0; k < stride; k += 16) {
    v16 x = bn_load_dense(row, k, format);
    /* 7.5 and a rounding error beyond it go to 8, -7.5 and beyond to -8. */
    v16 code = bn_min(bn_round(bn_mul(x, inverse)), bn_set1(7));
    v16 residual = bn_sub(x, bn_mul(code, d));
    rr = bn_add(rr, bn_mul(residual, residual));
    xx = bn_add(xx, bn_mul(x, x));
    rx = bn_add(rx, bn_mul(residual, x));
    bn_int4_place(to + 8 * k, bn_iadd(bn_to_int(code), bn_iset1(8)));
  }
  *scale = step;
  *error = bn_int4_error(rr, xx, rx, step, factors);
}

BN_INLINE void bn_int4_pack(uint8_t *w, float *scales, float *errors, const uint8_t *source, const int32_t format,
                            int64_t K, int64_t row0, int64_t row1) {
  int64_t stride = bn_row_stride(K), bytes = bn_dense_row_bytes(format, K);
  bn_int4_factors factors = bn_int4_error_factors(K);
  for (int64_t r = row0; r < row1; r++) {
    uint8_t *to = w + r / 16 * 8 * stride + r % 16 * 4;
    bn_int4_pack_row(to, scales + r, errors + r, source + (r - row0) * bytes, format, stride, &factors);
  }
}

static void bn_pack_int4_rows(uint8_t *w, float *scales, float *errors, const uint8_t *source, int32_t format, int64_t K,
                              int64_t row0, int64_t row1) {
  /* Rows of the last tile that the matrix does not have. */
  int64_t tile_bytes = 8 * bn_row_stride(K);
  if (row1 % 16 != 0) memset(w + row1 / 16 * tile_bytes, 0, (size_t)tile_bytes);
  switch (format) {
    case BN_DENSE_F32: bn_int4_pack(w, scales, errors, source, BN_DENSE_F32, K, row0, row1); break;
    case BN_DENSE_F16: bn_int4_pack(w, scales, errors, source, BN_DENSE_F16, K, row0, row1); break;
    case BN_DENSE_BF16: bn_int4_pack(w, scales, errors, source, BN_DENSE_BF16, K, row0, row1); break;
    default: bn_int4_pack(w, scales, errors, source, BN_DENSE_Q8_0, K, row0, row1); break;
  }
}

/* Weights to fetch ahead of those in use; DRAM answers after about 100 ns, in which a thread reads some 2 KB. */
enum { BN_INT4_AHEAD = 4096 };

/* Sums of sixteen rows for T tokens at `q`, `q_bytes` apart, into their outputs from column r on. */
BN_INLINE void bn_int4_tile(float *out, int64_t out_stride, const uint8_t *q, int64_t q_bytes, const uint8_t *w,
                            const float *scales, int64_t K, int64_t count, const int T) {
  int64_t stride = bn_row_stride(K), part = bn_round_up(K, 64);
  v16i high[BN_INT_TOKENS], low[BN_INT_TOKENS];
  BN_UNROLL
  for (int t = 0; t < T; t++) high[t] = low[t] = bn_izero();
  for (int64_t k = 0; k < stride; k += 8, w += 64) {
    v64 bytes = bn_bytes(w);
    v64 first = bn_low_nibbles(bytes), second = bn_high_nibbles(bytes);
    bn_prefetch(w + BN_INT4_AHEAD);
    BN_UNROLL
    for (int t = 0; t < T; t++) {
      const int8_t *parts = (const int8_t *)q + t * q_bytes + BN_Q_HEAD + k;
      high[t] = bn_dot_nibbles(high[t], first, second, parts);
      low[t] = bn_dot_nibbles(low[t], first, second, parts + part);
    }
  }
  v16 scale = bn_load_first(scales, count);
  BN_UNROLL
  for (int t = 0; t < T; t++) {
    float s;
    uint32_t sum;
    memcpy(&s, q + t * q_bytes, sizeof s);
    memcpy(&sum, q + t * q_bytes + 4, sizeof sum);
    v16i dots = bn_isub(bn_iadd(bn_ishl(high[t], 7), low[t]), bn_iset1((int32_t)(8 * sum)));
    bn_store_first(out + t * out_stride, bn_mul(bn_from_int(dots), bn_div(scale, bn_set1(s))), count);
  }
}

static void bn_int4_matmul(float *out, int64_t out_stride, const uint8_t *q, const uint8_t *w, const float *scales,
                           int64_t K, int64_t T, int64_t r0, int64_t r1) {
  int64_t q_bytes = bn_activation_bytes(K);
  for (int64_t r = r0; r < r1; r += 16) {
    const uint8_t *tile = w + r / 16 * 8 * bn_row_stride(K);
    int64_t count = r1 - r < 16 ? r1 - r : 16, t = 0;
    for (; t + BN_INT_TOKENS <= T; t += BN_INT_TOKENS) {
      bn_int4_tile(out + t * out_stride + r, out_stride, q + t * q_bytes, q_bytes, tile, scales + r, K, count,
                   BN_INT_TOKENS);
    }
    if (BN_INT_TOKENS > 4 && t + 4 <= T) {
      bn_int4_tile(out + t * out_stride + r, out_stride, q + t * q_bytes, q_bytes, tile, scales + r, K, count, 4);
      t += 4;
    }
    if (BN_INT_TOKENS > 2 && t + 2 <= T) {
      bn_int4_tile(out + t * out_stride + r, out_stride, q + t * q_bytes, q_bytes, tile, scales + r, K, count, 2);
      t += 2;
    }
    for (; t < T; t++) {
      bn_int4_tile(out + t * out_stride + r, out_stride, q + t * q_bytes, q_bytes, tile, scales + r, K, count, 1);
    }
  }
}

#endif
