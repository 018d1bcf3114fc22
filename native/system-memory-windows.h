/* system-memory.h for Windows: pages are reserved first and committed as a heap grows. */
#include <windows.h>

typedef SRWLOCK bn_lock;
#define BN_LOCK_INITIALIZER SRWLOCK_INIT
static inline void bn_lock_take(bn_lock *lock) { AcquireSRWLockExclusive(lock); }
static inline void bn_lock_give(bn_lock *lock) { ReleaseSRWLockExclusive(lock); }

static inline uint8_t *bn_system_reserve(uint64_t bytes) {
  return VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_READWRITE);
}

/* Large pages need a privilege that programs do not have by default. */
static inline void bn_system_advise_huge(uint8_t *address, uint64_t bytes) { (void)address, (void)bytes; }

static inline int bn_system_commit(uint8_t *address, uint64_t bytes) {
  return VirtualAlloc(address, bytes, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

/* Decommitted and committed again, pages are zero. */
static inline int bn_system_discard(uint8_t *address, uint64_t bytes) {
  return VirtualFree(address, bytes, MEM_DECOMMIT) && bn_system_commit(address, bytes);
}

static inline void bn_system_release(uint8_t *span, uint64_t bytes, int is_file) {
  (void)bytes;
  if (is_file) UnmapViewOfFile(span);
  else VirtualFree(span, 0, MEM_RELEASE);
}

static inline uint8_t *bn_system_map(const char *path, uint64_t offset, uint64_t length, uint64_t *before,
                                     const char **reason) {
  WCHAR wide[32768];
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  *reason = "the file cannot be opened";
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, 32768) == 0) return NULL;
  HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                            OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
  if (file == INVALID_HANDLE_VALUE) return NULL;
  LARGE_INTEGER size;
  uint8_t *span = NULL;
  *before = offset % system.dwAllocationGranularity;
  if (!GetFileSizeEx(file, &size) || offset > (uint64_t)size.QuadPart || length > (uint64_t)size.QuadPart - offset ||
      length == 0) {
    *reason = "the file is shorter than what is to be mapped";
  } else {
    *reason = "the system does not map this file";
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    if (mapping != NULL) {
      const uint64_t from = offset - *before;
      span = MapViewOfFile(mapping, FILE_MAP_READ, (DWORD)(from >> 32), (DWORD)from, *before + length);
      CloseHandle(mapping);
    }
  }
  CloseHandle(file);
  return span;
}

static inline uint64_t bn_system_physical_bytes(void) {
  MEMORYSTATUSEX status = {.dwLength = sizeof status};
  return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}
