/* NEON with dot products: -march=armv8.2-a+dotprod. */
#include "../simd/neon.h"

#define BN_VARIANT "native-dotprod"
#define BN_TABLE bn_dotprod
#define BN_TERNARY "../ternary/two-bit.h"
#include "table.h"
