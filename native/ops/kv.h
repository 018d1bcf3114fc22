/* Keys and values into the blocks of the cache. */
#ifndef BN_KV_H
#define BN_KV_H

/* Row r of the keys or values of one kv head; the elements behind D are nobody's to write. */
BN_INLINE void bn_store_kv_row(uint8_t *head, int64_t r, int32_t format, const float *x, int64_t D) {
  int64_t padded = bn_row_stride(D);
  v16 inverse = bn_zero();
  if (format == BN_KV_Q8) {
    v16i bits = bn_izero();
    for (int64_t i = 0; i < D; i += 16) {
      v16 value = i + 16 <= D ? bn_load(x + i) : bn_load_part(x + i, D - i);
      bits = bn_imax(bits, bn_as_int(bn_abs(value)));
    }
    int32_t largest_bits = bn_ifold_max(bits);
    float largest;
    memcpy(&largest, &largest_bits, sizeof largest);
    inverse = bn_set1(largest == 0 ? 0 : 127 / largest);
    ((float *)(head + BN_ATTENTION_BLOCK * padded))[r] = largest / 127;
  }
  for (int64_t i = 0; i < D; i += 16) {
    int64_t n = D - i < 16 ? D - i : 16;
    v16 value = n == 16 ? bn_load(x + i) : bn_load_part(x + i, n);
    int64_t at = r * padded + i;
    if (format == BN_KV_F32) {
      if (n == 16) bn_store((float *)head + at, value);
      else bn_store_part((float *)head + at, value, n);
    } else if (format == BN_KV_F16) {
      uint16_t halves[16];
      bn_store_half(halves, value);
      memcpy((uint16_t *)head + at, halves, (size_t)n * sizeof(uint16_t));
    } else {
      int8_t bytes[16];
      bn_store_i8(bytes, bn_to_int_within(bn_mul(value, inverse), -127, 127));
      memcpy((int8_t *)head + at, bytes, (size_t)n);
    }
  }
}

static void bn_store_kv(const double *blocks, int64_t offset, int32_t format, const float *x, int64_t token_stride,
                        int64_t head_stride, int64_t kv_heads, int64_t head_length, int64_t position, int64_t t0,
                        int64_t t1) {
  int64_t bytes = bn_kv_head_bytes(format, head_length);
  for (int64_t t = t0; t < t1; t++) {
    int64_t p = position + t;
    uint8_t *block = (uint8_t *)(uintptr_t)blocks[p / BN_ATTENTION_BLOCK] + offset;
    for (int64_t h = 0; h < kv_heads; h++) {
      const float *from = x + t * token_stride + h * head_stride;
      bn_store_kv_row(block + h * bytes, p % BN_ATTENTION_BLOCK, format, from, head_length);
    }
  }
}

#endif
