/* NEON with dot products and 8-bit matrix products: -march=armv8.2-a+dotprod+i8mm. */
#include "../simd/neon.h"

#define BN_VARIANT "native-i8mm"
#define BN_TABLE bn_i8mm
#define BN_TERNARY "../ternary/two-bit.h"
#include "table.h"
