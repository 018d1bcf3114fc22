/* Dense rows to int8 rows with a scale each. The 4-bit plane is in int4.h, ternary tiles are in ternary/. */
#ifndef BN_PACK_H
#define BN_PACK_H

static void bn_pack_int8_rows(int8_t *w, float *scales, const uint8_t *source, int32_t format, int64_t K, int64_t row0,
                              int64_t row1) {
  int64_t stride = bn_row_stride(K), bytes = bn_dense_row_bytes(format, K);
  for (int64_t r = row0; r < row1; r++) {
    const uint8_t *row = source + (r - row0) * bytes;
    v16i bits = bn_izero();
    for (int64_t k = 0; k < stride; k += 16) bits = bn_imax(bits, bn_as_int(bn_abs(bn_load_dense(row, k, format))));
    int32_t largest_bits = bn_ifold_max(bits);
    float largest;
    memcpy(&largest, &largest_bits, sizeof largest);
    v16 inverse = bn_set1(largest == 0 ? 0 : 127 / largest);
    scales[r] = largest / 127;
    for (int64_t k = 0; k < stride; k += 16) {
      bn_store_i8(w + r * stride + k, bn_to_int_within(bn_mul(bn_load_dense(row, k, format), inverse), -127, 127));
    }
  }
}

#endif
