/**
 * The ternary product over tiles of 16 rows, written once. A variant includes its tile first (tile-two-bit.h or
 * tile-base3.h), then its instruction set's file, which brings BN_GROUP_TOKENS and bn_group: the sums of one row tile for
 * up to that many tokens.
 *
 * All sums are exact int32: codes are weight + 1, so Σ weight q = Σ code q - Σ q. A quantised row is a head of 64 bytes
 * (f32 s, i32 Σ q) and int8 q, zero beyond K up to a multiple of 320.
 */
#ifndef BN_TERNARY_PRODUCT_H
#define BN_TERNARY_PRODUCT_H

#include <stdint.h>

#define BN_TILE_BYTES 64
/** Tokens whose activations stay in the second cache level while the row tiles go by. */
#define BN_CHUNK_TOKENS 48

static inline int64_t bn_tiles_per_row(int64_t K) { return (K + BN_TILE_COLUMNS - 1) / BN_TILE_COLUMNS; }

static int64_t bn_ternary_bytes(int64_t M, int64_t K) {
  return (M + 15) / 16 * bn_tiles_per_row(K) * BN_TILE_BYTES;
}

static void bn_pack_ternary(uint8_t *w, const uint8_t *codes, int64_t K, int64_t row0, int64_t row1) {
  const int64_t tiles = bn_tiles_per_row(K);
  for (int64_t row = row0; row < row1; row++) {
    const uint8_t *from = codes + (row - row0) * K;
    uint8_t *to = w + (row / 16) * tiles * BN_TILE_BYTES + row % 16 * 4;
    for (int64_t tile = 0; tile < K / BN_TILE_COLUMNS; tile++) {
      const uint32_t bytes = bn_tile_row(from + tile * BN_TILE_COLUMNS);
      memcpy(to + tile * BN_TILE_BYTES, &bytes, 4);
    }
    const int64_t rest = K % BN_TILE_COLUMNS;
    if (rest > 0) {
      uint8_t last[BN_TILE_COLUMNS] = {0};
      memcpy(last, from + K - rest, (size_t)rest);
      const uint32_t bytes = bn_tile_row(last);
      memcpy(to + (tiles - 1) * BN_TILE_BYTES, &bytes, 4);
    }
  }
}

/** What of a product does not change from tile to tile. */
typedef struct {
  float *out;
  int64_t out_stride;
  const uint8_t *q;
  int64_t q_stride;
  float weight_scale;
  int accumulate;
  /** rows whose results are wanted */
  int64_t r0, r1;
} bn_product;

/** Results of one row tile for one token from its sums [16]. */
static inline void bn_put_results(const bn_product *p, int64_t token, int64_t row, const int32_t *sums) {
  const uint8_t *head = p->q + token * p->q_stride;
  float s;
  int32_t q_sum;
  memcpy(&s, head, 4);
  memcpy(&q_sum, head + 4, 4);
  const float scale = p->weight_scale / s;
  float *out = p->out + token * p->out_stride + row;
  const int64_t from = p->r0 > row ? p->r0 - row : 0;
  const int64_t to = p->r1 - row < 16 ? p->r1 - row : 16;
  if (to - from == 16) {
    float product[16];
    for (int i = 0; i < 16; i++) product[i] = (float)(sums[i] - q_sum) * scale;
    if (p->accumulate) {
      for (int i = 0; i < 16; i++) out[i] = out[i] + product[i];
    } else {
      memcpy(out, product, sizeof product);
    }
    return;
  }
  for (int64_t i = from; i < to; i++) {
    const float product = (float)(sums[i] - q_sum) * scale;
    out[i] = p->accumulate ? out[i] + product : product;
  }
}

/** Tokens [t0, t1) for all wanted rows, in groups of even size. */
static void bn_chunk_product(const bn_product *p, const uint8_t *w, int64_t tiles, int64_t t0, int64_t t1) {
  const int64_t groups = (t1 - t0 + BN_GROUP_TOKENS - 1) / BN_GROUP_TOKENS;
  for (int64_t row = p->r0 / 16 * 16; row < p->r1; row += 16) {
    const uint8_t *row_tiles = w + row / 16 * tiles * BN_TILE_BYTES;
    for (int64_t group = 0; group < groups; group++) {
      const int64_t from = t0 + (t1 - t0) * group / groups, to = t0 + (t1 - t0) * (group + 1) / groups;
      int32_t sums[BN_GROUP_TOKENS * 16] __attribute__((aligned(64)));
      bn_group(row_tiles, tiles, (const int8_t *)p->q + from * p->q_stride + BN_Q_HEAD, p->q_stride, (int)(to - from), sums);
      for (int64_t t = from; t < to; t++) bn_put_results(p, t, row, sums + 16 * (t - from));
    }
  }
}

static void bn_ternary_matmul(float *out, int64_t out_stride, const uint8_t *q, const uint8_t *w, float weight_scale,
                              int64_t K, int64_t T, int32_t accumulate, int64_t r0, int64_t r1) {
  if (r0 >= r1) return;
  const int64_t tiles = bn_tiles_per_row(K);
  const bn_product p = {out, out_stride, q, bn_activation_bytes(K), weight_scale, accumulate != 0, r0, r1};
  for (int64_t t = 0; t < T; t += BN_CHUNK_TOKENS) {
    bn_chunk_product(&p, w, tiles, t, t + BN_CHUNK_TOKENS < T ? t + BN_CHUNK_TOKENS : T);
  }
}

#endif
