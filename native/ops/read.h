/* Reads memory as fast as the processor can, for the benchmark's measure of bandwidth. */
#ifndef BN_READ_H
#define BN_READ_H

/* XOR of the 32-bit words of `bytes`, a multiple of 64. */
static int32_t bn_read_words(const uint8_t *address, int64_t bytes) {
  if (bytes < 64) return 0;
  v64 fold[4];
  for (int j = 0; j < 4; j++) fold[j] = bn_bytes_xor(bn_bytes(address), bn_bytes(address));
  int64_t i = 0;
  for (; i + 256 <= bytes; i += 256) {
    for (int j = 0; j < 4; j++) {
      bn_prefetch_far(address + i + 64 * j + 4096);
      fold[j] = bn_bytes_xor(fold[j], bn_bytes(address + i + 64 * j));
    }
  }
  for (; i < bytes; i += 64) fold[0] = bn_bytes_xor(fold[0], bn_bytes(address + i));
  return bn_bytes_xor_fold(bn_bytes_xor(bn_bytes_xor(fold[0], fold[1]), bn_bytes_xor(fold[2], fold[3])));
}

#endif
