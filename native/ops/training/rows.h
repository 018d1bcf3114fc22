/* Backward halves of the operations on rows of activations: norm, gate, embedding. */
#ifndef BN_TRAINING_ROWS_H
#define BN_TRAINING_ROWS_H

static void bn_rms_norm_backward(float *dx, float *inverses, const float *dy, const float *x, const float *w, double eps,
                                 int64_t n, int32_t accumulate, int64_t t0, int64_t t1) {
  const int64_t stride = bn_row_stride(n);
  for (int64_t t = t0; t < t1; t++) {
    const float *in = x + t * stride, *slope = dy + t * stride;
    float *to = dx + t * stride;
    v16 squares = bn_zero(), products = squares;
    for (int64_t k = 0; k < stride; k += 16) {
      const v16 value = bn_load(in + k);
      squares = bn_fma(value, value, squares);
      products = bn_fma(bn_mul(bn_load(w + k), bn_load(slope + k)), value, products);
    }
    const float r = (float)(1 / __builtin_sqrt((double)bn_fold(squares) / (double)n + eps));
    inverses[t] = r;
    const double along = (double)r * r * r / (double)n * bn_fold(products);
    const v16 scale = bn_set1(r), back = bn_set1((float)-along);
    for (int64_t k = 0; k < stride; k += 16) {
      const v16 outer = bn_mul(scale, bn_mul(bn_load(w + k), bn_load(slope + k)));
      const v16 gradient = bn_fma(bn_load(in + k), back, outer);
      bn_store(to + k, accumulate ? bn_add(bn_load(to + k), gradient) : gradient);
    }
  }
}

enum {
  /* Rows whose sum is taken before it is added to the rest: a sum of very many small terms would lose them. */
  BN_GRADIENT_ROWS = 256,
  /* Columns whose sums stay in the first cache level. */
  BN_GRADIENT_COLUMNS = 512,
};

/* sums [columns] = Σ over rows [t0, t1) of dy * x * inverse; rows at a distance of `stride`. */
BN_INLINE void bn_norm_products(float *sums, const float *dy, const float *x, const float *inverses, int64_t stride,
                                int64_t columns, int64_t t0, int64_t t1) {
  for (int64_t c = 0; c < columns; c += 16) bn_store(sums + c, bn_zero());
  for (int64_t t = t0; t < t1; t++) {
    const float *slope = dy + t * stride, *in = x + t * stride;
    const v16 r = bn_set1(inverses[t]);
    for (int64_t c = 0; c < columns; c += 16) {
      const int64_t n = columns - c < 16 ? columns - c : 16;
      const v16 normed = bn_mul(bn_load_first(in + c, n), r);
      bn_store(sums + c, bn_fma(bn_load_first(slope + c, n), normed, bn_load(sums + c)));
    }
  }
}

static void bn_rms_norm_weight_gradient(float *dw, const float *dy, const float *x, const float *inverses, int64_t n,
                                        int64_t T, int64_t c0, int64_t c1) {
  float sums[BN_GRADIENT_COLUMNS];
  const int64_t stride = bn_row_stride(n);
  for (int64_t c = c0; c < c1; c += BN_GRADIENT_COLUMNS) {
    const int64_t columns = c1 - c < BN_GRADIENT_COLUMNS ? c1 - c : BN_GRADIENT_COLUMNS;
    for (int64_t t = 0; t < T; t += BN_GRADIENT_ROWS) {
      const int64_t end = T - t < BN_GRADIENT_ROWS ? T : t + BN_GRADIENT_ROWS;
      bn_norm_products(sums, dy + c, x + c, inverses, stride, columns, t, end);
      for (int64_t i = 0; i < columns; i++) dw[c + i] += sums[i];
    }
  }
}

static void bn_embed_backward(float *d_table, const int32_t *ids, const float *dx, int64_t K, int64_t T, int64_t c0,
                              int64_t c1) {
  const int64_t stride = bn_row_stride(K);
  for (int64_t t = 0; t < T; t++) {
    float *to = d_table + ids[t] * stride;
    const float *from = dx + t * stride;
    for (int64_t c = c0; c < c1; c += 16) {
      const int64_t n = c1 - c < 16 ? c1 - c : 16;
      bn_store_first(to + c, bn_add(bn_load_first(to + c, n), bn_load_first(from + c, n)), n);
    }
  }
}

/* activation(x), and its slope. */
BN_INLINE v16 bn_activate_slope(int32_t activation, v16 x, v16 *slope) {
  const v16 one = bn_set1(1);
  if (activation == BN_RELU2) {
    const v16 positive = bn_max(bn_zero(), x);
    *slope = bn_add(positive, positive);
    return bn_mul(positive, positive);
  }
  /* x * σ(inner(x)), with σ'(u) = σ(u) * σ(-u): 1 - σ(u) would cancel. */
  v16 inner = x, inner_slope = one;
  if (activation == BN_GELU_TANH) {
    const v16 square = bn_mul(x, x), twice = bn_set1(1.5957691216057308f);
    inner = bn_mul(twice, bn_fma(bn_mul(square, x), bn_set1(0.044715f), x));
    inner_slope = bn_mul(twice, bn_fma(square, bn_set1(3 * 0.044715f), one));
  }
  const v16 rising = bn_div(one, bn_add(one, bn_exp(bn_neg(inner)))), falling = bn_div(one, bn_add(one, bn_exp(inner)));
  const v16 value = bn_mul(x, rising);
  *slope = bn_fma(bn_mul(value, inner_slope), falling, rising);
  return value;
}

BN_INLINE void bn_gate_backward_as(float *d_gate, float *d_up, const float *d_out, const float *gate, const float *up,
                                   int32_t activation, int64_t e0, int64_t e1) {
  for (int64_t e = e0; e < e1; e += 16) {
    const int64_t n = e1 - e < 16 ? e1 - e : 16;
    const v16 gradient = bn_load_first(d_out + e, n);
    v16 slope;
    const v16 value = bn_activate_slope(activation, bn_load_first(gate + e, n), &slope);
    const v16 to_gate = bn_mul(bn_mul(gradient, bn_load_first(up + e, n)), slope);
    bn_store_first(d_gate + e, to_gate, n);
    bn_store_first(d_up + e, bn_mul(gradient, value), n);
  }
}

static void bn_gate_backward(float *d_gate, float *d_up, const float *d_out, const float *gate, const float *up,
                             int32_t activation, int64_t e0, int64_t e1) {
  if (activation == BN_SILU) bn_gate_backward_as(d_gate, d_up, d_out, gate, up, BN_SILU, e0, e1);
  else if (activation == BN_RELU2) bn_gate_backward_as(d_gate, d_up, d_out, gate, up, BN_RELU2, e0, e1);
  else bn_gate_backward_as(d_gate, d_up, d_out, gate, up, BN_GELU_TANH, e0, e1);
}

#endif
