/*
 * The operations of one variant as JavaScript functions. Each takes plain numbers: addresses (below 2^53, so exact),
 * dims and scalars, and calls the function of the table that it was made for.
 */
#include "binding.h"

enum { MOST_ARGUMENTS = 20 };

void *bn_numbers(napi_env env, napi_callback_info info, double *numbers, size_t count) {
  napi_value values[MOST_ARGUMENTS];
  size_t given = MOST_ARGUMENTS;
  void *data = NULL;
  napi_get_cb_info(env, info, &given, values, NULL, &data);
  for (size_t i = 0; i < count; i++) {
    if (given <= MOST_ARGUMENTS && i < given && napi_get_value_double(env, values[i], &numbers[i]) == napi_ok) continue;
    napi_throw_type_error(env, NULL, "a native operation was called with too few numbers");
    return NULL;
  }
  return data;
}

void bn_define(napi_env env, napi_value object, const char *name, napi_callback callback, const void *data) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, (void *)data, &function) != napi_ok) return;
  napi_set_named_property(env, object, name, function);
}

static napi_value number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

/* Argument i as an address, an integer, a float. */
#define P(type, i) ((type *)(uintptr_t)v[i])
#define I(i) ((int64_t)v[i])
#define S(i) ((int32_t)v[i])
#define F(i) ((float)v[i])

/* A function of `count` numbers that returns nothing, and one that returns the number `expression`. */
#define OPERATION(name, count, statement)                               \
  static napi_value name(napi_env env, napi_callback_info info) {       \
    double v[(count) + 1];                                              \
    const bn_kernels *k = bn_numbers(env, info, v, count);              \
    if (k != NULL) k->statement;                                        \
    return NULL;                                                        \
  }
#define QUESTION(name, count, expression)                               \
  static napi_value name(napi_env env, napi_callback_info info) {       \
    double v[(count) + 1];                                              \
    const bn_kernels *k = bn_numbers(env, info, v, count);              \
    return k == NULL ? NULL : number(env, (double)(expression));        \
  }

/* AttentionArgs in its order. */
static bn_attention_args attention_args(const double *v) {
  return (bn_attention_args){
      .out = P(float, 0),
      .out_stride = I(1),
      .q = P(const float, 2),
      .blocks = P(const double, 3),
      .keys = I(4),
      .values = I(5),
      .format = S(6),
      .scratch = P(void, 7),
      .scale = F(8),
      .heads = I(9),
      .kv_heads = I(10),
      .head_length = I(11),
      .position = I(12),
      .tokens = I(13),
  };
}

QUESTION(ternary_bytes, 2, k->ternary_bytes(I(0), I(1)))
QUESTION(int4_bytes, 2, k->int4_bytes(I(0), I(1)))
QUESTION(activation_bytes, 1, bn_activation_bytes(I(0)))
QUESTION(attention_scratch_bytes, 3, k->attention_scratch_bytes(I(0), I(1), I(2)))
QUESTION(unpack_ternary, 4, k->unpack_ternary(P(uint8_t, 0), P(const uint8_t, 1), S(2), I(3)))
OPERATION(pack_ternary, 5, pack_ternary(P(uint8_t, 0), P(const uint8_t, 1), I(2), I(3), I(4)))
OPERATION(pack_int8_rows, 7,
          pack_int8_rows(P(int8_t, 0), P(float, 1), P(const uint8_t, 2), S(3), I(4), I(5), I(6)))
OPERATION(pack_int4_rows, 8,
          pack_int4_rows(P(uint8_t, 0), P(float, 1), P(float, 2), P(const uint8_t, 3), S(4), I(5), I(6), I(7)))
OPERATION(embed, 8, embed(P(float, 0), P(const int32_t, 1), P(const uint8_t, 2), S(3), F(4), I(5), I(6), I(7)))
OPERATION(embed_int8, 8,
          embed_int8(P(float, 0), P(const int32_t, 1), P(const int8_t, 2), P(const float, 3), F(4), I(5), I(6), I(7)))
OPERATION(rms_norm, 7, rms_norm(P(float, 0), P(const float, 1), P(const float, 2), v[3], I(4), I(5), I(6)))
OPERATION(quantize, 5, quantize(P(uint8_t, 0), P(const float, 1), I(2), I(3), I(4)))
OPERATION(quantize16, 5, quantize16(P(uint8_t, 0), P(const float, 1), I(2), I(3), I(4)))
OPERATION(ternary_matmul, 10,
          ternary_matmul(P(float, 0), I(1), P(const uint8_t, 2), P(const uint8_t, 3), F(4), I(5), I(6), S(7), I(8), I(9)))
