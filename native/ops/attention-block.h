/*
 * The softmax of one KV block for a list of queries (a token's query head each) of one kv head; attention.h makes lists
 * and folds blocks. Keys and values are expanded to f32 once for all queries of a list. Formulas and the order of every
 * sum: docs/numerics.md, "Attention".
 */
#ifndef BN_ATTENTION_BLOCK_H
#define BN_ATTENTION_BLOCK_H

#include "dots.h"

/* Queries of a list: eight tokens of ten query heads. */
enum { BN_QUERIES = 80 };

typedef struct {
  int64_t count;
  /* Positions each query sees, and those of them in the block at hand (0 or less: none). */
  int64_t visible[BN_QUERIES];
  int64_t seen[BN_QUERIES];
  const float *q[BN_QUERIES];
  /* Where the mixed values go, f32 [rowStride(D)]. */
  float *mix[BN_QUERIES];
  /* Of the block at hand. */
  float maximum[BN_QUERIES];
  float weight[BN_QUERIES];
  /* Factors on what `mix` holds and on the block's own mix; without `fold` the block's mix replaces it. */
  int fold;
  float keep[BN_QUERIES];
  float take[BN_QUERIES];
} bn_queries;

/* A thread's scratch. Rows have a few more elements than they need, so that a column of rows spreads over the cache. */
typedef struct {
  int64_t tile_stride;
  float *tile;   /* [64][tile_stride], keys or values */
  float *scores; /* [BN_QUERIES][64], scores and then their exponentials */
  float *totals; /* [BN_QUERIES][rowStride(D)] */
} bn_attention_scratch;

static int64_t bn_attention_scratch_bytes(int64_t heads, int64_t kv_heads, int64_t head_length) {
  (void)heads, (void)kv_heads;
  int64_t stride = bn_row_stride(head_length);
  return 4 * (BN_ATTENTION_BLOCK * (stride + 16) + BN_QUERIES * (BN_ATTENTION_BLOCK + stride));
}

BN_INLINE bn_attention_scratch bn_attention_scratch_of(const bn_attention_args *args) {
  int64_t stride = bn_row_stride(args->head_length);
  bn_attention_scratch scratch = {.tile_stride = stride + 16, .tile = args->scratch};
  scratch.scores = scratch.tile + BN_ATTENTION_BLOCK * scratch.tile_stride;
  scratch.totals = scratch.scores + BN_QUERIES * BN_ATTENTION_BLOCK;
  return scratch;
}

/* The keys or values (by `offset`) of a kv head in a block. */
BN_INLINE const uint8_t *bn_kv_head(const bn_attention_args *args, int64_t offset, int64_t block, int64_t kv_head) {
  const uint8_t *start = (const uint8_t *)(uintptr_t)args->blocks[block];
  return start + offset + kv_head * bn_kv_head_bytes(args->format, args->head_length);
}

BN_INLINE void bn_expand_rows(float *to, int64_t to_stride, const uint8_t *head, const int32_t format, int64_t D,
                              int64_t row0, int64_t row1) {
  int64_t stride = bn_row_stride(D);
  const float *scales = (const float *)(head + BN_ATTENTION_BLOCK * stride);
  for (int64_t row = row0; row < row1; row++, to += to_stride) {
    for (int64_t d = 0; d < stride; d += 16) {
      int64_t at = row * stride + d;
      v16 x;
      if (format == BN_KV_F32) {
        x = bn_load((const float *)head + at);
      } else if (format == BN_KV_F16) {
        x = bn_load_half((const uint16_t *)head + at);
      } else {
        x = bn_mul(bn_load_i8((const int8_t *)head + at), bn_set1(scales[row]));
      }
      /* Nobody promises what lies between D and the stride of a cached row. */
      if (d + 16 > D) x = bn_keep_first(D - d, x, bn_zero());
      bn_store(to + d, x);
    }
  }
}

/* Rows [row0, row1) of a kv head as f32 at `to`. */
static void bn_expand_kv(float *to, int64_t to_stride, const uint8_t *head, int32_t format, int64_t D, int64_t row0,
                         int64_t row1) {
  switch (format) {
    case BN_KV_F32: bn_expand_rows(to, to_stride, head, BN_KV_F32, D, row0, row1); break;
    case BN_KV_F16: bn_expand_rows(to, to_stride, head, BN_KV_F16, D, row0, row1); break;
    default: bn_expand_rows(to, to_stride, head, BN_KV_Q8, D, row0, row1); break;
  }
}

