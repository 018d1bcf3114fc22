/* AVX-512 F, BW, DQ, VL and VNNI, ternary weights in 2-bit fields. */
#include "../simd/avx512.h"

#define BN_VARIANT "native-avx512"
#define BN_TABLE bn_avx512
#define BN_TERNARY "../ternary/two-bit.h"
#include "table.h"
