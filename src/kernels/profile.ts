/**
 * Where a thread's time goes: a member of a team whose operations are timed one by one, the waits at barriers among them.
 * Ordinary members stay as they are, so that only a profiled pass pays for the clock. engine/measurements.ts asks for it.
 */
import type { Kernels } from './kernels.ts';
import type { Member } from './team/member.ts';

/** A timed member, and what it has spent so far. */
export interface Profile {
  readonly member: Member;
  /** f64 milliseconds by operation, in the order of {@link operationNames}. */
  readonly times: Float64Array;
}

/** The operations of these kernels in a fixed order, the same in every thread; `barrier` is one of them. */
export function operationNames(kernels: Kernels): string[] {
  return Object.entries(kernels)
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name)
    .sort();
}

/** A member that does what `member` does and adds up how long each operation takes. */
export function profile(member: Member): Profile {
  const names = operationNames(member.kernels);
  const times = new Float64Array(names.length);
  const timed = <A extends unknown[], R>(name: string, operation: (...args: A) => R) => {
    const index = names.indexOf(name);
    return (...args: A): R => {
      const start = performance.now();
      const result = operation(...args);
      times[index]! += performance.now() - start;
      return result;
    };
  };
  const operations = Object.entries(member.kernels).map(([name, value]) => [
    name,
    typeof value === 'function' ? timed(name, value) : value,
  ]);
  return {
    member: {
      ...member,
      kernels: Object.fromEntries(operations) as Kernels,
      barrier: timed('barrier', () => member.barrier()),
    },
    times,
  };
}
