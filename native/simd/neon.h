/*
 * Sixteen lanes on NEON (AArch64): four registers, `r[0]` with lanes 0-3 (bytes 0-15) to `r[3]` with 12-15. With
 * __ARM_FEATURE_DOTPROD the dot products use it. The vocabulary is described in avx512.h.
 */
#ifndef BN_SIMD_H
#define BN_SIMD_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define BN_INLINE static inline __attribute__((always_inline, unused))

typedef struct {
  float32x4_t r[4];
} v16;
typedef struct {
  int32x4_t r[4];
} v16i;
typedef struct {
  float64x2_t r[4];
} v8d;
typedef struct {
  int8x16_t r[4];
} v64;

/* Four registers by one expression over the index i. */
#define BN_FOUR(type, expression) \
  type result;                    \
  for (int i = 0; i < 4; i++) result.r[i] = expression; \
  return result

/* --- f32 --- */
BN_INLINE v16 bn_load(const float *p) { BN_FOUR(v16, vld1q_f32(p + 4 * i)); }
BN_INLINE void bn_store(float *p, v16 x) {
  for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, x.r[i]);
}
BN_INLINE v16 bn_load_part(const float *p, int64_t n) {
  float lanes[16] = {0};
  memcpy(lanes, p, (size_t)n * sizeof(float));
  return bn_load(lanes);
}
BN_INLINE void bn_store_part(float *p, v16 x, int64_t n) {
  float lanes[16];
  bn_store(lanes, x);
  memcpy(p, lanes, (size_t)n * sizeof(float));
}
BN_INLINE v16 bn_set1(float x) { BN_FOUR(v16, vdupq_n_f32(x)); }
BN_INLINE v16 bn_zero(void) { return bn_set1(0); }
BN_INLINE v16 bn_add(v16 x, v16 y) { BN_FOUR(v16, vaddq_f32(x.r[i], y.r[i])); }
BN_INLINE v16 bn_sub(v16 x, v16 y) { BN_FOUR(v16, vsubq_f32(x.r[i], y.r[i])); }
BN_INLINE v16 bn_mul(v16 x, v16 y) { BN_FOUR(v16, vmulq_f32(x.r[i], y.r[i])); }
BN_INLINE v16 bn_mul_each(v16 x, const float *p) { return bn_mul(x, bn_set1(*p)); }
BN_INLINE v16 bn_div(v16 x, v16 y) { BN_FOUR(v16, vdivq_f32(x.r[i], y.r[i])); }
BN_INLINE v16 bn_max(v16 x, v16 y) { BN_FOUR(v16, vmaxq_f32(x.r[i], y.r[i])); }
BN_INLINE v16 bn_min(v16 x, v16 y) { BN_FOUR(v16, vminq_f32(x.r[i], y.r[i])); }
BN_INLINE v16 bn_abs(v16 x) { BN_FOUR(v16, vabsq_f32(x.r[i])); }
BN_INLINE v16 bn_neg(v16 x) { BN_FOUR(v16, vnegq_f32(x.r[i])); }
BN_INLINE v16 bn_round(v16 x) { BN_FOUR(v16, vrndnq_f32(x.r[i])); }
BN_INLINE float bn_fold(v16 x) {
  float32x4_t four = vaddq_f32(vaddq_f32(x.r[0], x.r[2]), vaddq_f32(x.r[1], x.r[3]));
  float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
BN_INLINE float bn_fold_max(v16 x) {
  return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.r[0], x.r[2]), vmaxq_f32(x.r[1], x.r[3])));
}

/* --- widening loads of 16 elements, narrowing stores --- */
BN_INLINE v16 bn_load_half(const uint16_t *p) {
  BN_FOUR(v16, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))));
}
BN_INLINE float bn_half1(uint16_t x) {
  return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(x))), 0);
}
BN_INLINE void bn_store_half(uint16_t *p, v16 x) {
  for (int i = 0; i < 4; i++) vst1_u16(p + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(x.r[i])));
}
BN_INLINE v16 bn_load_bf16(const uint16_t *p) {
  BN_FOUR(v16, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)));
}
BN_INLINE v16i bn_load_i8i(const int8_t *p) {
  int8x16_t bytes = vld1q_s8(p);
  int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
  return (v16i){{vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)}};
}
BN_INLINE v16 bn_from_int(v16i x) { BN_FOUR(v16, vcvtq_f32_s32(x.r[i])); }
BN_INLINE v16 bn_load_i8(const int8_t *p) { return bn_from_int(bn_load_i8i(p)); }
BN_INLINE void bn_store_i8(int8_t *p, v16i x) {
  int16x8_t low = vqmovn_high_s32(vqmovn_s32(x.r[0]), x.r[1]), high = vqmovn_high_s32(vqmovn_s32(x.r[2]), x.r[3]);
  vst1q_s8(p, vqmovn_high_s16(vqmovn_s16(low), high));
}

