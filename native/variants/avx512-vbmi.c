/* AVX-512 VNNI and VBMI, five ternary weights in a byte. */
#include "../simd/avx512.h"

#define BN_VARIANT "native-avx512-vbmi"
#define BN_TABLE bn_avx512_vbmi
#define BN_TERNARY "../ternary/base3.h"
#include "table.h"
