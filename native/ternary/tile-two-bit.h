/**
 * The ternary tile of two bits a weight: 64 bytes hold 16 rows x 16 columns. Byte 4 * row + i has the codes (weight + 1)
 * of the columns i, 4 + i, 8 + i and 12 + i in its bit fields, lowest first. A field that is masked, not shifted, is an
 * unsigned byte operand of a dot product as it is; its sum is divided by 4, 16 or 64 once at the end.
 */
#ifndef BN_TERNARY_TILE_TWO_BIT_H
#define BN_TERNARY_TILE_TWO_BIT_H

#include <stdint.h>
#include <string.h>

#include "four-codes.h"

#define BN_TILE_COLUMNS 16

/** Sixteen columns of one row as the four bytes of a tile; `codes` u8 [16], each 0, 1 or 2. */
static inline uint32_t bn_tile_row(const uint8_t *codes) {
  // No field can carry into the next one, so all four bytes are computed at once.
  return bn_four_codes(codes) | bn_four_codes(codes + 4) << 2 | bn_four_codes(codes + 8) << 4 |
         bn_four_codes(codes + 12) << 6;
}

#endif