/* --- int32 --- */
BN_INLINE v16i bn_iset1(int32_t x) { BN_FOUR(v16i, vdupq_n_s32(x)); }
BN_INLINE v16i bn_izero(void) { return bn_iset1(0); }
BN_INLINE v16i bn_iload(const int32_t *p) { BN_FOUR(v16i, vld1q_s32(p + 4 * i)); }
BN_INLINE void bn_istore(int32_t *p, v16i x) {
  for (int i = 0; i < 4; i++) vst1q_s32(p + 4 * i, x.r[i]);
}
BN_INLINE v16i bn_iadd(v16i x, v16i y) { BN_FOUR(v16i, vaddq_s32(x.r[i], y.r[i])); }
BN_INLINE v16i bn_isub(v16i x, v16i y) { BN_FOUR(v16i, vsubq_s32(x.r[i], y.r[i])); }
BN_INLINE v16i bn_imin(v16i x, v16i y) { BN_FOUR(v16i, vminq_s32(x.r[i], y.r[i])); }
BN_INLINE v16i bn_imax(v16i x, v16i y) { BN_FOUR(v16i, vmaxq_s32(x.r[i], y.r[i])); }
BN_INLINE v16i bn_ishl(v16i x, int bits) { BN_FOUR(v16i, vshlq_s32(x.r[i], vdupq_n_s32(bits))); }
BN_INLINE v16i bn_isar(v16i x, int bits) { BN_FOUR(v16i, vshlq_s32(x.r[i], vdupq_n_s32(-bits))); }
BN_INLINE int32_t bn_ifold(v16i x) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(x.r[0], x.r[1]), vaddq_s32(x.r[2], x.r[3])));
}
BN_INLINE int32_t bn_ifold_max(v16i x) {
  return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.r[0], x.r[1]), vmaxq_s32(x.r[2], x.r[3])));
}
BN_INLINE v16i bn_to_int(v16 x) { BN_FOUR(v16i, vcvtnq_s32_f32(x.r[i])); }
/* vmax and vmin hand on what is no number, and the conversion makes it 0. */
BN_INLINE v16i bn_to_int_within(v16 x, float low, float high) {
  return bn_to_int(bn_min(bn_max(x, bn_set1(low)), bn_set1(high)));
}
BN_INLINE v16 bn_as_float(v16i x) { BN_FOUR(v16, vreinterpretq_f32_s32(x.r[i])); }
BN_INLINE v16i bn_as_int(v16 x) { BN_FOUR(v16i, vreinterpretq_s32_f32(x.r[i])); }

/* --- f64, eight at a time, from and to f32 in memory --- */
BN_INLINE v8d bn_dload(const double *p) { BN_FOUR(v8d, vld1q_f64(p + 2 * i)); }
BN_INLINE v8d bn_dload_float(const float *p) { BN_FOUR(v8d, vcvt_f64_f32(vld1_f32(p + 2 * i))); }
BN_INLINE void bn_dstore_float(float *p, v8d x) {
  for (int i = 0; i < 4; i++) vst1_f32(p + 2 * i, vcvt_f32_f64(x.r[i]));
}
BN_INLINE v8d bn_dadd(v8d x, v8d y) { BN_FOUR(v8d, vaddq_f64(x.r[i], y.r[i])); }
BN_INLINE v8d bn_dsub(v8d x, v8d y) { BN_FOUR(v8d, vsubq_f64(x.r[i], y.r[i])); }
BN_INLINE v8d bn_dmul(v8d x, v8d y) { BN_FOUR(v8d, vmulq_f64(x.r[i], y.r[i])); }

/* --- dot products of bytes --- */
#define BN_DOT_BIAS 0
BN_INLINE v64 bn_bytes(const void *p) { BN_FOUR(v64, vld1q_s8((const int8_t *)p + 16 * i)); }
BN_INLINE v64 bn_dot_weights(v64 w) { return w; }
#ifdef __ARM_FEATURE_DOTPROD
BN_INLINE int32x4_t bn_dot16(int32x4_t acc, int8x16_t w, int8x16_t q) { return vdotq_s32(acc, w, q); }
#else
/* Two products of -128 by -128 reach 32768, so pairs are widened one by one. */
BN_INLINE int32x4_t bn_dot16(int32x4_t acc, int8x16_t w, int8x16_t q) {
  acc = vpadalq_s16(acc, vmull_s8(vget_low_s8(w), vget_low_s8(q)));
  return vpadalq_s16(acc, vmull_high_s8(w, q));
}
#endif
BN_INLINE v16i bn_dot(v16i acc, v64 w, v64 q) { BN_FOUR(v16i, bn_dot16(acc.r[i], w.r[i], q.r[i])); }

BN_INLINE v64 bn_bytes_xor(v64 x, v64 y) { BN_FOUR(v64, veorq_s8(x.r[i], y.r[i])); }
BN_INLINE int32_t bn_bytes_xor_fold(v64 x) {
  int8x16_t one = veorq_s8(veorq_s8(x.r[0], x.r[1]), veorq_s8(x.r[2], x.r[3]));
  int32x4_t words = vreinterpretq_s32_s8(one);
  return vgetq_lane_s32(words, 0) ^ vgetq_lane_s32(words, 1) ^ vgetq_lane_s32(words, 2) ^ vgetq_lane_s32(words, 3);
}

BN_INLINE void bn_prefetch(const void *p) { __builtin_prefetch(p); }

#endif
