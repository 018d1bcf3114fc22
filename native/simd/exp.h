/* e^x as src/kernels/reference/arithmetic.ts defines it, operation by operation, for all sixteen lanes. */
#ifndef BN_EXP_H
#define BN_EXP_H

BN_INLINE v16 bn_exp(v16 x) {
  /* Bounds first: x86 then hands on the second operand, which may be no number. */
  v16 clamped = bn_min(bn_set1(88.0f), bn_max(bn_set1(-87.33f), x));
  v16 n = bn_round(bn_mul(clamped, bn_set1(1.4426950408889634f)));
  v16 r = bn_sub(bn_sub(clamped, bn_mul(n, bn_set1(0.693359375f))), bn_mul(n, bn_set1(-2.1219444005469057e-4f)));
  v16 p = bn_set1((float)(1.0 / 5040.0));
  p = bn_add(bn_mul(p, r), bn_set1((float)(1.0 / 720.0)));
  p = bn_add(bn_mul(p, r), bn_set1((float)(1.0 / 120.0)));
  p = bn_add(bn_mul(p, r), bn_set1((float)(1.0 / 24.0)));
  p = bn_add(bn_mul(p, r), bn_set1((float)(1.0 / 6.0)));
  p = bn_add(bn_mul(p, r), bn_set1(0.5f));
  p = bn_add(bn_mul(p, r), bn_set1(1.0f));
  p = bn_add(bn_mul(p, r), bn_set1(1.0f));
  v16i power = bn_ishl(bn_iadd(bn_to_int(n), bn_iset1(127)), 23);
  return bn_mul(p, bn_as_float(power));
}

/* One number. */
BN_INLINE float bn_exp1(float x) {
  float lanes[16];
  bn_store(lanes, bn_exp(bn_set1(x)));
  return lanes[0];
}

#endif
