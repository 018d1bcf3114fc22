/* What region.c asks of the system: address space, pages, mapped files, a lock. POSIX, and Windows. */
#ifndef BN_SYSTEM_MEMORY_H
#define BN_SYSTEM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define BN_HUGE_PAGE (UINT64_C(2) << 20)
/* Every page size that AArch64 and x86-64 systems use divides it. */
#define BN_CLEAR_PAGE (UINT64_C(64) << 10)
/* Below this, zeroing costs less than giving pages back and getting them again. */
#define BN_LEAST_DISCARD (UINT64_C(1) << 20)

#if defined(_WIN32)
#include "system-memory-windows.h"
#else
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

typedef pthread_mutex_t bn_lock;
#define BN_LOCK_INITIALIZER PTHREAD_MUTEX_INITIALIZER
static inline void bn_lock_take(bn_lock *lock) { pthread_mutex_lock(lock); }
static inline void bn_lock_give(bn_lock *lock) { pthread_mutex_unlock(lock); }

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

static inline uint8_t *bn_system_reserve(uint64_t bytes) {
  void *span = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return span == MAP_FAILED ? NULL : span;
}

static inline void bn_system_advise_huge(uint8_t *address, uint64_t bytes) {
#ifdef MADV_HUGEPAGE
  madvise(address, bytes, MADV_HUGEPAGE);
#else
  (void)address, (void)bytes;
#endif
}

/* Pages come with the first touch. */
static inline int bn_system_commit(uint8_t *address, uint64_t bytes) {
  (void)address, (void)bytes;
  return 1;
}

/* Zeroes whole pages by giving them back; 0 where the system does not promise zeros. */
static inline int bn_system_discard(uint8_t *address, uint64_t bytes) {
#ifdef __linux__
  return madvise(address, bytes, MADV_DONTNEED) == 0;
#else
  void *fresh = mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return fresh != MAP_FAILED;
#endif
}

static inline void bn_system_release(uint8_t *span, uint64_t bytes, int is_file) {
  (void)is_file;
  munmap(span, bytes);
}

static inline uint8_t *bn_system_map(int file, uint64_t offset, uint64_t length, uint64_t *before, const char **reason) {
  /* Not fstat, whose symbol would tie the module to a newer C library. Nobody reads from where this leaves the file. */
  const off_t size = lseek(file, 0, SEEK_END);
  *before = offset % (uint64_t)sysconf(_SC_PAGESIZE);
  if (size < 0 || offset > (uint64_t)size || length > (uint64_t)size - offset || length == 0) {
    *reason = size < 0 ? "this is no open file" : "the file is shorter than what is to be mapped";
    return NULL;
  }
  void *span = mmap(NULL, *before + length, PROT_READ, MAP_PRIVATE, file, (off_t)(offset - *before));
  if (span != MAP_FAILED) return span;
  *reason = "the system does not map this file";
  return NULL;
}

static inline uint64_t bn_system_physical_bytes(void) {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}
#endif

#endif
