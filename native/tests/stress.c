/*
 * Threads that race: a team runs a chain of operations as the forward pass does, each thread its share, with barriers
 * between them, over and over. Built with a thread sanitizer it finds accesses that no barrier orders; in any build
 * every round must give the bytes that one thread gives. Prints one line a variant; status 1 on a difference.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cpu.h"
#include "../kernels.h"

enum { M = 208, K = 720, T = 5, THREADS = 4 };

typedef struct {
  const bn_kernels *kernels;
  int rounds;
  float *x, *weights, *normed, *out;
  uint8_t *q, *codes, *w;
  int32_t *barrier, *gone;
} work;

typedef struct {
  const work *shared;
  int index, count;
} member;

static uint32_t state = 1;

static uint32_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void *zeroed(size_t bytes) {
  const size_t whole = (bytes + 63) / 64 * 64;
  void *block = aligned_alloc(64, whole);
  if (block == NULL) abort();
  return memset(block, 0, whole);
}

/* Part `index` of `count` of a length, in whole steps but for the last. */
static int64_t cut(int64_t length, int64_t step, int index, int count) {
  const int64_t at = (length + step - 1) / step * index / count * step;
  return at < length ? at : length;
}

/* Pack, then norm, quantise and multiply, added to what the last round left. */
static void *run(void *argument) {
  const member *m = argument;
  const work *s = m->shared;
  const bn_kernels *k = s->kernels;
  const int64_t r0 = cut(M, BN_ROW_STEP, m->index, m->count), r1 = cut(M, BN_ROW_STEP, m->index + 1, m->count);
  const int64_t t0 = cut(T, 1, m->index, m->count), t1 = cut(T, 1, m->index + 1, m->count);
  k->pack_ternary(s->w, s->codes + r0 * K, K, r0, r1);
  for (int round = 0; round < s->rounds; round++) {
    k->rms_norm(s->normed, s->x, s->weights, 1e-5, K, t0, t1);
    k->quantize(s->q, s->normed, K, t0, t1);
    bn_barrier(s->barrier, m->count, s->gone);
    k->ternary_matmul(s->out, bn_row_stride(M), s->q, s->w, 0.5f, K, T, round > 0, r0, r1);
    bn_barrier(s->barrier, m->count, s->gone);
    /* The result of all threads goes back into the input of each. */
    for (int64_t t = t0; t < t1; t++) {
      for (int64_t i = 0; i < K; i++) s->x[t * K + i] += s->out[t * bn_row_stride(M) + i % M] * 0x1p-10f;
    }
  }
  return NULL;
}

static void run_team(const bn_kernels *kernels, int threads, int rounds, float *result) {
  state = 1;
  work s = {
      .kernels = kernels,
      .rounds = rounds,
      .x = zeroed(4 * T * K),
      .weights = zeroed(4 * K),
      .normed = zeroed(4 * T * K),
      .out = zeroed(4 * T * M),
      .q = zeroed((size_t)(T * bn_activation_bytes(K))),
      .codes = zeroed(M * K),
      .w = zeroed((size_t)kernels->ternary_bytes(M, K)),
      .barrier = zeroed(64),
      .gone = zeroed(64),
  };
  for (int i = 0; i < T * K; i++) s.x[i] = (float)(next_random() % 2000) * 0x1p-10f - 1;
  for (int i = 0; i < K; i++) s.weights[i] = 1 + (float)(next_random() % 16) * 0x1p-5f;
  for (int i = 0; i < M * K; i++) s.codes[i] = (uint8_t)(next_random() % 3);
  pthread_t ids[THREADS];
  member members[THREADS];
  for (int i = 0; i < threads; i++) {
    members[i] = (member){&s, i, threads};
    if (pthread_create(&ids[i], NULL, run, &members[i]) != 0) abort();
  }
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  memcpy(result, s.out, 4 * T * M);
  void *blocks[] = {s.x, s.weights, s.normed, s.out, s.q, s.codes, s.w, s.barrier, s.gone};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
}

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 2000;
  static float alone[T * M], together[T * M];
  bn_variant variants[8];
  const int count = bn_variants(variants, 8);
  int status = 0, ran = 0;
  for (int i = 0; i < count; i++) {
    if (variants[i].missing != NULL) continue;
    run_team(variants[i].kernels, 1, rounds, alone);
    run_team(variants[i].kernels, THREADS, rounds, together);
    const int same = memcmp(alone, together, sizeof alone) == 0;
    printf("%s: %d threads, %d rounds, %s\n", variants[i].kernels->name, THREADS, rounds, same ? "same bytes" : "DIFFERENT");
    if (!same) status = 1;
    ran++;
  }
  return ran > 0 ? status : 1;
}
