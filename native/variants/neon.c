/* NEON as every AArch64 processor has it. */
#include "../simd/neon.h"

#define BN_VARIANT "native-neon"
#define BN_TABLE bn_neon
#define BN_TERNARY "../ternary/two-bit.h"
#include "table.h"
