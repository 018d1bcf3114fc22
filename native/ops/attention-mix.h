/* The values of one KV block, mixed for a list of queries in order of position (docs/numerics.md, "Attention"). */
#ifndef BN_ATTENTION_MIX_H
#define BN_ATTENTION_MIX_H

#include "attention-block.h"

/* Elements d … d + 15 of row p. */
BN_INLINE v16 bn_load_value(const bn_kv_rows *rows, int64_t p, int64_t d, const int32_t format) {
  const uint8_t *at = bn_row_at(rows->start + p * rows->row_bytes, d, format);
  if (format == BN_DENSE_F32) return bn_load((const float *)at);
  if (format == BN_DENSE_F16) return bn_load_half((const uint16_t *)at);
  return bn_mul(bn_load_i8((const int8_t *)at), bn_set1(rows->scales[p]));
}

/* Lines fetched with each position, so that a pass over all columns of halves fetches as many as it reads. */
#define BN_MIX_LINES(V) ((V) == 4 ? 2 : 1)

/* Sums of Q queries over positions [p0, p1) for V vectors from column d on. */
BN_INLINE void bn_mix_positions(v16 *acc, const float *weights, const bn_kv_rows *rows, int64_t d, int64_t p0, int64_t p1,
                                const uint8_t *next, const int32_t format, const int Q, const int V) {
  for (int64_t p = p0; p < p1; p++) {
    if (next) bn_prefetch_far(next + 64 * BN_MIX_LINES(V) * p);
    if (next && BN_MIX_LINES(V) == 2) bn_prefetch_far(next + 128 * p + 64);
    v16 value[BN_MIX_VECTORS];
    BN_UNROLL
    for (int j = 0; j < V; j++) value[j] = bn_load_value(rows, p, d + 16 * j, format);
    BN_UNROLL
    for (int i = 0; i < Q; i++) {
      const float *weight = weights + i * BN_ATTENTION_BLOCK + p;
      BN_UNROLL
      for (int j = 0; j < V; j++) acc[i * V + j] = bn_add(acc[i * V + j], bn_mul_each(value[j], weight));
    }
  }
}

/* Columns [d, d + 16 V) for the queries from `first` on, Q of them: what all see together, then what later tokens see. */
BN_INLINE void bn_mix_tile(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_kv_rows *rows,
                           int64_t first, int64_t d, const uint8_t *next, const int32_t format, const int Q, const int V) {
  const float *weights = scratch->scores + first * BN_ATTENTION_BLOCK;
  const int64_t *seen = queries->seen + first;
  int64_t shared = seen[0];
  BN_UNROLL
  for (int i = 1; i < Q; i++) shared = seen[i] < shared ? seen[i] : shared;
  if (shared < 0) shared = 0;
  v16 acc[BN_MIX_QUERIES * BN_MIX_VECTORS];
  BN_UNROLL
  for (int i = 0; i < Q; i++) {
    BN_UNROLL
    for (int j = 0; j < V; j++) acc[i * V + j] = bn_zero();
  }
  bn_mix_positions(acc, weights, rows, d, 0, shared, next, format, Q, V);
  BN_UNROLL
  for (int i = 0; i < Q; i++) {
    if (seen[i] <= 0) continue;
    bn_mix_positions(acc + i * V, weights + i * BN_ATTENTION_BLOCK, rows, d, shared, seen[i], NULL, format, 1, V);
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
BN_INLINE void bn_mix_some(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_kv_rows *rows,
                           int64_t first, int64_t count, int64_t d, const uint8_t *next, const int32_t format,
                           const int V) {
  if (count == 1) bn_mix_tile(queries, scratch, rows, first, d, next, format, 1, V);
  if (count == 2) bn_mix_tile(queries, scratch, rows, first, d, next, format, 2, V);
  if (count == 3) bn_mix_tile(queries, scratch, rows, first, d, next, format, 3, V);
  if (count == 4) bn_mix_tile(queries, scratch, rows, first, d, next, format, 4, V);
  if (count == 5) bn_mix_tile(queries, scratch, rows, first, d, next, format, 5, V);
  if (BN_MIX_QUERIES == 6 && count == 6) bn_mix_tile(queries, scratch, rows, first, d, next, format, 6, V);
}

/* All queries' mixes of V vectors from column d on. Fetches lines from `next` on, if not NULL, and answers where it stopped. */
BN_INLINE const uint8_t *bn_mix_columns(const bn_queries *queries, const bn_attention_scratch *scratch,
                                        const bn_kv_rows *rows, int64_t d, const uint8_t *next, const uint8_t *end,
                                        const int32_t format, const int V) {
  int64_t tiles = (queries->count + BN_MIX_QUERIES - 1) / BN_MIX_QUERIES;
  for (int64_t tile = 0; tile < tiles; tile++) {
    int64_t first = queries->count * tile / tiles, last = queries->count * (tile + 1) / tiles;
    bn_mix_some(queries, scratch, rows, first, last - first, d, next < end ? next : NULL, format, V);
    if (next < end) next += 64 * BN_MIX_LINES(V) * BN_ATTENTION_BLOCK;
  }
  return next;
}

BN_INLINE void bn_mix_rows(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_kv_rows *rows,
                           const int32_t format, int64_t stride, const uint8_t *next, const uint8_t *end) {
  int64_t d = 0;
  for (; d + 16 * BN_MIX_VECTORS <= stride; d += 16 * BN_MIX_VECTORS) {
    next = bn_mix_columns(queries, scratch, rows, d, next, end, format, BN_MIX_VECTORS);
  }
  for (; d < stride; d += 16) next = bn_mix_columns(queries, scratch, rows, d, next, end, format, 1);
}

/* Mixes the block's values into queries->mix by the exponentials of bn_block_weights. */
static void bn_mix_values(const bn_queries *queries, const bn_attention_scratch *scratch, const bn_attention_args *args,
                          int64_t block, int64_t kv_head, const uint8_t *next) {
  int64_t D = args->head_length, stride = bn_row_stride(D);
  const uint8_t *end = next ? next + bn_kv_head_bytes(args->format, D) : NULL;
  const uint8_t *values = bn_kv_head(args, args->values, block, kv_head);
  bn_kv_rows rows = bn_cached_rows(values, args->format, stride);
  if (!bn_reads_cached(queries, args)) {
    bn_expand_kv(scratch->tile, scratch->tile_stride, values, args->format, D, 0, queries->most_seen, 0);
    rows = bn_expanded_rows(scratch);
  }
  switch (rows.format) {
    case BN_DENSE_F32: bn_mix_rows(queries, scratch, &rows, BN_DENSE_F32, stride, next, end); break;
    case BN_DENSE_F16: bn_mix_rows(queries, scratch, &rows, BN_DENSE_F16, stride, next, end); break;
    default: bn_mix_rows(queries, scratch, &rows, BN_ROWS_INT8, stride, next, end); break;
  }
}

#endif
