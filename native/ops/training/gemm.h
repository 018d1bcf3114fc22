/*
 * Products of f32 matrices. A block of b is packed into panels of BN_GEMM_PANEL columns, which stay in the second cache
 * level; then for some rows of a at a time, packed into the first level, a tile of sums in registers runs down each panel
 * (the scheme of Goto and van de Geijn, doi:10.1145/1356052.1356053). The terms of an element are added in order within
 * blocks of K, and the blocks' sums in order: nothing but K decides where blocks end.
 */
#ifndef BN_GEMM_H
#define BN_GEMM_H

/* GemmForm of training-kernels.ts. */
enum { BN_GEMM_NN = 0, BN_GEMM_NT = 1, BN_GEMM_TN = 2 };

enum {
  /* Largest block of K. */
  BN_GEMM_DEPTH = 256,
  /* Columns of b that are packed at a time. */
  BN_GEMM_COLUMNS = 512,
  BN_GEMM_PANEL = 16 * BN_GEMM_VECTORS,
  /* f32 of packed rows of a; the last store of sixteen goes beyond what it packs. */
  BN_GEMM_ROWS_ROOM = BN_GEMM_DEPTH * BN_GEMM_WIDTH + 16,
};

static int64_t bn_gemm_scratch_bytes(void) {
  return (BN_GEMM_ROWS_ROOM + BN_GEMM_DEPTH * BN_GEMM_COLUMNS) * (int64_t)sizeof(float);
}

/* A factor as it lies in memory: element (i, k) at from + i * ld + k, or when `across` at from + k * ld + i. */
typedef struct {
  const float *from;
  int64_t ld;
  int across;
} bn_factor;

/* to[k * width + j] = from[k * ld + j], zeros from n on; there are `room` >= n elements in a row. */
static void bn_pack_along(float *to, int64_t width, const float *from, int64_t ld, int64_t depth, int64_t n,
                          int64_t room) {
  for (int64_t j = 0; j < width; j += 16) {
    const int64_t left = n - j;
    for (int64_t k = 0; k < depth; k++) {
      const float *row = from + k * ld + j;
      bn_store(to + k * width + j, room - j >= 16 ? bn_load(row) : left > 0 ? bn_load_part(row, left) : bn_zero());
    }
  }
}

/* to[k * width + j] = from[j * ld + k], zeros from j = n on. `to` has room for depth in whole sixteens. */
static void bn_pack_across(float *to, int64_t width, const float *from, int64_t ld, int64_t depth, int64_t n) {
  for (int64_t j = 0; j < width; j += 4) {
    for (int64_t k = 0; k < depth; k += 16) {
      const int64_t count = depth - k < 16 ? depth - k : 16;
      v16 x[4];
      BN_UNROLL
      for (int64_t i = 0; i < 4; i++) x[i] = j + i < n ? bn_load_first(from + (j + i) * ld + k, count) : bn_zero();
      bn_transpose4(x);
      float *at = to + k * width + j;
      BN_UNROLL
      for (int64_t i = 0; i < 4; i++) {
        float *const quarters[4] = {at + i * width, at + (4 + i) * width, at + (8 + i) * width, at + (12 + i) * width};
        bn_store_quarters(quarters, x[i]);
      }
    }
  }
}

/* Rows [i, i + n) of a factor and steps [k, k + depth), `width` elements a step; the factor ends at row `end`. */
BN_INLINE void bn_pack_factor(float *to, int64_t width, const bn_factor *factor, int64_t i, int64_t n, int64_t end,
                              int64_t k, int64_t depth) {
  if (factor->across) {
    bn_pack_along(to, width, factor->from + k * factor->ld + i, factor->ld, depth, n, end - i);
  } else {
    bn_pack_across(to, width, factor->from + i * factor->ld + k, factor->ld, depth, n);
  }
}

/* c [rows][ldc], BN_GEMM_PANEL columns = (or += when `add`) packed a times packed b. */
BN_INLINE void bn_gemm_tile(float *c, int64_t ldc, const float *a, const float *b, int64_t depth, int add,
                            const int rows) {
  v16 sums[BN_GEMM_ROWS][BN_GEMM_VECTORS];
  BN_UNROLL
  for (int i = 0; i < rows; i++) {
    BN_UNROLL
    for (int v = 0; v < BN_GEMM_VECTORS; v++) sums[i][v] = bn_zero();
  }
  for (int64_t k = 0; k < depth; k++, a += BN_GEMM_WIDTH, b += BN_GEMM_PANEL) {
    v16 x[BN_GEMM_VECTORS];
    BN_UNROLL
    for (int v = 0; v < BN_GEMM_VECTORS; v++) x[v] = bn_load(b + 16 * v);
    BN_UNROLL
    for (int i = 0; i < rows; i++) {
      BN_UNROLL
      for (int v = 0; v < BN_GEMM_VECTORS; v++) sums[i][v] = bn_fma_each(sums[i][v], x[v], a + i);
    }
  }
  BN_UNROLL
  for (int i = 0; i < rows; i++) {
    BN_UNROLL
    for (int v = 0; v < BN_GEMM_VECTORS; v++) {
      float *to = c + i * ldc + 16 * v;
      bn_store(to, add ? bn_add(bn_load(to), sums[i][v]) : sums[i][v]);
    }
  }
}

/* A function for each number of rows, so that its sums are registers. */
#define BN_GEMM_TILE_OF(n) \
  static __attribute__((noinline)) void bn_gemm_tile_##n(float *c, int64_t ldc, const float *a, const float *b, \
                                                         int64_t depth, int add) { \
    bn_gemm_tile(c, ldc, a, b, depth, add, n); \
  }