/* Q queries from `first` on by the sixteen keys in the tile, to scores from `position` on. */
BN_INLINE void bn_score_queries(const bn_queries *queries, const bn_attention_scratch *scratch,
                                const uint8_t *const *keys, int64_t stride, int64_t first, int64_t position,
                                const int Q) {
  float *out[4];
  for (int i = 0; i < Q; i++) out[i] = scratch->scores + (first + i) * BN_ATTENTION_BLOCK + position;
  bn_dots(out, queries->q + first, keys, stride, BN_DENSE_F32, 0, Q);
}

/* All queries by sixteen positions. Four neighbours are left out where none of them sees any. */
static void bn_score_positions(const bn_queries *queries, const bn_attention_scratch *scratch, int64_t stride,
                               int64_t position) {
  const uint8_t *keys[16];
  for (int64_t j = 0; j < 16; j++) keys[j] = (const uint8_t *)(scratch->tile + j * scratch->tile_stride);
  const int64_t *seen = queries->seen;
  int64_t i = 0;
  for (; i + 4 <= queries->count; i += 4) {
    if (seen[i] > position || seen[i + 1] > position || seen[i + 2] > position || seen[i + 3] > position) {
      bn_score_queries(queries, scratch, keys, stride, i, position, 4);
    }
  }
  if (i + 2 <= queries->count) {
    bn_score_queries(queries, scratch, keys, stride, i, position, 2);
    i += 2;
  }
  if (i < queries->count) bn_score_queries(queries, scratch, keys, stride, i, position, 1);
}

/* Largest of n scores that `m` equals but for the sign of a zero: +0 goes before -0, which vector maxima do not promise. */
static float bn_zero_maximum(const float *scores, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (scores[i] == 0 && !__builtin_signbit(scores[i])) return 0.0f;
  }
  return -0.0f;
}

/* Scores of n positions to exponentials below the largest; positions from n on up to a multiple of 16 to 0. */
BN_INLINE void bn_block_softmax(float *scores, int64_t n, float scale, float *maximum, float *weight) {
  v16 most = bn_set1(-__builtin_inff());
  for (int64_t i = 0; i < n; i += 16) {
    v16 score = bn_mul(bn_load(scores + i), bn_set1(scale));
    if (i + 16 > n) score = bn_keep_first(n - i, score, bn_set1(-__builtin_inff()));
    most = bn_max(most, score);
    bn_store(scores + i, score);
  }
  float largest = bn_fold_max(most);
  if (largest == 0) largest = bn_zero_maximum(scores, n);
  v16 sum = bn_zero();
  for (int64_t i = 0; i < n; i += 16) {
    v16 exponential = bn_exp(bn_sub(bn_load(scores + i), bn_set1(largest)));
    if (i + 16 > n) exponential = bn_keep_first(n - i, exponential, bn_zero());
    sum = bn_add(sum, exponential);
    bn_store(scores + i, exponential);
  }
  *maximum = largest;
  *weight = bn_fold(sum);
}

/*
 * The block's part of every query: seen, the exponentials in scratch->scores, maximum and weight (-infinity and 0 where it
 * sees none). Fetches the values meanwhile. The values are in the tile when it is done.
 */
static void bn_block_weights(bn_queries *queries, const bn_attention_scratch *scratch, const bn_attention_args *args,
                             int64_t block, int64_t kv_head) {
  int64_t D = args->head_length, most = 0;
  for (int64_t i = 0; i < queries->count; i++) {
    int64_t seen = queries->visible[i] - block * BN_ATTENTION_BLOCK;
    queries->seen[i] = seen < BN_ATTENTION_BLOCK ? seen : BN_ATTENTION_BLOCK;
    if (queries->seen[i] > most) most = queries->seen[i];
  }
  const uint8_t *keys = bn_kv_head(args, args->keys, block, kv_head);
  const uint8_t *values = bn_kv_head(args, args->values, block, kv_head);
  int64_t piece = bn_kv_head_bytes(args->format, D) / 4;
  for (int64_t p = 0; p < most; p += 16, values += piece) {
    bn_expand_kv(scratch->tile, scratch->tile_stride, keys, args->format, D, p, p + 16);
    bn_prefetch_range(values, piece);
    bn_score_positions(queries, scratch, bn_row_stride(D), p);
  }
  for (int64_t i = 0; i < queries->count; i++) {
    queries->maximum[i] = -__builtin_inff();
    queries->weight[i] = 0;
    if (queries->seen[i] <= 0) continue;
    bn_block_softmax(scratch->scores + i * BN_ATTENTION_BLOCK, queries->seen[i], args->scale, queries->maximum + i,
                     queries->weight + i);
  }
  bn_expand_kv(scratch->tile, scratch->tile_stride, bn_kv_head(args, args->values, block, kv_head), args->format, D, 0,
               most);
}

