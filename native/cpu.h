/* Which instruction sets this processor and its system offer. */
#ifndef BN_CPU_H
#define BN_CPU_H

#include "kernels.h"

/* One variant that this binary was built with. */
typedef struct bn_variant {
  const bn_kernels *kernels;
  /* What the processor lacks to run it, as in "AVX-512 VBMI", or NULL when it can. */
  const char *missing;
} bn_variant;

/* All variants of this binary, the fastest first; writes at most `capacity` and returns how many there are. */
int bn_variants(bn_variant *variants, int capacity);

#endif
