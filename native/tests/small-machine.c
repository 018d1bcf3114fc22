/*
 * Preloaded under an emulator, makes the machine one of 1 GiB, as small boards are. An emulator keeps tables of all address
 * space that is reserved, and a heap reserves as much as there is memory: on a large machine that takes it longer than tests.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

long sysconf(int name) {
  static long (*system_sysconf)(int);
  if (system_sysconf == NULL) system_sysconf = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
  if (name == _SC_PHYS_PAGES) return (1L << 30) / system_sysconf(_SC_PAGESIZE);
  return system_sysconf(name);
}
