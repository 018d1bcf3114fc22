/** The ternary operations of a variant with 2-bit tiles, for the instruction set that its simd header has chosen. */
#include "tile-two-bit.h"
#if defined(__AVX512F__)
#include "avx512.h"
#elif defined(__AVX2__)
#include "avx2.h"
#else
#include "neon.h"
#endif
#include "product.h"
