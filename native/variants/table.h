/*
 * Fills one bn_kernels table: included last by each variant, after its simd header, with BN_VARIANT (the backend's name)
 * and BN_TABLE (the table's symbol) defined. The including file picks the ternary tile.
 */
#include "../kernels.h"
#include "../simd/tiles.h"
#include "../simd/dense.h"
#include "../simd/exp.h"
#include "../simd/multiply-add.h"
#include "../ops/rows.h"
#include "../ops/quantize.h"
#include "../ops/rope.h"
#include "../ops/kv.h"
#include "../ops/pack.h"
#include "../ops/unpack.h"
#include "../ops/dots.h"
#include "../ops/dense.h"
#include "../ops/int8.h"
#include "../ops/int4.h"
#include "../ops/select.h"
#include "../ops/read.h"
#include "../ops/attention.h"
#include "../ops/training/gemm.h"
#include "../ops/training/weights.h"
#include "../ops/training/rows.h"
#include "../ops/training/softmax.h"
#include "../ops/training/step.h"
#include BN_TERNARY

const bn_kernels BN_TABLE = {
    .name = BN_VARIANT,
    .row_step = BN_ROW_STEP,
    .ternary_bytes = bn_ternary_bytes,
    .int4_bytes = bn_int4_bytes,
    .attention_scratch_bytes = bn_attention_scratch_bytes,
    .unpack_ternary = bn_unpack_ternary,
    .pack_ternary = bn_pack_ternary,
    .pack_int8_rows = bn_pack_int8_rows,
    .pack_int4_rows = bn_pack_int4_rows,
    .embed = bn_embed,
    .embed_int8 = bn_embed_int8,
    .rms_norm = bn_rms_norm,
    .quantize = bn_quantize,
    .quantize16 = bn_quantize16,
    .ternary_matmul = bn_ternary_matmul,
    .dense_matmul = bn_dense_matmul,
    .int8_matmul = bn_int8_matmul,
    .int4_matmul = bn_int4_matmul,
    .dense_rows = bn_dense_rows,
    .select_top = bn_select_top,
    .select_above = bn_select_above,
    .rope = bn_rope,
    .store_kv = bn_store_kv,
    .attention = bn_attention,
    .attention_blocks = bn_attention_blocks,
    .attention_fold = bn_attention_fold,
    .gate = bn_gate,
    .add = bn_add_rows,
    .read_words = bn_read_words,
    .gemm_scratch_bytes = bn_gemm_scratch_bytes,
    .gemm = bn_gemm,
    .abs_sums = bn_abs_sums,
    .quantize_weights = bn_quantize_weights,
    .dequantize = bn_dequantize,
    .rms_norm_backward = bn_rms_norm_backward,
    .rms_norm_weight_gradient = bn_rms_norm_weight_gradient,
    .gate_backward = bn_gate_backward,
    .embed_backward = bn_embed_backward,
    .causal_softmax = bn_causal_softmax,
    .causal_softmax_backward = bn_causal_softmax_backward,
    .cross_entropy = bn_cross_entropy,
    .sum_squares = bn_sum_squares,
    .adamw = bn_adamw,
    .multiply_add_peak = bn_multiply_add_peak,
};
