/*
 * The softmax of one KV block for a list of queries (a token's query head each) of one kv head; attention.h makes lists
 * and folds blocks. Keys and values are expanded to f32 once for all queries of a list. Formulas and the order of every
 * sum: docs/numerics.md, "Attention".
 */
#ifndef BN_ATTENTION_BLOCK_H
#define BN_ATTENTION_BLOCK_H

#include "dots.h"

/* Queries of a list: eight tokens of ten query heads; and up to how many cached rows are read as they are. */
enum { BN_QUERIES = 80, BN_CACHED_QUERIES = 10 };

typedef struct {
  int64_t count;
  /* Positions each query sees, and those of them in the block at hand (0 or less: none). */
  int64_t visible[BN_QUERIES];
  int64_t seen[BN_QUERIES];
  int64_t most_seen;
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
                              int64_t row0, int64_t row1, int64_t ahead) {
  int64_t stride = bn_row_stride(D);
  const float *scales = (const float *)(head + BN_ATTENTION_BLOCK * stride);
  for (int64_t row = row0; row < row1; row++, to += to_stride) {
    for (int64_t d = 0; d < stride; d += 16) {
      int64_t at = row * stride + d;
      v16 x;
      if (ahead) bn_prefetch_far(bn_row_at(head, at, format == BN_KV_Q8 ? BN_ROWS_INT8 : format) + ahead);
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

/* Rows [row0, row1) of a kv head as f32 at `to`; what is `ahead` bytes behind them is fetched, unless that is 0. */
static void bn_expand_kv(float *to, int64_t to_stride, const uint8_t *head, int32_t format, int64_t D, int64_t row0,
                         int64_t row1, int64_t ahead) {
  switch (format) {
    case BN_KV_F32: bn_expand_rows(to, to_stride, head, BN_KV_F32, D, row0, row1, ahead); break;
    case BN_KV_F16: bn_expand_rows(to, to_stride, head, BN_KV_F16, D, row0, row1, ahead); break;
    default: bn_expand_rows(to, to_stride, head, BN_KV_Q8, D, row0, row1, ahead); break;
  }
}

/*
 * Keys or values of a block as the products read them: as they are cached, or expanded. Few queries take cached rows,
 * whose expansion would cost as much as their products.
 */
typedef struct {
  const uint8_t *start;
  int64_t row_bytes;
  const float *scales; /* of int8 rows, [64] */
  int32_t format;
} bn_kv_rows;

BN_INLINE bn_kv_rows bn_expanded_rows(const bn_attention_scratch *scratch) {
  return (bn_kv_rows){(const uint8_t *)scratch->tile, 4 * scratch->tile_stride, NULL, BN_DENSE_F32};
}

BN_INLINE bn_kv_rows bn_cached_rows(const uint8_t *head, int32_t format, int64_t stride) {
  const float *scales = (const float *)(head + BN_ATTENTION_BLOCK * stride);
  if (format == BN_KV_Q8) return (bn_kv_rows){head, stride, scales, BN_ROWS_INT8};
  if (format == BN_KV_F16) return (bn_kv_rows){head, 2 * stride, NULL, BN_DENSE_F16};
  return (bn_kv_rows){head, 4 * stride, NULL, BN_DENSE_F32};
}

/* Q queries from `first` on by sixteen keys, to scores from `position` on, where any of them sees that. */
BN_INLINE void bn_score_queries(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_rows16 *keys,
                                const int32_t format, int64_t stride, int64_t first, int64_t position, int64_t ahead, const int Q) {
  float *out[5];
  int any = 0;
  for (int i = 0; i < Q; i++) {
    out[i] = scratch->scores + (first + i) * BN_ATTENTION_BLOCK + position;
    any |= queries->seen[first + i] > position;
  }
  if (any) bn_dots(out, queries->q + first, keys, stride, format, ahead, Q);
}

/* All queries by the sixteen keys of `rows` from row `row` on, which have the positions from `position` on. */
BN_INLINE void bn_score_positions(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_kv_rows *rows,
                                  const int32_t format, int64_t stride, int64_t row, int64_t position, int64_t ahead) {
  bn_rows16 keys;
  for (int j = 0; j < 16; j++) {
    keys.row[j] = rows->start + (row + j) * rows->row_bytes;
    if (format == BN_ROWS_INT8) keys.scale[j] = rows->scales[row + j];
  }
  int64_t i = 0, count = queries->count;
  /* Groups of five query heads make lists that are multiples of five. */
  if (count % 5 == 0) {
    for (; i < count; i += 5) bn_score_queries(queries, scratch, &keys, format, stride, i, position, ahead, 5);
  }
  for (; i + 4 <= count; i += 4) bn_score_queries(queries, scratch, &keys, format, stride, i, position, ahead, 4);
  if (i + 2 <= count) {
    bn_score_queries(queries, scratch, &keys, format, stride, i, position, ahead, 2);
    i += 2;
  }
  if (i < count) bn_score_queries(queries, scratch, &keys, format, stride, i, position, ahead, 1);
}

static void bn_score_rows(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_kv_rows *rows,
                          int64_t stride, int64_t row, int64_t position, int64_t ahead) {
  switch (rows->format) {
    case BN_DENSE_F32: bn_score_positions(queries, scratch, rows, BN_DENSE_F32, stride, row, position, ahead); break;
    case BN_DENSE_F16: bn_score_positions(queries, scratch, rows, BN_DENSE_F16, stride, row, position, ahead); break;
    default: bn_score_positions(queries, scratch, rows, BN_ROWS_INT8, stride, row, position, ahead); break;
  }
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

/* Whether a list is short enough to read cached rows as they are; the pad of a row may hold anything. */
BN_INLINE int bn_reads_cached(const bn_queries *queries, const bn_attention_args *args) {
  return queries->count <= BN_CACHED_QUERIES && args->head_length % 16 == 0;
}

/*
 * The block's part of every query: seen, the exponentials in scratch->scores, maximum and weight (-infinity and 0 where it
 * sees none). The values are fetched as the keys are read.
 */
static void bn_block_weights(bn_queries *queries, const bn_attention_scratch *scratch, const bn_attention_args *args,
                             int64_t block, int64_t kv_head) {
  int64_t D = args->head_length, stride = bn_row_stride(D);
  queries->most_seen = 0;
  for (int64_t i = 0; i < queries->count; i++) {
    int64_t seen = queries->visible[i] - block * BN_ATTENTION_BLOCK;
    queries->seen[i] = seen < BN_ATTENTION_BLOCK ? seen : BN_ATTENTION_BLOCK;
    if (queries->seen[i] > queries->most_seen) queries->most_seen = queries->seen[i];
  }
  const uint8_t *keys = bn_kv_head(args, args->keys, block, kv_head);
  const uint8_t *values = bn_kv_head(args, args->values, block, kv_head);
  int cached = bn_reads_cached(queries, args);
  bn_kv_rows rows = cached ? bn_cached_rows(keys, args->format, stride) : bn_expanded_rows(scratch);
  for (int64_t p = 0; p < queries->most_seen; p += 16) {
    if (!cached) bn_expand_kv(scratch->tile, scratch->tile_stride, keys, args->format, D, p, p + 16, values - keys);
    bn_score_rows(queries, scratch, &rows, stride, cached ? p : 0, p, cached ? values - keys : 0);
  }
  for (int64_t i = 0; i < queries->count; i++) {
    queries->maximum[i] = -__builtin_inff();
    queries->weight[i] = 0;
    if (queries->seen[i] <= 0) continue;
    bn_block_softmax(scratch->scores + i * BN_ATTENTION_BLOCK, queries->seen[i], args->scale, queries->maximum + i,
                     queries->weight + i);
  }
}

#endif
