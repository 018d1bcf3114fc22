/* Weights and activations between f32 and the codes of the forward pass: absmean ternary (arXiv:2402.17764), int8. */
#ifndef BN_TRAINING_WEIGHTS_H
#define BN_TRAINING_WEIGHTS_H

static void bn_abs_sums(float *sums, const float *w, int64_t K, int64_t r0, int64_t r1) {
  const int64_t stride = bn_row_stride(K);
  for (int64_t r = r0; r < r1; r++) {
    const float *row = w + r * stride;
    v16 even = bn_zero(), odd = even;
    int64_t k = 0;
    for (; k + 32 <= stride; k += 32) {
      even = bn_add(even, bn_abs(bn_load(row + k)));
      odd = bn_add(odd, bn_abs(bn_load(row + k + 16)));
    }
    if (k < stride) even = bn_add(even, bn_abs(bn_load(row + k)));
    sums[r] = bn_fold(bn_add(even, odd));
  }
}

BN_INLINE v16i bn_iabs(v16i x) { return bn_imax(x, bn_isub(bn_izero(), x)); }

/* Sixteen weights, whose old codes become the new ones; to `changed` and `others` how many changed, are not zero. */
BN_INLINE void bn_quantize_weights16(int8_t *codes, float *values, v16 w, v16 inverse, v16 scale, v16i *changed,
                                     v16i *others) {
  const v16i one = bn_iset1(1), sign = bn_to_int_within(bn_mul(w, inverse), -1, 1), code = bn_iadd(sign, one);
  *changed = bn_iadd(*changed, bn_imin(one, bn_iabs(bn_isub(code, bn_load_i8i(codes)))));
  *others = bn_iadd(*others, bn_iabs(sign));
  bn_store_i8(codes, code);
  bn_store(values, bn_mul(bn_from_int(sign), scale));
}

static void bn_quantize_weights(uint8_t *codes, float *values, int32_t *counts, const float *w, float scale, int64_t K,
                                int64_t r0, int64_t r1) {
  const int64_t stride = bn_row_stride(K);
  const v16 factor = bn_set1(scale), inverse = bn_set1(1 / scale);
  for (int64_t r = r0; r < r1; r++) {
    int8_t *row = (int8_t *)codes + r * K;
    const float *from = w + r * stride;
    float *to = values + r * stride;
    v16i changed = bn_izero(), others = changed;
    int64_t k = 0;
    for (; k + 16 <= K; k += 16) {
      bn_quantize_weights16(row + k, to + k, bn_load(from + k), inverse, factor, &changed, &others);
    }
    if (k < K) {
      /* Rows of codes have no pad: what lies behind is another row's. */
      int8_t last[16];
      memset(last, 1, sizeof last);
      memcpy(last, row + k, (size_t)(K - k));
      bn_quantize_weights16(last, to + k, bn_load_part(from + k, K - k), inverse, factor, &changed, &others);
      memcpy(row + k, last, (size_t)(K - k));
    }
    counts[2 * r] = bn_ifold(changed);
    counts[2 * r + 1] = (int32_t)K - bn_ifold(others);
  }
}

static void bn_dequantize(float *out, const uint8_t *q, int64_t K, int64_t t0, int64_t t1) {
  const int64_t stride = bn_row_stride(K);
  for (int64_t t = t0; t < t1; t++) {
    const uint8_t *row = q + t * bn_activation_bytes(K);
    float s;
    memcpy(&s, row, sizeof s);
    const v16 factor = bn_set1(s);
    for (int64_t k = 0; k < stride; k += 16) {
      bn_store(out + t * stride + k, bn_div(bn_load_i8((const int8_t *)row + BN_Q_HEAD + k), factor));
    }
  }
}

#endif
