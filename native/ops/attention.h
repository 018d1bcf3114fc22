/*
 * Attention over a paged KV cache: whole (prefill), or as the softmax of single KV blocks and their fold (decoding, where
 * blocks are what threads share). Both give the same bits. A KV block is read once for all queries of a list.
 */
#ifndef BN_ATTENTION_H
#define BN_ATTENTION_H

#include "attention-block.h"
#include "attention-mix.h"

BN_INLINE void bn_add_query(bn_queries *queries, const bn_attention_args *args, int64_t t, int64_t head, float *mix) {
  int64_t i = queries->count++;
  queries->visible[i] = args->position + t + 1;
  queries->q[i] = args->q + (t * args->heads + head) * bn_row_stride(args->head_length);
  queries->mix[i] = mix;
}

/* out = mix / weight over D elements. */
BN_INLINE void bn_divide_mix(float *out, const float *mix, int64_t D, float weight) {
  v16 inverse = bn_set1(1 / weight);
  for (int64_t d = 0; d < D; d += 16) {
    int64_t n = D - d < 16 ? D - d : 16;
    bn_store_first(out + d, bn_mul(bn_load_first(mix + d, n), inverse), n);
  }
}

/*
 * maximum, weight = those of the positions so far and of the next block together; keep and take are the factors on the
 * two mixes. From -infinity and 0 on this gives the first block as it is, since exp(0) is 1. Sixteen queries.
 */
BN_INLINE void bn_fold_softmax(float *maximum, float *weight, const float *block_maximum, const float *block_weight,
                               float *keep, float *take) {
  v16 before = bn_load(maximum), block = bn_load(block_maximum), most = bn_max(before, block);
  v16 kept = bn_exp(bn_sub(before, most)), taken = bn_exp(bn_sub(block, most));
  bn_store(weight, bn_add(bn_mul(bn_load(weight), kept), bn_mul(bn_load(block_weight), taken)));
  bn_store(maximum, most);
  bn_store(keep, kept);
  bn_store(take, taken);
}

/* The (token, query head) pairs of an item of `attention`. */
typedef struct {
  int64_t kv_head, head, first_token, end_token;
} bn_attention_item;

BN_INLINE bn_attention_item bn_attention_item_of(const bn_attention_args *args, int64_t item) {
  int64_t group = args->heads / args->kv_heads;
  int64_t token_blocks = (args->tokens + BN_ATTENTION_TOKENS - 1) / BN_ATTENTION_TOKENS;
  int64_t kv_head = item / (token_blocks * group), first = item / group % token_blocks * BN_ATTENTION_TOKENS;
  int64_t end = first + BN_ATTENTION_TOKENS;
  return (bn_attention_item){kv_head, kv_head * group + item % group, first, end < args->tokens ? end : args->tokens};
}

/* Items from `item` on that have the same kv head, as many as a list holds; returns the first of the others. */
static int64_t bn_list_items(bn_queries *queries, const bn_attention_args *args, float *totals, int64_t item, int64_t end) {
  int64_t stride = bn_row_stride(args->head_length), kv_head = bn_attention_item_of(args, item).kv_head;
  queries->count = 0;
  for (; item < end; item++) {
    bn_attention_item next = bn_attention_item_of(args, item);
    if (next.kv_head != kv_head || queries->count + BN_ATTENTION_TOKENS > BN_QUERIES) break;
    for (int64_t t = next.first_token; t < next.end_token; t++) {
      bn_add_query(queries, args, t, next.head, totals + queries->count * stride);
    }
  }
  return item;
}

static void bn_store_items(const bn_queries *queries, const bn_attention_args *args, const float *weight, int64_t item,
                           int64_t end) {
  for (int64_t i = 0; item < end; item++) {
    bn_attention_item next = bn_attention_item_of(args, item);
    for (int64_t t = next.first_token; t < next.end_token; t++, i++) {
      float *out = args->out + t * args->out_stride + next.head * args->head_length;
      bn_divide_mix(out, queries->mix[i], args->head_length, weight[i]);
    }
  }
}

static void bn_attention(const bn_attention_args *args, int64_t i0, int64_t i1) {
  bn_attention_scratch scratch = bn_attention_scratch_of(args);
  int64_t stride = bn_row_stride(args->head_length);
  bn_queries queries = {.fold = 1};
  while (i0 < i1) {
    int64_t end = bn_list_items(&queries, args, scratch.totals, i0, i1);
    int64_t kv_head = bn_attention_item_of(args, i0).kv_head, visible = queries.visible[queries.count - 1];
    float maximum[BN_QUERIES], weight[BN_QUERIES];
    for (int64_t i = 0; i < BN_QUERIES; i++) {
      maximum[i] = -__builtin_inff();
      weight[i] = 0;
    }
    memset(scratch.totals, 0, (size_t)(queries.count * stride) * sizeof(float));
    for (int64_t block = 0; block * BN_ATTENTION_BLOCK < visible; block++) {
      bn_block_weights(&queries, &scratch, args, block, kv_head);
      for (int64_t i = 0; i < queries.count; i += 16) {
        bn_fold_softmax(maximum + i, weight + i, queries.maximum + i, queries.weight + i, queries.keep + i,
                        queries.take + i);
      }
      bn_mix_values(&queries, &scratch, args, block, kv_head, NULL);
    }
    bn_store_items(&queries, args, weight, i0, end);
    i0 = end;
  }
}

