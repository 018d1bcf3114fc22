/* Model files as the threads that pack them see them: reading at any offset, and pages that were mapped. */
#include "kernels.h"

#if defined(_WIN32)

int64_t bn_read_file(int descriptor, int64_t offset, uint8_t *target, int64_t length) {
  (void)descriptor, (void)offset, (void)target, (void)length;
  return 0;
}

void bn_leave_pages(uint8_t *address, int64_t length) { (void)address, (void)length; }

#else

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int64_t bn_read_file(int descriptor, int64_t offset, uint8_t *target, int64_t length) {
  int64_t done = 0;
  while (done < length) {
    const ssize_t count = pread(descriptor, target + done, (size_t)(length - done), (off_t)(offset + done));
    if (count > 0) done += count;
    else if (count == 0 || errno != EINTR) break;
  }
  return done;
}

void bn_leave_pages(uint8_t *address, int64_t length) {
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t from = ((uintptr_t)address + page - 1) / page * page;
  const uintptr_t to = ((uintptr_t)address + (uintptr_t)length) / page * page;
  if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
}

#endif
