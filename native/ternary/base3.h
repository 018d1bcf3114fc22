/** The ternary operations of a variant with base-3 tiles; lookups of 81 bytes need AVX-512 VBMI. */
#include "tile-base3.h"
#include "avx512.h"
#include "product.h"