#define BN_GEMM_NAME(n) bn_gemm_tile_##n,
BN_GEMM_EACH(BN_GEMM_TILE_OF)

static void (*const bn_gemm_tiles[])(float *, int64_t, const float *, const float *, int64_t, int) = {
    BN_GEMM_EACH(BN_GEMM_NAME)};

/* A tile of which c has only the first `columns`. */
static void bn_gemm_edge(float *c, int64_t ldc, const float *a, const float *b, int64_t depth, int add, int64_t rows,
                         int64_t columns) {
  float whole[BN_GEMM_ROWS * BN_GEMM_PANEL];
  bn_gemm_tiles[rows - 1](whole, BN_GEMM_PANEL, a, b, depth, 0);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j += 16) {
      const int64_t n = columns - j < 16 ? columns - j : 16;
      const v16 sums = bn_load(whole + i * BN_GEMM_PANEL + j);
      float *to = c + i * ldc + j;
      bn_store_first(to, add ? bn_add(bn_load_first(to, n), sums) : sums, n);
    }
  }
}

/* Rows [r0, r1) and columns [j0, j1) of c by one block of K, with the columns' factors packed in `panels`. */
static void bn_gemm_block(float *c, int64_t ldc, const bn_factor *a, float *packed, const float *panels,
                          int64_t panel_size, int64_t k, int64_t depth, int add, int64_t j0, int64_t j1, int64_t r0,
                          int64_t r1) {
  const int64_t tiles = (r1 - r0 + BN_GEMM_ROWS - 1) / BN_GEMM_ROWS;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t i = r0 + (r1 - r0) * tile / tiles, rows = r0 + (r1 - r0) * (tile + 1) / tiles - i;
    bn_pack_factor(packed, BN_GEMM_WIDTH, a, i, rows, r1, k, depth);
    const float *panel = panels;
    for (int64_t j = j0; j < j1; j += BN_GEMM_PANEL, panel += panel_size) {
      float *to = c + i * ldc + j;
      if (j1 - j >= BN_GEMM_PANEL) {
        if (add) {
          for (int64_t row = 0; row < rows; row++) bn_prefetch(to + row * ldc);
        }
        bn_gemm_tiles[rows - 1](to, ldc, packed, panel, depth, add);
      } else {
        bn_gemm_edge(to, ldc, packed, panel, depth, add, rows, j1 - j);
      }
    }
  }
}

static void bn_gemm(float *c, int64_t ldc, const float *a, int64_t lda, const float *b, int64_t ldb, int32_t form,
                    int64_t N, int64_t K, int32_t accumulate, void *scratch, int64_t r0, int64_t r1) {
  if (r0 >= r1) return;
  const bn_factor left = {a, lda, form == BN_GEMM_TN}, right = {b, ldb, form != BN_GEMM_NT};
  float *packed = scratch, *panels = packed + BN_GEMM_ROWS_ROOM;
  /* No terms at all are a block too: zeros are to be written. */
  const int64_t blocks = K > 0 ? (K + BN_GEMM_DEPTH - 1) / BN_GEMM_DEPTH : 1;
  const int64_t block = bn_round_up((K + blocks - 1) / blocks, 16);
  int64_t k = 0;
  do {
    const int64_t depth = K - k < block ? K - k : block, panel_size = bn_round_up(depth, 16) * BN_GEMM_PANEL;
    for (int64_t j0 = 0; j0 < N; j0 += BN_GEMM_COLUMNS) {
      const int64_t j1 = N - j0 < BN_GEMM_COLUMNS ? N : j0 + BN_GEMM_COLUMNS;
      float *panel = panels;
      for (int64_t j = j0; j < j1; j += BN_GEMM_PANEL, panel += panel_size) {
        const int64_t n = j1 - j < BN_GEMM_PANEL ? j1 - j : BN_GEMM_PANEL;
        bn_pack_factor(panel, BN_GEMM_PANEL, &right, j, n, N, k, depth);
      }
      bn_gemm_block(c, ldc, &left, packed, panels, panel_size, k, depth, accumulate || k > 0, j0, j1, r0, r1);
    }
    k += block;
  } while (k < K);
}

/* Multiply-adds of a round: PEAK_ROUND of training-kernels.ts. */
enum { BN_PEAK_ROUND = 4096 };

static double bn_multiply_add_peak(int64_t rounds) {
  /* As many chains as a tile has sums hide the latency; each approaches 1. No two lanes are the same work. */
  static const float starts[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  enum { CHAINS = BN_GEMM_ROWS * BN_GEMM_VECTORS < 12 ? BN_GEMM_ROWS * BN_GEMM_VECTORS : 12 };
  v16 chains[CHAINS];
  BN_UNROLL
  for (int i = 0; i < CHAINS; i++) chains[i] = bn_add(bn_load(starts), bn_set1((float)(16 * i)));
  const v16 half = bn_set1(0.5f);
  const int64_t steps = (rounds * (BN_PEAK_ROUND / 16) + CHAINS - 1) / CHAINS;
  for (int64_t step = 0; step < steps; step++) {
    BN_UNROLL
    for (int i = 0; i < CHAINS; i++) chains[i] = bn_fma(chains[i], half, half);
  }
  v16 sum = bn_zero();
  BN_UNROLL
  for (int i = 0; i < CHAINS; i++) sum = bn_add(sum, chains[i]);
  return bn_fold(sum);
}

#endif