OPERATION(dense_matmul, 10,
          dense_matmul(P(float, 0), I(1), P(const float, 2), P(const uint8_t, 3), S(4), I(5), I(6), S(7), I(8), I(9)))
OPERATION(int8_matmul, 9,
          int8_matmul(P(float, 0), I(1), P(const uint8_t, 2), P(const int8_t, 3), P(const float, 4), I(5), I(6), I(7), I(8)))
OPERATION(int4_matmul, 9,
          int4_matmul(P(float, 0), I(1), P(const uint8_t, 2), P(const uint8_t, 3), P(const float, 4), I(5), I(6), I(7),
                      I(8)))
OPERATION(dense_rows, 8,
          dense_rows(P(float, 0), P(const float, 1), P(const uint8_t, 2), S(3), I(4), P(const int32_t, 5), I(6), I(7)))
QUESTION(select_top, 5, k->select_top(P(int32_t, 0), P(const float, 1), I(2), I(3), I(4)))
QUESTION(select_above, 8,
         k->select_above(P(int32_t, 0), P(const float, 1), P(const float, 2), F(3), F(4), I(5), I(6), I(7)))
OPERATION(rope, 10,
          rope(P(float, 0), P(const float, 1), I(2), P(const int32_t, 3), P(const double, 4), S(5), I(6), I(7), I(8), I(9)))
OPERATION(store_kv, 11,
          store_kv(P(const double, 0), I(1), S(2), P(const float, 3), I(4), I(5), I(6), I(7), I(8), I(9), I(10)))
OPERATION(gate, 8, gate(P(float, 0), P(const float, 1), P(const float, 2), S(3), I(4), I(5), I(6), I(7)))
OPERATION(add, 7, add(P(float, 0), I(1), P(const float, 2), I(3), I(4), I(5), I(6)))
QUESTION(read_file, 4, bn_read_file((int)v[0], I(1), P(uint8_t, 2), I(3)))
QUESTION(take, 1, __atomic_fetch_add(P(int32_t, 0), 1, __ATOMIC_RELAXED))
QUESTION(leave_pages, 2, (bn_leave_pages(P(uint8_t, 0), I(1)), 0))
QUESTION(read_words, 2, k->read_words(P(const uint8_t, 0), I(1)))

QUESTION(gemm_scratch_bytes, 0, k->gemm_scratch_bytes())
OPERATION(gemm, 13,
          gemm(P(float, 0), I(1), P(const float, 2), I(3), P(const float, 4), I(5), S(6), I(7), I(8), S(9), P(void, 10),
               I(11), I(12)))
OPERATION(abs_sums, 5, abs_sums(P(float, 0), P(const float, 1), I(2), I(3), I(4)))
OPERATION(quantize_weights, 8,
          quantize_weights(P(uint8_t, 0), P(float, 1), P(int32_t, 2), P(const float, 3), F(4), I(5), I(6), I(7)))
OPERATION(dequantize, 5, dequantize(P(float, 0), P(const uint8_t, 1), I(2), I(3), I(4)))
OPERATION(rms_norm_backward, 10,
          rms_norm_backward(P(float, 0), P(float, 1), P(const float, 2), P(const float, 3), P(const float, 4), v[5], I(6),
                            S(7), I(8), I(9)))
OPERATION(rms_norm_weight_gradient, 8,
          rms_norm_weight_gradient(P(float, 0), P(const float, 1), P(const float, 2), P(const float, 3), I(4), I(5), I(6),
                                   I(7)))
OPERATION(gate_backward, 8,
          gate_backward(P(float, 0), P(float, 1), P(const float, 2), P(const float, 3), P(const float, 4), S(5), I(6),
                        I(7)))
OPERATION(embed_backward, 7,
          embed_backward(P(float, 0), P(const int32_t, 1), P(const float, 2), I(3), I(4), I(5), I(6)))
OPERATION(causal_softmax, 7, causal_softmax(P(float, 0), I(1), F(2), I(3), I(4), I(5), I(6)))
OPERATION(causal_softmax_backward, 7,
          causal_softmax_backward(P(float, 0), P(const float, 1), I(2), F(3), I(4), I(5), I(6)))