/* Columns [d, d + 16 V) of the values in the tile, mixed for Q queries from `first` on. */
BN_INLINE void bn_mix_tile(const bn_queries *queries, const bn_attention_scratch *scratch, int64_t first, int64_t d,
                           const int Q, const int V) {
  const float *weights = scratch->scores + first * BN_ATTENTION_BLOCK, *values = scratch->tile + d;
  const int64_t *seen = queries->seen + first;
  int64_t shared = seen[0];
  BN_UNROLL
  for (int i = 1; i < Q; i++) shared = seen[i] < shared ? seen[i] : shared;
  if (shared < 0) shared = 0;
  v16 acc[8 * BN_MIX_VECTORS];
  BN_UNROLL
  for (int i = 0; i < Q * V; i++) acc[i] = bn_zero();
  for (int64_t p = 0; p < shared; p++) {
    v16 value[BN_MIX_VECTORS];
    BN_UNROLL
    for (int j = 0; j < V; j++) value[j] = bn_load(values + p * scratch->tile_stride + 16 * j);
    BN_UNROLL
    for (int i = 0; i < Q; i++) {
      v16 weight = bn_set1(weights[i * BN_ATTENTION_BLOCK + p]);
      BN_UNROLL
      for (int j = 0; j < V; j++) acc[i * V + j] = bn_add(acc[i * V + j], bn_mul(weight, value[j]));
    }
  }
  BN_UNROLL
  for (int i = 0; i < Q; i++) {
    if (seen[i] <= 0) continue;
    /* Later tokens see some positions more. */
    for (int64_t p = shared; p < seen[i]; p++) {
      v16 weight = bn_set1(weights[i * BN_ATTENTION_BLOCK + p]);
      BN_UNROLL
      for (int j = 0; j < V; j++) {
        acc[i * V + j] = bn_add(acc[i * V + j], bn_mul(weight, bn_load(values + p * scratch->tile_stride + 16 * j)));
      }
    }
    float *out = queries->mix[first + i] + d;
    v16 keep = bn_set1(queries->keep[first + i]), take = bn_set1(queries->take[first + i]);
    BN_UNROLL
    for (int j = 0; j < V; j++) {
      v16 mix = acc[i * V + j];
      if (queries->fold) mix = bn_add(bn_mul(bn_load(out + 16 * j), keep), bn_mul(mix, take));
      bn_store(out + 16 * j, mix);
    }
  }
}

/* As bn_mix_tile for a number of queries known at run time, at most BN_MIX_QUERIES. */
BN_INLINE void bn_mix_some(const bn_queries *queries, const bn_attention_scratch *scratch, int64_t first, int64_t count,
                           int64_t d, const int V) {
  switch (count) {
    case 1: bn_mix_tile(queries, scratch, first, d, 1, V); break;
    case 2: bn_mix_tile(queries, scratch, first, d, 2, V); break;
    case 3: bn_mix_tile(queries, scratch, first, d, 3, V); break;
    case 4: bn_mix_tile(queries, scratch, first, d, 4, V); break;
    case 5: bn_mix_tile(queries, scratch, first, d, 5, V); break;
    case 6: bn_mix_tile(queries, scratch, first, d, 6, V); break;
  }
  if (BN_MIX_QUERIES == 8 && count == 7) bn_mix_tile(queries, scratch, first, d, 7, V);
  if (BN_MIX_QUERIES == 8 && count == 8) bn_mix_tile(queries, scratch, first, d, 8, V);
}

/* All queries' mixes of the block's values; fetches `bytes` at `next` meanwhile. */
static void bn_mix_values(const bn_queries *queries, const bn_attention_scratch *scratch, int64_t stride,
                          const uint8_t *next, int64_t bytes) {
  int64_t tiles = (queries->count + BN_MIX_QUERIES - 1) / BN_MIX_QUERIES;
  int64_t piece = bn_round_up(bytes * BN_MIX_VECTORS * 16 / stride, 64);
  for (int64_t d = 0; d < stride; d += 16 * BN_MIX_VECTORS, next += piece) {
    if (bytes > 0) bn_prefetch_range(next, piece);
    for (int64_t tile = 0; tile < tiles; tile++) {
      int64_t first = queries->count * tile / tiles, last = queries->count * (tile + 1) / tiles;
      if (BN_MIX_VECTORS == 1 || d + 16 * BN_MIX_VECTORS <= stride) {
        bn_mix_some(queries, scratch, first, last - first, d, BN_MIX_VECTORS);
      } else {
        bn_mix_some(queries, scratch, first, last - first, d, 1);
      }
    }
  }
}

#endif
