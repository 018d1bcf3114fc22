/* Per-token quantisation of activations: s = limit / max(max|x|, floor), q = nearest(x * s). Layout: see BN_Q_HEAD. */
#ifndef BN_QUANTIZE_H
#define BN_QUANTIZE_H

/*
 * max(max|x|, floor) of n f32, n a multiple of 16. The magnitudes are compared as integers, which order as the floats do
 * and put what is no number above all.
 */
BN_INLINE float bn_largest(const float *x, int64_t n, float floor) {
  v16i a = bn_as_int(bn_set1(floor)), b = a;
  int64_t k = 0;
  for (; k + 32 <= n; k += 32) {
    a = bn_imax(a, bn_as_int(bn_abs(bn_load(x + k))));
    b = bn_imax(b, bn_as_int(bn_abs(bn_load(x + k + 16))));
  }
  if (k < n) a = bn_imax(a, bn_as_int(bn_abs(bn_load(x + k))));
  int32_t bits = bn_ifold_max(bn_imax(a, b));
  float largest;
  memcpy(&largest, &bits, sizeof largest);
  return largest;
}

BN_INLINE void bn_write_head(uint8_t *row, float s, int32_t sum) {
  memset(row, 0, BN_Q_HEAD);
  memcpy(row, &s, sizeof s);
  memcpy(row + 4, &sum, sizeof sum);
}

static void bn_quantize(uint8_t *q, const float *x, int64_t K, int64_t t0, int64_t t1) {
  int64_t stride = bn_row_stride(K), padded = bn_round_up(K, 320);
  for (int64_t t = t0; t < t1; t++) {
    const float *from = x + t * stride;
    uint8_t *row = q + t * bn_activation_bytes(K);
    int8_t *to = (int8_t *)row + BN_Q_HEAD;
    float s = 127 / bn_largest(from, stride, 1e-5f);
    v16 factor = bn_set1(s);
    v16i sum = bn_izero();
    for (int64_t k = 0; k < stride; k += 16) {
      v16i value = bn_to_int_within(bn_mul(bn_load(from + k), factor), -128, 127);
      sum = bn_iadd(sum, value);
      bn_store_i8(to + k, value);
    }
    memset(to + stride, 0, (size_t)(padded - stride));
    bn_write_head(row, s, bn_ifold(sum));
  }
}

static void bn_quantize16(uint8_t *q, const float *x, int64_t K, int64_t t0, int64_t t1) {
  int64_t stride = bn_row_stride(K), padded = bn_round_up(K, 64);
  float limit = (float)bn_int8_activation_limit(K);
  for (int64_t t = t0; t < t1; t++) {
    const float *from = x + t * stride;
    uint8_t *row = q + t * bn_activation_bytes(K);
    int8_t *high = (int8_t *)row + BN_Q_HEAD, *low = high + padded;
    float s = limit / bn_largest(from, stride, 1e-30f);
    v16 factor = bn_set1(s);
    v16i sum = bn_izero();
    for (int64_t k = 0; k < stride; k += 16) {
      v16i value = bn_to_int_within(bn_mul(bn_load(from + k), factor), -limit, limit);
      v16i upper = bn_isar(bn_iadd(value, bn_iset1(64)), 7);
      sum = bn_iadd(sum, value);
      bn_store_i8(high + k, upper);
      bn_store_i8(low + k, bn_isub(value, bn_ishl(upper, 7)));
    }
    memset(high + stride, 0, (size_t)(padded - stride));
    memset(low + stride, 0, (size_t)(padded - stride));
    bn_write_head(row, s, bn_ifold(sum));
  }
}

#endif
