/*
 * The operations of the native backend, one table per instruction set. Order and meaning of the arguments are those of
 * src/kernels/kernels.ts and training-kernels.ts, where shapes, formulas and rounding are documented; here addresses are
 * pointers, dims are int64_t and every operation takes its half-open range of work last. All tables give the same bits,
 * but for the operations of training, which may add in another order and fuse multiply-adds.
 *
 * Every pointer to a row, matrix or table on the heap is aligned to what its elements need; blocks of the heap are
 * aligned to 64 bytes, rows of f32 have a stride of bn_row_stride(K) elements and a pad of zeros.
 */
#ifndef BN_KERNELS_H
#define BN_KERNELS_H

#include <stdint.h>

/*
 * Raised with every change of an operation's arguments or meaning, together with NATIVE_INTERFACE of
 * src/kernels/native/exports.ts: a module of another number is not used.
 */
enum { BN_INTERFACE = 3 };

/* DenseFormat of kernels.ts. */
enum { BN_DENSE_F32 = 0, BN_DENSE_F16 = 1, BN_DENSE_BF16 = 2, BN_DENSE_Q8_0 = 3 };
/* Activation of kernels.ts. */
enum { BN_SILU = 0, BN_RELU2 = 1, BN_GELU_TANH = 2 };
/* RopeStyle of kernels.ts. */
enum { BN_ROPE_HALF = 0, BN_ROPE_INTERLEAVED = 1 };
/* KvFormat of kernels.ts. */
enum { BN_KV_F32 = 0, BN_KV_F16 = 1, BN_KV_Q8 = 2 };

/* ATTENTION_BLOCK, ATTENTION_TOKENS of kernels.ts. */
enum { BN_ATTENTION_BLOCK = 64, BN_ATTENTION_TOKENS = 8 };

/* TernaryLayout of kernels.ts; BN_LAYOUT_FIELD_0 + i is 2-bit field i of bytes that lie as in rows of int8. */
enum { BN_LAYOUT_I2_S = 0, BN_LAYOUT_TQ1_0 = 1, BN_LAYOUT_TQ2_0 = 2, BN_LAYOUT_FIELD_0 = 3 };

/* Output rows that share a tile; ranges of rows start at multiples of it. */
enum { BN_ROW_STEP = 16 };

/*
 * A quantised row of activations: float s at 0, int32 sum of q at 4 (wrapping), from BN_Q_HEAD on
 *   quantize:   int8 q [roundUp(K, 320)], zero from K on
 *   quantize16: int8 hi [roundUp(K, 64)], then int8 lo [roundUp(K, 64)], zero from K on; q = 128 * hi + lo, lo in -64 .. 63
 */
enum { BN_Q_HEAD = 64 };
/* Largest |q| of quantize16: 128 * 127 + 63, what the two bytes hold. */
enum { BN_INT16_LIMIT = 16319 };

static inline int64_t bn_round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

/* Elements between rows of K f32. */
static inline int64_t bn_row_stride(int64_t K) { return (K + 15) & ~(int64_t)15; }

/* Bytes of a quantised row; room for either width. */
static inline int64_t bn_activation_bytes(int64_t K) {
  int64_t narrow = bn_round_up(K, 320), wide = 2 * bn_round_up(K, 64);
  return BN_Q_HEAD + (narrow > wide ? narrow : wide);
}

/* Bytes of a dense row. */
static inline int64_t bn_dense_row_bytes(int32_t format, int64_t K) {
  if (format == BN_DENSE_Q8_0) return K / 32 * 34;
  return bn_row_stride(K) * (format == BN_DENSE_F32 ? 4 : 2);
}

/* int8ActivationLimit of kernels.ts. */
static inline int32_t bn_int8_activation_limit(int64_t K) {
  int64_t limit = INT64_C(2147483647) / (127 * bn_row_stride(K));
  return limit < BN_INT16_LIMIT ? (int32_t)limit : BN_INT16_LIMIT;
}

/* Bytes of one kv head's 64 keys (or values) in a block: kvHeadBytes of kernels.ts. */
static inline int64_t bn_kv_head_bytes(int32_t format, int64_t head_length) {
  int64_t elements = BN_ATTENTION_BLOCK * bn_row_stride(head_length);
  if (format == BN_KV_Q8) return elements + 4 * BN_ATTENTION_BLOCK;
  return elements * (format == BN_KV_F32 ? 4 : 2);
}

