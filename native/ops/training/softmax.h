/* Softmax: of attention scores in place, backward, and with the cross entropy of logits. */
#ifndef BN_TRAINING_SOFTMAX_H
#define BN_TRAINING_SOFTMAX_H

/* Columns of which sums are f32; those of blocks are added as doubles. */
enum { BN_SOFTMAX_BLOCK = 4096 };

/* The largest of n > 0 elements times scale. */
BN_INLINE float bn_largest_scaled(const float *x, int64_t n, float scale) {
  const v16 factor = bn_set1(scale), lowest = bn_set1(-__builtin_inff());
  v16 most = lowest;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) most = bn_max(bn_mul(bn_load(x + i), factor), most);
  if (i < n) most = bn_max(bn_keep_first(n - i, bn_mul(bn_load_part(x + i, n - i), factor), lowest), most);
  return bn_fold_max(most);
}

/* Σ e^(scale * x - largest) over n elements, which become the terms when `store`; NaN where one is not finite. */
BN_INLINE double bn_exp_sum(float *x, int64_t n, float scale, float largest, int store) {
  const v16 factor = bn_set1(scale), from = bn_set1(largest);
  /* The exponential and the maximum hide what is no number: x - x, 0 of all others, keeps it. */
  v16 fault = bn_zero();
  double total = 0;
  for (int64_t start = 0; start < n; start += BN_SOFTMAX_BLOCK) {
    const int64_t end = n - start < BN_SOFTMAX_BLOCK ? n : start + BN_SOFTMAX_BLOCK;
    v16 sum = bn_zero();
    for (int64_t i = start; i < end; i += 16) {
      const int64_t count = end - i < 16 ? end - i : 16;
      const v16 value = bn_load_first(x + i, count);
      const v16 term = bn_exp(bn_sub(bn_mul(value, factor), from));
      fault = bn_add(fault, bn_sub(value, value));
      sum = bn_add(sum, bn_keep_first(count, term, bn_zero()));
      if (store) bn_store_first(x + i, term, count);
    }
    total += bn_fold(sum);
  }
  return total + bn_fold(fault);
}

BN_INLINE void bn_scale_row(float *x, int64_t n, float scale) {
  const v16 factor = bn_set1(scale);
  for (int64_t i = 0; i < n; i += 16) {
    const int64_t count = n - i < 16 ? n - i : 16;
    bn_store_first(x + i, bn_mul(bn_load_first(x + i, count), factor), count);
  }
}

static void bn_causal_softmax(float *p, int64_t ld, float scale, int64_t position, int64_t columns, int64_t r0,
                              int64_t r1) {
  for (int64_t r = r0; r < r1; r++) {
    float *row = p + r * ld;
    const int64_t seen = position + r + 1 < columns ? position + r + 1 : columns;
    const double sum = bn_exp_sum(row, seen, scale, bn_largest_scaled(row, seen, scale), 1);
    bn_scale_row(row, seen, (float)(1 / sum));
    memset(row + seen, 0, (size_t)(columns - seen) * sizeof(float));
  }
}

static void bn_causal_softmax_backward(float *dp, const float *p, int64_t ld, float scale, int64_t columns, int64_t r0,
                                       int64_t r1) {
  const v16 factor = bn_set1(scale);
  for (int64_t r = r0; r < r1; r++) {
    float *gradients = dp + r * ld;
    const float *weights = p + r * ld;
    v16 sum = bn_zero();
    for (int64_t c = 0; c < columns; c += 16) {
      const int64_t n = columns - c < 16 ? columns - c : 16;
      sum = bn_fma(bn_load_first(weights + c, n), bn_load_first(gradients + c, n), sum);
    }
    const v16 mean = bn_set1(bn_fold(sum));
    for (int64_t c = 0; c < columns; c += 16) {
      const int64_t n = columns - c < 16 ? columns - c : 16;
      const v16 beyond = bn_sub(bn_load_first(gradients + c, n), mean);
      bn_store_first(gradients + c, bn_mul(bn_mul(factor, bn_load_first(weights + c, n)), beyond), n);
    }
  }
}

/* ln x of a normal x > 0, as 2 artanh of (m - 1) / (m + 1) with m within a factor sqrt(2) of 1; good to 1e-15. */
static double bn_ln(double x) {
  int64_t bits, power;
  memcpy(&bits, &x, sizeof bits);
  /* Less the bits of sqrt(1/2), whose exponent then counts the doublings. */
  power = (bits - INT64_C(0x3fe6a09e667f3bcd)) >> 52;
  bits -= power * (INT64_C(1) << 52);
  double m;
  memcpy(&m, &bits, sizeof m);
  const double s = (m - 1) / (m + 1), square = s * s;
  double series = 0;
  for (int i = 21; i >= 1; i -= 2) series = series * square + 1.0 / i;
  return 2 * s * series + (double)power * 0.69314718055994530942;
}

static void bn_cross_entropy(float *losses, float *logits, const int32_t *targets, float scale, int64_t V, int64_t stride,
                             int64_t t0, int64_t t1) {
  for (int64_t t = t0; t < t1; t++) {
    float *row = logits + t * stride;
    const int32_t target = targets[t];
    if (target < 0) {
      losses[t] = 0;
      if (scale != 0) memset(row, 0, (size_t)stride * sizeof(float));
      continue;
    }
    const float largest = bn_largest_scaled(row, V, 1), logit = row[target];
    const double sum = bn_exp_sum(row, V, 1, largest, scale != 0);
    losses[t] = (float)(bn_ln(sum) - ((double)logit - largest));
    if (sum != sum) losses[t] = (float)sum;
    if (scale == 0) continue;
    const double right = row[target] / sum;
    bn_scale_row(row, V, (float)(scale / sum));
    row[target] = (float)((right - 1) * scale);
    memset(row + V, 0, (size_t)(stride - V) * sizeof(float));
  }
}

#endif
