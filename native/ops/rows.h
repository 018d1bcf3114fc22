/* Rows of f32 activations: embedding, norm, gate, addition. */
#ifndef BN_ROWS_H
#define BN_ROWS_H

static void bn_embed(float *out, const int32_t *ids, const uint8_t *table, int32_t format, float scale, int64_t K,
                     int64_t t0, int64_t t1) {
  int64_t stride = bn_row_stride(K), bytes = bn_dense_row_bytes(format, K);
  v16 factor = bn_set1(scale);
  for (int64_t t = t0; t < t1; t++) {
    const uint8_t *row = table + ids[t] * bytes;
    for (int64_t k = 0; k < stride; k += 16) {
      bn_store(out + t * stride + k, bn_mul(bn_load_dense(row, k, format), factor));
    }
  }
}

static void bn_embed_int8(float *out, const int32_t *ids, const int8_t *table, const float *scales, float scale,
                          int64_t K, int64_t t0, int64_t t1) {
  int64_t stride = bn_row_stride(K);
  for (int64_t t = t0; t < t1; t++) {
    const int8_t *row = table + ids[t] * stride;
    v16 factor = bn_set1(scales[ids[t]] * scale);
    for (int64_t k = 0; k < stride; k += 16) bn_store(out + t * stride + k, bn_mul(bn_load_i8(row + k), factor));
  }
}

static void bn_rms_norm(float *out, const float *x, const float *w, double eps, int64_t n, int64_t t0, int64_t t1) {
  int64_t stride = bn_row_stride(n);
  for (int64_t t = t0; t < t1; t++) {
    const float *from = x + t * stride;
    float *to = out + t * stride;
    v16 sum = bn_zero();
    for (int64_t k = 0; k < stride; k += 16) {
      v16 value = bn_load(from + k);
      sum = bn_add(sum, bn_mul(value, value));
    }
    v16 scale = bn_set1((float)(1 / __builtin_sqrt((double)bn_fold(sum) / (double)n + eps)));
    for (int64_t k = 0; k < stride; k += 16) bn_store(to + k, bn_mul(bn_load(from + k), bn_mul(bn_load(w + k), scale)));
  }
}

BN_INLINE v16 bn_activate(int32_t activation, v16 x) {
  v16 one = bn_set1(1);
  if (activation == BN_SILU) return bn_div(x, bn_add(one, bn_exp(bn_neg(x))));
  if (activation == BN_RELU2) {
    /* Zero first: x86 then hands on an x that is no number. */
    v16 positive = bn_max(bn_zero(), x);
    return bn_mul(positive, positive);
  }
  v16 cubic = bn_mul(bn_mul(bn_mul(x, x), x), bn_set1(0.044715f));
  v16 twice = bn_mul(bn_add(x, cubic), bn_set1(1.5957691216057308f));
  return bn_mul(x, bn_sub(one, bn_div(one, bn_add(bn_exp(twice), one))));
}

BN_INLINE void bn_gate_as(float *out, const float *gate, const float *up, int32_t activation, int64_t n) {
  int64_t c = 0;
  for (; c + 16 <= n; c += 16) bn_store(out + c, bn_mul(bn_activate(activation, bn_load(gate + c)), bn_load(up + c)));
  if (c == n) return;
  v16 last = bn_mul(bn_activate(activation, bn_load_part(gate + c, n - c)), bn_load_part(up + c, n - c));
  bn_store_part(out + c, last, n - c);
}

static void bn_gate(float *out, const float *gate, const float *up, int32_t activation, int64_t stride, int64_t T,
                    int64_t c0, int64_t c1) {
  for (int64_t t = 0; t < T; t++) {
    int64_t at = t * stride + c0;
    if (activation == BN_SILU) bn_gate_as(out + at, gate + at, up + at, BN_SILU, c1 - c0);
    else if (activation == BN_RELU2) bn_gate_as(out + at, gate + at, up + at, BN_RELU2, c1 - c0);
    else bn_gate_as(out + at, gate + at, up + at, BN_GELU_TANH, c1 - c0);
  }
}

static void bn_add_rows(float *x, int64_t x_stride, const float *y, int64_t y_stride, int64_t T, int64_t c0,
                        int64_t c1) {
  for (int64_t t = 0; t < T; t++) {
    float *to = x + t * x_stride;
    const float *from = y + t * y_stride;
    int64_t c = c0;
    for (; c + 16 <= c1; c += 16) bn_store(to + c, bn_add(bn_load(to + c), bn_load(from + c)));
    if (c < c1) bn_store_part(to + c, bn_add(bn_load_part(to + c, c1 - c), bn_load_part(from + c, c1 - c)), c1 - c);
  }
}

#endif
