/* What the optimiser does with gradients: their size, and a step of AdamW (arXiv:1711.05101). */
#ifndef BN_TRAINING_STEP_H
#define BN_TRAINING_STEP_H

/* SQUARES_BLOCK of training-kernels.ts. */
enum { BN_SQUARES_BLOCK = 4096 };

static void bn_sum_squares(float *sums, const float *x, int64_t count, int64_t b0, int64_t b1) {
  for (int64_t block = b0; block < b1; block++) {
    const int64_t start = block * BN_SQUARES_BLOCK;
    const int64_t n = count - start < BN_SQUARES_BLOCK ? count - start : BN_SQUARES_BLOCK;
    const float *from = x + start;
    v16 even = bn_zero(), odd = even;
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
      const v16 a = bn_load(from + i), b = bn_load(from + i + 16);
      even = bn_fma(a, a, even);
      odd = bn_fma(b, b, odd);
    }
    for (; i < n; i += 16) {
      const v16 a = bn_load_first(from + i, n - i < 16 ? n - i : 16);
      even = bn_fma(a, a, even);
    }
    sums[block] = bn_fold(bn_add(even, odd));
  }
}

static void bn_adamw(const bn_adamw_args *args, int64_t e0, int64_t e1) {
  const v16 gradient_scale = bn_set1((float)args->gradient_scale), beta1 = bn_set1((float)args->beta1),
            beta2 = bn_set1((float)args->beta2), rest1 = bn_set1((float)(1 - args->beta1)),
            rest2 = bn_set1((float)(1 - args->beta2)), inverse1 = bn_set1((float)(1 / args->correction1)),
            inverse2 = bn_set1((float)(1 / args->correction2)), epsilon = bn_set1((float)args->epsilon),
            decay = bn_set1((float)args->weight_decay), rate = bn_set1((float)-args->learning_rate);
  for (int64_t e = e0; e < e1; e += 16) {
    const int64_t n = e1 - e < 16 ? e1 - e : 16;
    const v16 gradient = bn_mul(bn_load_first(args->g + e, n), gradient_scale), w = bn_load_first(args->w + e, n);
    const v16 mean = bn_fma(bn_load_first(args->m + e, n), beta1, bn_mul(gradient, rest1));
    const v16 square = bn_fma(bn_load_first(args->v + e, n), beta2, bn_mul(bn_mul(gradient, gradient), rest2));
    const v16 size = bn_add(bn_sqrt(bn_mul(square, inverse2)), epsilon);
    const v16 step = bn_fma(decay, w, bn_div(bn_mul(mean, inverse1), size));
    bn_store_first(args->m + e, mean, n);
    bn_store_first(args->v + e, square, n);
    bn_store_first(args->w + e, bn_fma(rate, step, w), n);
  }
}

#endif
