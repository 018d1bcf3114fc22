/*
 * A barrier of 64 bytes: arrived, generation, sleepers, broken. The last to arrive opens the next generation. Others
 * poll for a while, since the threads of a team finish at nearly the same time, and then sleep. They poll without the
 * processor's pause instruction: a hypervisor takes a row of those for a lock whose holder does not run, and lets the
 * virtual processor wait, which made generation on two of them five times slower. A thread that must not
 * be waited for any more is told of by `broken` (of this barrier) or `gone` (of the whole region): who waits then gives
 * up, because the runtime cannot end a thread that is in here.
 */
#include "kernels.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#elif defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

enum { POLLS = 100000, POLLS_BETWEEN_CHECKS = 64 };

typedef struct {
  _Atomic int32_t arrived, generation, sleepers, broken;
} barrier;

/* Sleeps until `generation` is not `old`, for some milliseconds at most. */
static void sleep_on(_Atomic int32_t *generation, int32_t old) {
#if defined(__linux__)
  const struct timespec most = {0, 20000000};
  syscall(SYS_futex, generation, FUTEX_WAIT_PRIVATE, old, &most, NULL, 0);
#elif defined(_WIN32)
  (void)generation, (void)old;
  Sleep(0);
#else
  (void)generation, (void)old;
  const struct timespec moment = {0, 50000};
  nanosleep(&moment, NULL);
#endif
}

static void wake_all(_Atomic int32_t *generation) {
#if defined(__linux__)
  syscall(SYS_futex, generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  (void)generation;
#endif
}

int bn_barrier(int32_t *address, int32_t count, const int32_t *gone) {
  if (count == 1) return 1;
  barrier *b = (barrier *)address;
  const _Atomic int32_t *left = (const _Atomic int32_t *)gone;
  const int32_t generation = atomic_load(&b->generation);
  if (atomic_fetch_add(&b->arrived, 1) + 1 == count) {
    atomic_store(&b->arrived, 0);
    atomic_store(&b->generation, (int32_t)((uint32_t)generation + 1));
    /* Whoever counts as a sleeper only after this load finds the new generation before it sleeps. */
    if (atomic_load(&b->sleepers) > 0) wake_all(&b->generation);
    return 1;
  }
  for (int i = 0; i < POLLS; i++) {
    if (atomic_load_explicit(&b->generation, memory_order_acquire) != generation) return 1;
    if (i % POLLS_BETWEEN_CHECKS == 0 && (atomic_load(&b->broken) || atomic_load(left))) return 0;
  }
  atomic_fetch_add(&b->sleepers, 1);
  int open = 0, broken = 0;
  while (!open && !broken) {
    sleep_on(&b->generation, generation);
    open = atomic_load(&b->generation) != generation;
    broken = atomic_load(&b->broken) || atomic_load(left);
  }
  atomic_fetch_sub(&b->sleepers, 1);
  return open;
}
