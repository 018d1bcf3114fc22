// Threads of a team meet here several times a layer, so the wait spins before it sleeps.
//
// Barrier: i32 arrived, i32 generation, i32 sleepers, each on its own 16 bytes of a cache line.

/** Tens of microseconds of polling: longer than threads with equal shares differ, shorter than waking a sleeper takes. */
const SPINS: i32 = 30000;

export function take(counter: usize): i32 {
  return atomic.add<i32>(counter, 1);
}

export function barrier(at: usize, count: i32): void {
  if (count == 1) return;
  const generation = atomic.load<i32>(at, 16);
  if (atomic.add<i32>(at, 1) + 1 == count) {
    atomic.store<i32>(at, 0);
    atomic.add<i32>(at, 1, 16);
    if (atomic.load<i32>(at, 32) > 0) atomic.notify(at + 16, i32.MAX_VALUE);
    return;
  }
  for (let i: i32 = 0; i < SPINS; i++) {
    if (atomic.load<i32>(at, 16) != generation) return;
  }
  atomic.add<i32>(at, 1, 32);
  while (atomic.load<i32>(at, 16) == generation) atomic.wait<i32>(at + 16, generation, -1);
  atomic.sub<i32>(at, 1, 32);
}
