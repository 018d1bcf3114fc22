/**
 * The ternary tile of five weights a byte (1.6 bits a weight): 64 bytes hold 16 rows x 20 columns. Byte 4 * row + i is
 * the number d0 + 3 d1 + 9 d2 + 27 d3 + 81 d4 with the codes (weight + 1) of the columns i, 4 + i, ..., 16 + i as digits.
 */
#ifndef BN_TERNARY_TILE_BASE3_H
#define BN_TERNARY_TILE_BASE3_H

#include <stdint.h>
#include <string.h>

#include "four-codes.h"

#define BN_TILE_COLUMNS 20

/** Twenty columns of one row as the four bytes of a tile; `codes` u8 [20], each 0, 1 or 2. */
static inline uint32_t bn_tile_row(const uint8_t *codes) {
  // The largest byte is 242: no byte can carry into the next one, so all four are computed at once.
  const uint32_t high = bn_four_codes(codes + 12) + 3 * bn_four_codes(codes + 16);
  return bn_four_codes(codes) + 3 * bn_four_codes(codes + 4) + 9 * (bn_four_codes(codes + 8) + 3 * high);
}

#endif
