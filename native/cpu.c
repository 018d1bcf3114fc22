/*
 * Detection of instruction sets: CPUID and XGETBV on x86-64, what the system tells on AArch64. A variant is usable when
 * every set that its file is compiled for is there and the system keeps its registers.
 */
#include "cpu.h"

#include <stddef.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>

extern const bn_kernels bn_avx2, bn_avx_vnni, bn_avx512, bn_avx512_vbmi;

typedef struct {
  uint32_t leaf1c, leaf7b, leaf7c, leaf71a;
  uint64_t states;
} cpu;

static cpu read_cpu(void) {
  cpu c = {0};
  uint32_t a, b, cx, d;
  if (!__get_cpuid(1, &a, &b, &c.leaf1c, &d)) return c;
  if (__get_cpuid_count(7, 0, &a, &c.leaf7b, &c.leaf7c, &d) && a >= 1) __get_cpuid_count(7, 1, &c.leaf71a, &b, &cx, &d);
  if (c.leaf1c & (1u << 27)) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    c.states = ((uint64_t)high << 32) | low;
  }
  return c;
}

static const char *missing_avx2(const cpu *c) {
  int kept = (c->states & 6) == 6;
  const uint32_t with = 1u << 12 | 1u << 29; /* FMA, F16C */
  return kept && (c->leaf7b & (1u << 5)) && (c->leaf1c & with) == with ? NULL : "AVX2";
}

static const char *missing_avx512(const cpu *c) {
  const uint32_t sets = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
  if ((c->states & 0xe6) != 0xe6 || (c->leaf7b & sets) != sets) return "AVX-512";
  return c->leaf7c & (1u << 11) ? NULL : "AVX-512 VNNI";
}

int bn_variants(bn_variant *variants, int capacity) {
  const cpu c = read_cpu();
  const char *avx512 = missing_avx512(&c), *avx2 = missing_avx2(&c);
  const bn_variant all[] = {
      {&bn_avx512_vbmi, avx512 != NULL ? avx512 : c.leaf7c & (1u << 1) ? NULL : "AVX-512 VBMI"},
      {&bn_avx512, avx512},
      {&bn_avx_vnni, avx2 != NULL ? avx2 : c.leaf71a & (1u << 4) ? NULL : "AVX-VNNI"},
      {&bn_avx2, avx2},
  };
  const int count = sizeof all / sizeof *all;
  for (int i = 0; i < count && i < capacity; i++) variants[i] = all[i];
  return count;
}

#elif defined(__aarch64__) || defined(_M_ARM64)

extern const bn_kernels bn_neon, bn_dotprod, bn_i8mm;

#if defined(__linux__)
#include <sys/auxv.h>
/* HWCAP_ASIMDDP and HWCAP2_I8MM of asm/hwcap.h, which older headers lack. */
static int has_dotprod(void) { return (getauxval(AT_HWCAP) >> 20) & 1; }
static int has_i8mm(void) { return (getauxval(AT_HWCAP2) >> 13) & 1; }
#elif defined(__APPLE__)
#include <sys/sysctl.h>
static int has(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}
static int has_dotprod(void) { return has("hw.optional.arm.FEAT_DotProd"); }
static int has_i8mm(void) { return has("hw.optional.arm.FEAT_I8MM"); }
#elif defined(_WIN32)
#include <windows.h>
/* PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE; Windows tells of I8MM only in recent versions, so it is not asked for. */
static int has_dotprod(void) { return IsProcessorFeaturePresent(43); }
static int has_i8mm(void) { return 0; }
#else
static int has_dotprod(void) { return 0; }
static int has_i8mm(void) { return 0; }
#endif

int bn_variants(bn_variant *variants, int capacity) {
  const char *dotprod = has_dotprod() ? NULL : "the dot product instructions of ARMv8.2";
  const bn_variant all[] = {
      {&bn_i8mm, dotprod != NULL ? dotprod : has_i8mm() ? NULL : "the 8-bit matrix instructions (I8MM)"},
      {&bn_dotprod, dotprod},
      {&bn_neon, NULL},
  };
  const int count = sizeof all / sizeof *all;
  for (int i = 0; i < count && i < capacity; i++) variants[i] = all[i];
  return count;
}

#else
#error "native/ is for x86-64 and AArch64"
#endif
