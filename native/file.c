/* Reading of model files by the threads that pack them: straight to where the bytes are wanted, at any offset. */
#include "kernels.h"

#if defined(_WIN32)

int64_t bn_read_file(int descriptor, int64_t offset, uint8_t *target, int64_t length) {
  (void)descriptor, (void)offset, (void)target, (void)length;
  return 0;
}

#else

#include <errno.h>
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

#endif
