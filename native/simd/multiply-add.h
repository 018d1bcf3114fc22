/*
 * What the training operations need beyond the vocabulary of sixteen lanes: fused multiply-adds, which the operations of
 * inference must not use, square roots, transposition, and the tile of sums of a matrix product. Included after tiles.h.
 *
 * bn_fma: a * b + c, rounded once. bn_fma_each: sums + x * *p, rounded once.
 * bn_transpose4: in each group of four lanes, lane j of x[i] becomes lane i of x[j].
 */
#ifndef BN_MULTIPLY_ADD_H
#define BN_MULTIPLY_ADD_H

/*
 * BN_GEMM_ROWS x BN_GEMM_VECTORS sums of sixteen lanes fit the registers beside the factors; BN_GEMM_WIDTH >= BN_GEMM_ROWS
 * elements lie between the packed factors of one step and the next. BN_GEMM_EACH: a macro for 1 to BN_GEMM_ROWS.
 */
#if defined(__AVX512F__)

enum { BN_GEMM_ROWS = 14, BN_GEMM_VECTORS = 2, BN_GEMM_WIDTH = 16 };
#define BN_GEMM_EACH(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14)

BN_INLINE v16 bn_fma(v16 a, v16 b, v16 c) { return _mm512_fmadd_ps(a, b, c); }
/* As one instruction, for the reason of bn_mul_each. */
BN_INLINE v16 bn_fma_each(v16 sums, v16 x, const float *p) {
  __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sums) : "v"(x), "m"(*p));
  return sums;
}
BN_INLINE v16 bn_sqrt(v16 x) { return _mm512_sqrt_ps(x); }
BN_INLINE void bn_transpose4(v16 *x) {
  v16 a = _mm512_unpacklo_ps(x[0], x[1]), b = _mm512_unpackhi_ps(x[0], x[1]);
  v16 c = _mm512_unpacklo_ps(x[2], x[3]), d = _mm512_unpackhi_ps(x[2], x[3]);
  x[0] = _mm512_shuffle_ps(a, c, 0x44);
  x[1] = _mm512_shuffle_ps(a, c, 0xee);
  x[2] = _mm512_shuffle_ps(b, d, 0x44);
  x[3] = _mm512_shuffle_ps(b, d, 0xee);
}

#elif defined(__AVX2__)

enum { BN_GEMM_ROWS = 6, BN_GEMM_VECTORS = 1, BN_GEMM_WIDTH = 8 };
#define BN_GEMM_EACH(F) F(1) F(2) F(3) F(4) F(5) F(6)

BN_INLINE v16 bn_fma(v16 x, v16 y, v16 z) {
  return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
BN_INLINE v16 bn_fma_each(v16 sums, v16 x, const float *p) { return bn_fma(x, bn_set1(*p), sums); }
BN_INLINE v16 bn_sqrt(v16 x) { return (v16){_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
BN_INLINE void bn_transpose4x8(__m256 *x0, __m256 *x1, __m256 *x2, __m256 *x3) {
  __m256 a = _mm256_unpacklo_ps(*x0, *x1), b = _mm256_unpackhi_ps(*x0, *x1);
  __m256 c = _mm256_unpacklo_ps(*x2, *x3), d = _mm256_unpackhi_ps(*x2, *x3);
  *x0 = _mm256_shuffle_ps(a, c, 0x44);
  *x1 = _mm256_shuffle_ps(a, c, 0xee);
  *x2 = _mm256_shuffle_ps(b, d, 0x44);
  *x3 = _mm256_shuffle_ps(b, d, 0xee);
}
BN_INLINE void bn_transpose4(v16 *x) {
  bn_transpose4x8(&x[0].a, &x[1].a, &x[2].a, &x[3].a);
  bn_transpose4x8(&x[0].b, &x[1].b, &x[2].b, &x[3].b);
}

#else

/* One row more would fit, but not in the eyes of gcc, which loads all its factors at once. */
enum { BN_GEMM_ROWS = 5, BN_GEMM_VECTORS = 1, BN_GEMM_WIDTH = 8 };
#define BN_GEMM_EACH(F) F(1) F(2) F(3) F(4) F(5)

BN_INLINE v16 bn_fma(v16 x, v16 y, v16 z) { BN_FOUR(v16, vfmaq_f32(z.r[i], x.r[i], y.r[i])); }
BN_INLINE v16 bn_fma_each(v16 sums, v16 x, const float *p) { BN_FOUR(v16, vfmaq_n_f32(sums.r[i], x.r[i], *p)); }
BN_INLINE v16 bn_sqrt(v16 x) { BN_FOUR(v16, vsqrtq_f32(x.r[i])); }
BN_INLINE void bn_transpose4(v16 *x) {
  for (int i = 0; i < 4; i++) {
    float32x4x2_t low = vzipq_f32(x[0].r[i], x[2].r[i]), high = vzipq_f32(x[1].r[i], x[3].r[i]);
    float32x4x2_t first = vzipq_f32(low.val[0], high.val[0]), last = vzipq_f32(low.val[1], high.val[1]);
    x[0].r[i] = first.val[0];
    x[1].r[i] = first.val[1];
    x[2].r[i] = last.val[0];
    x[3].r[i] = last.val[1];
  }
}

#endif

#endif
