/** Four codes, a byte each, as one word. */
#ifndef BN_TERNARY_FOUR_CODES_H
#define BN_TERNARY_FOUR_CODES_H

#include <stdint.h>
#include <string.h>

static inline uint32_t bn_four_codes(const uint8_t *codes) {
  uint32_t four;
  memcpy(&four, codes, 4);
  return four;
}

#endif