BN_INLINE int64_t bn_kv_block_count(const bn_attention_args *args) {
  return (args->position + args->tokens + BN_ATTENTION_BLOCK - 1) / BN_ATTENTION_BLOCK;
}

/* The partial result of a query in a block: maximum, weight, 14 unused, mix. */
BN_INLINE int64_t bn_partial_at(const bn_attention_args *args, int64_t t, int64_t head, int64_t block) {
  int64_t entry = (t * args->heads + head) * bn_kv_block_count(args) + block;
  return entry * (16 + bn_row_stride(args->head_length));
}

/* The partial results of one KV block for the queries of a list; `next` is what will be read after it. */
static void bn_attend_list(bn_queries *queries, const bn_attention_scratch *scratch, const bn_attention_args *args,
                           int64_t block, int64_t kv_head, const uint8_t *next) {
  bn_block_weights(queries, scratch, args, block, kv_head);
  bn_mix_values(queries, scratch, args, block, kv_head, next);
  for (int64_t i = 0; i < queries->count; i++) {
    float *head = queries->mix[i] - 16;
    head[0] = queries->maximum[i];
    head[1] = queries->weight[i];
  }
  queries->count = 0;
}

static void bn_attention_blocks(float *partials, const bn_attention_args *args, int64_t i0, int64_t i1) {
  bn_attention_scratch scratch = bn_attention_scratch_of(args);
  bn_queries queries = {.fold = 0};
  int64_t group = args->heads / args->kv_heads;
  for (int64_t item = i0; item < i1; item++) {
    int64_t block = item / args->kv_heads, kv_head = item % args->kv_heads;
    int64_t before = block * BN_ATTENTION_BLOCK - args->position;
    const uint8_t *next = NULL;
    if (item + 1 < i1) next = bn_kv_head(args, args->keys, (item + 1) / args->kv_heads, (item + 1) % args->kv_heads);
    for (int64_t t = before > 0 ? before : 0; t < args->tokens; t++) {
      for (int64_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        if (queries.count == BN_QUERIES) bn_attend_list(&queries, &scratch, args, block, kv_head, NULL);
        bn_add_query(&queries, args, t, head, partials + bn_partial_at(args, t, head, block) + 16);
      }
    }
    if (queries.count > 0) bn_attend_list(&queries, &scratch, args, block, kv_head, next);
  }
}

/*
 * Factors of up to sixteen blocks from `entry` on, `stride` apart: entry i keeps keep[i] of what was before and takes
 * take[i] of its own. Maxima are taken first, so that exponentials need not wait for each other.
 */
BN_INLINE float bn_fold_factors(const float *entry, int64_t stride, int64_t count, float maximum, float *keep, float *take) {
  float before[16] = {0}, own[16] = {0};
  for (int64_t i = 0; i < count; i++) {
    float block = entry[i * stride], most = block > maximum ? block : maximum;
    before[i] = maximum - most;
    own[i] = block - most;
    maximum = most;
  }
  bn_store(keep, bn_exp(bn_load(before)));
  bn_store(take, bn_exp(bn_load(own)));
  return maximum;
}

/* Mixes `count` partial results in order at out, f32 [D], and answers the sum of their weights. */
BN_INLINE float bn_fold_partials(float *out, const float *entry, int64_t D, int64_t count) {
  int64_t stride = 16 + bn_row_stride(D);
  float maximum = -__builtin_inff(), weight = 0, keep[16], take[16];
  for (int64_t d = 0; d < D; d++) out[d] = 0;
  for (int64_t first = 0; first < count; first += 16) {
    int64_t some = count - first < 16 ? count - first : 16;
    maximum = bn_fold_factors(entry + first * stride, stride, some, maximum, keep, take);
    for (int64_t i = 0; i < some; i++) {
      const float *from = entry + (first + i) * stride;
      weight = weight * keep[i] + from[1] * take[i];
      v16 kept = bn_set1(keep[i]), taken = bn_set1(take[i]);
      for (int64_t d = 0; d < D; d += 16) {
        int64_t n = D - d < 16 ? D - d : 16;
        v16 mix = bn_add(bn_mul(bn_load_first(out + d, n), kept), bn_mul(bn_load(from + 16 + d), taken));
        bn_store_first(out + d, mix, n);
      }
    }
  }
  return weight;
}

static void bn_attention_fold(const float *partials, const bn_attention_args *args, int64_t i0, int64_t i1) {
  int64_t D = args->head_length;
  for (int64_t item = i0; item < i1; item++) {
    int64_t t = item / args->heads, head = item % args->heads;
    int64_t blocks = (args->position + t) / BN_ATTENTION_BLOCK + 1;
    float *out = args->out + t * args->out_stride + head * D;
    float weight = bn_fold_partials(out, partials + bn_partial_at(args, t, head, 0), D, blocks);
    bn_divide_mix(out, out, D, weight);
  }
}

#endif
