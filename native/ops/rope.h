/* Rotary positions, in double precision and rounded once. */
#ifndef BN_ROPE_H
#define BN_ROPE_H

BN_INLINE void bn_rotate1(float *to_first, float *to_second, float first, float second, double cosine, double sine) {
  double a = (double)first, b = (double)second;
  *to_first = (float)(a * cosine - b * sine);
  *to_second = (float)(a * sine + b * cosine);
}

BN_INLINE void bn_rotate_halves(float *to, const float *from, const double *cosines, const double *sines, int64_t half) {
  int64_t i = 0;
  for (; i + 8 <= half; i += 8) {
    v8d a = bn_dload_float(from + i), b = bn_dload_float(from + half + i);
    v8d cosine = bn_dload(cosines + i), sine = bn_dload(sines + i);
    bn_dstore_float(to + i, bn_dsub(bn_dmul(a, cosine), bn_dmul(b, sine)));
    bn_dstore_float(to + half + i, bn_dadd(bn_dmul(a, sine), bn_dmul(b, cosine)));
  }
  for (; i < half; i++) bn_rotate1(to + i, to + half + i, from[i], from[half + i], cosines[i], sines[i]);
}

BN_INLINE void bn_rotate_pairs(float *to, const float *from, const double *cosines, const double *sines, int64_t half) {
  for (int64_t i = 0; i < half; i++) {
    bn_rotate1(to + 2 * i, to + 2 * i + 1, from[2 * i], from[2 * i + 1], cosines[i], sines[i]);
  }
}

static void bn_rope(float *out, const float *x, int64_t in_stride, const int32_t *positions, const double *table,
                    int32_t style, int64_t heads, int64_t head_length, int64_t t0, int64_t t1) {
  int64_t half = head_length / 2, padded = bn_row_stride(head_length);
  for (int64_t t = t0; t < t1; t++) {
    const double *cosines = table + positions[t] * head_length;
    for (int64_t h = 0; h < heads; h++) {
      const float *from = x + t * in_stride + h * head_length;
      float *to = out + (t * heads + h) * padded;
      if (style == BN_ROPE_HALF) bn_rotate_halves(to, from, cosines, cosines + half, half);
      else bn_rotate_pairs(to, from, cosines, cosines + half, half);
    }
  }
}

#endif