/* AttentionArgs of kernels.ts, in its order. */
typedef struct bn_attention_args {
  float *out; /* [T][out_stride], head h of token t at h * D */
  int64_t out_stride;
  const float *q;       /* [T][H][rowStride(D)], rotated */
  const double *blocks; /* [ceil((position + tokens) / 64)] addresses of KV blocks */
  int64_t keys;         /* byte offsets within a block of this layer's [kvHeads][kvHeadBytes] */
  int64_t values;
  int32_t format;
  void *scratch; /* attention_scratch_bytes, the calling thread's own */
  float scale;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_length;
  int64_t position; /* of token 0 */
  int64_t tokens;
} bn_attention_args;

/* The arguments of adamw in training-kernels.ts, in its order. */
typedef struct bn_adamw_args {
  float *w, *m, *v;
  const float *g;
  double learning_rate, beta1, beta2, epsilon, weight_decay, gradient_scale, correction1, correction2;
} bn_adamw_args;

/* One instruction set's operations. */
typedef struct bn_kernels {
  const char *name; /* "native-avx512", as BackendName */
  int32_t row_step;

  int64_t (*ternary_bytes)(int64_t M, int64_t K);
  int64_t (*int4_bytes)(int64_t M, int64_t K);
  int64_t (*attention_scratch_bytes)(int64_t heads, int64_t kv_heads, int64_t head_length);

  /* codes u8 [K] of one row of a file; non-zero when a field held 3, which is no code */
  int32_t (*unpack_ternary)(uint8_t *codes, const uint8_t *source, int32_t layout, int64_t K);
  /* codes u8 [row1 - row0][K], 0 1 2 for -1 0 1 */
  void (*pack_ternary)(uint8_t *w, const uint8_t *codes, int64_t K, int64_t row0, int64_t row1);
  /* w i8 [M][rowStride(K)], scales [M]; row 0 of source is row0 */
  void (*pack_int8_rows)(int8_t *w, float *scales, const uint8_t *source, int32_t format, int64_t K, int64_t row0,
                         int64_t row1);
  void (*pack_int4_rows)(uint8_t *w, float *scales, float *errors, const uint8_t *source, int32_t format, int64_t K,
                         int64_t row0, int64_t row1);

  /* out [T][rowStride(K)] */
  void (*embed)(float *out, const int32_t *ids, const uint8_t *table, int32_t format, float scale, int64_t K, int64_t t0,
                int64_t t1);
  void (*embed_int8)(float *out, const int32_t *ids, const int8_t *table, const float *scales, float scale, int64_t K,
                     int64_t t0, int64_t t1);
  void (*rms_norm)(float *out, const float *x, const float *w, double eps, int64_t n, int64_t t0, int64_t t1);
  /* q [T][bn_activation_bytes(K)], see BN_Q_HEAD */
  void (*quantize)(uint8_t *q, const float *x, int64_t K, int64_t t0, int64_t t1);
  void (*quantize16)(uint8_t *q, const float *x, int64_t K, int64_t t0, int64_t t1);

  /* out [T][out_stride], columns [r0, r1) */
  void (*ternary_matmul)(float *out, int64_t out_stride, const uint8_t *q, const uint8_t *w, float weight_scale,
                         int64_t K, int64_t T, int32_t accumulate, int64_t r0, int64_t r1);
  void (*dense_matmul)(float *out, int64_t out_stride, const float *x, const uint8_t *w, int32_t format, int64_t K,
                       int64_t T, int32_t accumulate, int64_t r0, int64_t r1);
  void (*int8_matmul)(float *out, int64_t out_stride, const uint8_t *q, const int8_t *w, const float *scales, int64_t K,
                      int64_t T, int64_t r0, int64_t r1);
  void (*int4_matmul)(float *out, int64_t out_stride, const uint8_t *q, const uint8_t *w, const float *scales, int64_t K,
                      int64_t T, int64_t r0, int64_t r1);
  /* out [n]: dense row ids[i] times the one row x */
  void (*dense_rows)(float *out, const float *x, const uint8_t *w, int32_t format, int64_t K, const int32_t *ids,
                     int64_t n0, int64_t n1);
  int64_t (*select_top)(int32_t *ids, const float *scores, int64_t count, int64_t r0, int64_t r1);
  int64_t (*select_above)(int32_t *ids, const float *scores, const float *errors, float factor, float threshold,
                          int64_t capacity, int64_t r0, int64_t r1);

  /* out [T][heads][rowStride(D)], x [T][in_stride], table [positions][cos D/2][sin D/2] */
  void (*rope)(float *out, const float *x, int64_t in_stride, const int32_t *positions, const double *table,
               int32_t style, int64_t heads, int64_t head_length, int64_t t0, int64_t t1);
  /* offset: bytes from the start of a block to this layer's keys or values */
  void (*store_kv)(const double *blocks, int64_t offset, int32_t format, const float *x, int64_t token_stride,
                   int64_t head_stride, int64_t kv_heads, int64_t head_length, int64_t position, int64_t t0, int64_t t1);
  void (*attention)(const bn_attention_args *args, int64_t i0, int64_t i1);
  /* partials [T][H][blockCount][16 + rowStride(D)] */
  void (*attention_blocks)(float *partials, const bn_attention_args *args, int64_t i0, int64_t i1);
  void (*attention_fold)(const float *partials, const bn_attention_args *args, int64_t i0, int64_t i1);

  void (*gate)(float *out, const float *gate, const float *up, int32_t activation, int64_t stride, int64_t T, int64_t c0,
               int64_t c1);
  void (*add)(float *x, int64_t x_stride, const float *y, int64_t y_stride, int64_t T, int64_t c0, int64_t c1);
  int32_t (*read_words)(const uint8_t *address, int64_t bytes);

  /* training-kernels.ts */
  int64_t (*gemm_scratch_bytes)(void);
  /* c [M][ldc], rows [r0, r1); form: 0 a [M][K] b [K][N], 1 a [M][K] b [N][K], 2 a [K][M] b [K][N] */
  void (*gemm)(float *c, int64_t ldc, const float *a, int64_t lda, const float *b, int64_t ldb, int32_t form, int64_t N,
               int64_t K, int32_t accumulate, void *scratch, int64_t r0, int64_t r1);
  void (*abs_sums)(float *sums, const float *w, int64_t K, int64_t r0, int64_t r1);
  /* codes u8 [M][K], values and w [M][rowStride(K)], counts [M][changed, zero] */
  void (*quantize_weights)(uint8_t *codes, float *values, int32_t *counts, const float *w, float scale, int64_t K,
                           int64_t r0, int64_t r1);
  void (*dequantize)(float *out, const uint8_t *q, int64_t K, int64_t t0, int64_t t1);
  void (*rms_norm_backward)(float *dx, float *inverses, const float *dy, const float *x, const float *w, double eps,
                            int64_t n, int32_t accumulate, int64_t t0, int64_t t1);
  /* columns [c0, c1) of dw, of all T rows */
  void (*rms_norm_weight_gradient)(float *dw, const float *dy, const float *x, const float *inverses, int64_t n,
                                   int64_t T, int64_t c0, int64_t c1);
  void (*gate_backward)(float *d_gate, float *d_up, const float *d_out, const float *gate, const float *up,
                        int32_t activation, int64_t e0, int64_t e1);
  /* columns [c0, c1) of d_table [V][rowStride(K)], of all T rows */
  void (*embed_backward)(float *d_table, const int32_t *ids, const float *dx, int64_t K, int64_t T, int64_t c0,
                         int64_t c1);
  void (*causal_softmax)(float *p, int64_t ld, float scale, int64_t position, int64_t columns, int64_t r0, int64_t r1);
  void (*causal_softmax_backward)(float *dp, const float *p, int64_t ld, float scale, int64_t columns, int64_t r0,
                                  int64_t r1);
  void (*cross_entropy)(float *losses, float *logits, const int32_t *targets, float scale, int64_t V, int64_t stride,
                        int64_t t0, int64_t t1);
  /* sums of blocks of 4096 elements */
  void (*sum_squares)(float *sums, const float *x, int64_t count, int64_t b0, int64_t b1);
  void (*adamw)(const bn_adamw_args *args, int64_t e0, int64_t e1);
  double (*multiply_add_peak)(int64_t rounds);
} bn_kernels;

/*
 * Reads [offset, offset + length) of an open file; returns how many bytes there were, fewer at the end of the file or
 * after a failure. Not on Windows, where the descriptors of the runtime mean nothing to another module.
 */
int64_t bn_read_file(int descriptor, int64_t offset, uint8_t *target, int64_t length);

/* Whole pages of a mapped file in [address, address + length) leave this process; they come back when they are read. */
void bn_leave_pages(uint8_t *address, int64_t length);

/*
 * Waits until `count` threads have come to the 64-byte barrier, zero at first. Returns 0 when it gave up since word 3 of
 * the barrier or *gone was set, which tells that some thread will not come.
 */
int bn_barrier(int32_t *barrier, int32_t count, const int32_t *gone);

#endif
