/* Elements of dense rows in the formats of BN_DENSE_…, as f32. */
#ifndef BN_DENSE_LOAD_H
#define BN_DENSE_LOAD_H

/*
 * Elements k … k + 15 of a row, k a multiple of 16. `format` should be a literal where speed matters, so that the
 * choice folds away.
 */
BN_INLINE v16 bn_load_dense(const uint8_t *row, int64_t k, int32_t format) {
  if (format == BN_DENSE_F32) return bn_load((const float *)row + k);
  if (format == BN_DENSE_F16) return bn_load_half((const uint16_t *)row + k);
  if (format == BN_DENSE_BF16) return bn_load_bf16((const uint16_t *)row + k);
  /* Blocks of 34 bytes lie at even addresses only. */
  const uint8_t *block = row + k / 32 * 34;
  uint16_t scale;
  memcpy(&scale, block, sizeof scale);
  return bn_mul(bn_set1(bn_half1(scale)), bn_load_i8((const int8_t *)block + 2 + k % 32));
}

#endif
