/* AVX2 with 256-bit VNNI: -mavx2 -mfma -mf16c -mavxvnni. */
#include "../simd/avx2.h"

#define BN_VARIANT "native-avx-vnni"
#define BN_TABLE bn_avx_vnni
#define BN_TERNARY "../ternary/two-bit.h"
#include "table.h"
