/*
 * Choice of rows by their scores: a scan that most rows fail in one comparison of sixteen. The rows kept so far are a heap
 * with the one to be dropped first at its root: the lowest score, of equals the highest id.
 */
#ifndef BN_SELECT_H
#define BN_SELECT_H

/* Whether row a goes before row b is dropped. */
BN_INLINE int bn_drops_before(const float *scores, int32_t a, int32_t b) {
  return scores[a] < scores[b] || (scores[a] == scores[b] && a > b);
}

/* Puts `id` at the hole `at` of a heap, or the rows that drop before it there and it further down. */
BN_INLINE void bn_sift_down(int32_t *heap, const float *scores, int64_t count, int64_t at, int32_t id) {
  for (int64_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && bn_drops_before(scores, heap[child + 1], heap[child])) child++;
    if (!bn_drops_before(scores, heap[child], id)) break;
    heap[at] = heap[child];
  }
  heap[at] = id;
}

static int64_t bn_select_top(int32_t *ids, const float *scores, int64_t count, int64_t r0, int64_t r1) {
  int64_t kept = r1 - r0 < count ? r1 - r0 : count;
  if (kept <= 0) return 0;
  for (int64_t i = 0; i < kept; i++) ids[i] = (int32_t)(r0 + i);
  for (int64_t i = kept / 2; i-- > 0;) bn_sift_down(ids, scores, kept, i, ids[i]);
  for (int64_t r = r0 + kept; r < r1; r += 16) {
    int64_t n = r1 - r < 16 ? r1 - r : 16;
    v16 value = bn_load_first(scores + r, n);
    uint32_t better = bn_greater(value, bn_set1(scores[ids[0]])) & ((1u << n) - 1);
    for (; better; better &= better - 1) {
      int32_t id = (int32_t)r + __builtin_ctz(better);
      if (scores[id] > scores[ids[0]]) bn_sift_down(ids, scores, kept, 0, id);
    }
  }
  return kept;
}

static int64_t bn_select_above(int32_t *ids, const float *scores, const float *errors, float factor, float threshold,
                               int64_t capacity, int64_t r0, int64_t r1) {
  v16 by = bn_set1(factor), least = bn_set1(threshold);
  int64_t found = 0;
  for (int64_t r = r0; r < r1; r += 16) {
    int64_t n = r1 - r < 16 ? r1 - r : 16;
    v16 bound = bn_add(bn_load_first(scores + r, n), bn_mul(bn_load_first(errors + r, n), by));
    uint32_t above = bn_not_less(bound, least) & ((1u << n) - 1);
    for (; above; above &= above - 1, found++) {
      if (found < capacity) ids[found] = (int32_t)r + __builtin_ctz(above);
    }
  }
  return found;
}

#endif