OPERATION(cross_entropy, 8,
          cross_entropy(P(float, 0), P(float, 1), P(const int32_t, 2), F(3), I(4), I(5), I(6), I(7)))
OPERATION(sum_squares, 5, sum_squares(P(float, 0), P(const float, 1), I(2), I(3), I(4)))
QUESTION(multiply_add_peak, 1, k->multiply_add_peak(I(0)))

static napi_value attention(napi_env env, napi_callback_info info) {
  double v[16];
  const bn_kernels *k = bn_numbers(env, info, v, 16);
  if (k == NULL) return NULL;
  const bn_attention_args args = attention_args(v);
  k->attention(&args, I(14), I(15));
  return NULL;
}

static napi_value attention_blocks(napi_env env, napi_callback_info info) {
  double v[17];
  const bn_kernels *k = bn_numbers(env, info, v, 17);
  if (k == NULL) return NULL;
  const bn_attention_args args = attention_args(v + 1);
  k->attention_blocks(P(float, 0), &args, I(15), I(16));
  return NULL;
}

static napi_value attention_fold(napi_env env, napi_callback_info info) {
  double v[17];
  const bn_kernels *k = bn_numbers(env, info, v, 17);
  if (k == NULL) return NULL;
  const bn_attention_args args = attention_args(v + 1);
  k->attention_fold(P(const float, 0), &args, I(15), I(16));
  return NULL;
}

static napi_value adamw(napi_env env, napi_callback_info info) {
  double v[14];
  const bn_kernels *k = bn_numbers(env, info, v, 14);
  if (k == NULL) return NULL;
  const bn_adamw_args args = {
      .w = P(float, 0),
      .m = P(float, 1),
      .v = P(float, 2),
      .g = P(const float, 3),
      .learning_rate = v[4],
      .beta1 = v[5],
      .beta2 = v[6],
      .epsilon = v[7],
      .weight_decay = v[8],
      .gradient_scale = v[9],
      .correction1 = v[10],
      .correction2 = v[11],
  };
  k->adamw(&args, I(12), I(13));
  return NULL;
}

napi_value bn_operations(napi_env env, const bn_kernels *kernels) {
  static const struct {
    const char *name;
    napi_callback callback;
  } all[] = {
      {"ternaryBytes", ternary_bytes},
      {"int4Bytes", int4_bytes},
      {"activationBytes", activation_bytes},
      {"attentionScratchBytes", attention_scratch_bytes},
      {"unpackTernary", unpack_ternary},
      {"packTernary", pack_ternary},
      {"packInt8Rows", pack_int8_rows},
      {"packInt4Rows", pack_int4_rows},
      {"embed", embed},
      {"embedInt8", embed_int8},
      {"rmsNorm", rms_norm},
      {"quantize", quantize},
      {"quantize16", quantize16},
      {"ternaryMatmul", ternary_matmul},
      {"denseMatmul", dense_matmul},
      {"int8Matmul", int8_matmul},
      {"int4Matmul", int4_matmul},
      {"denseRows", dense_rows},
      {"selectTop", select_top},
      {"selectAbove", select_above},
      {"rope", rope},
      {"storeKv", store_kv},
      {"attention", attention},
      {"attentionBlocks", attention_blocks},
      {"attentionFold", attention_fold},
      {"gate", gate},
      {"add", add},
      {"readWords", read_words},
      {"gemmScratchBytes", gemm_scratch_bytes},
      {"gemm", gemm},
      {"absSums", abs_sums},
      {"quantizeWeights", quantize_weights},
      {"dequantize", dequantize},
      {"rmsNormBackward", rms_norm_backward},
      {"rmsNormWeightGradient", rms_norm_weight_gradient},
      {"gateBackward", gate_backward},
      {"embedBackward", embed_backward},
      {"causalSoftmax", causal_softmax},
      {"causalSoftmaxBackward", causal_softmax_backward},
      {"crossEntropy", cross_entropy},
      {"sumSquares", sum_squares},
      {"adamw", adamw},
      {"multiplyAddPeak", multiply_add_peak},
      {"take", take},
      {"readFile", read_file},
      {"leavePages", leave_pages},
  };
  napi_value object = NULL;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) bn_define(env, object, all[i].name, all[i].callback, kernels);
  return object;
}
