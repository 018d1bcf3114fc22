/* AVX2: -mavx2 -mfma -mf16c. */
#include "../simd/avx2.h"

#define BN_VARIANT "native-avx2"
#define BN_TABLE bn_avx2
#define BN_TERNARY "../ternary/two-bit.h"
#include "table.h"
