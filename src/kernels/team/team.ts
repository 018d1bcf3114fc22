/**
 * A team of threads on one heap. {@link Team.run} has every member run the same program on the same arguments; the
 * program splits the work and meets at barriers by itself, so there is one message per step and none per operation.
 *
 * A team of zero workers runs programs on the calling thread, for runtimes without shared memory and for tests.
 */
import type { Worker } from '#platform';
import { assert } from '../../base/assert.ts';
import { BitnetError } from '../../base/errors.ts';
import { type Backend, workerScratchBytes } from '../backend.ts';
import { BROKEN_BARRIER } from '../native/bind.ts';
import { breakBarrier, loneMember, type Program } from './member.ts';
import type { DoneMessage, JoinMessage, RunMessage, WorkerFault } from './worker-host.ts';

/** Threads that run programs together. */
export interface Team {
  /** Threads that compute, at least 1. */
  readonly count: number;
  /**
   * Resolves when every member has run `program`. Runs are taken one after the other, in the order of the calls.
   *
   * @throws BitnetError what the program threw, or `team/worker-failed`; after that the team is of no more use
   */
  run(program: string, args: unknown): Promise<void>;
  /** Ends all threads. A run under way is rejected. */
  dispose(): Promise<void>;
}

/** How a team is made. */
export interface TeamOptions {
  readonly backend: Backend;
  /** Worker threads; 0 runs programs on the calling thread. */
  readonly workers: number;
  /** Makes one worker whose module calls serveTeam with the same `programs`. */
  readonly spawn: () => Worker;
  readonly programs: Readonly<Record<string, Program>>;
  /** Private scratch of each member, in bytes. */
  readonly scratchBytes: number;
}

/** Starts a team and waits until every member is bound to the backend. */
export async function createTeam(options: TeamOptions): Promise<Team> {
  return options.workers === 0 ? createInlineTeam(options) : createWorkerTeam(options);
}

/** How long programs may keep the calling thread before the event loop gets a turn. */
const YIELD_AFTER_MS = 30;
/** How long the error of one thread may be under way when another already waits for it in vain. */
const LAST_WORD_MS = 100;

function createInlineTeam({ backend, programs, scratchBytes }: TeamOptions): Team {
  const member = loneMember(backend, backend.heap.allocate(scratchBytes));
  let lastYield = performance.now();
  let disposed = false;
  return {
    count: 1,
    async run(program, args) {
      if (disposed) throw disposedError();
      if (performance.now() - lastYield > YIELD_AFTER_MS) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        lastYield = performance.now();
      }
      programs[program]!(member, args as never);
    },
    async dispose() {
      disposed = true;
    },
  };
}

async function createWorkerTeam({ backend, workers, spawn, scratchBytes }: TeamOptions): Promise<Team> {
  assert(backend.isShared, 'workers need a shared heap');
  const barrier = backend.heap.allocate(64);
  const counter = backend.heap.allocate(64);
  const threads = Array.from({ length: workers }, spawn);
  let pending:
    | { id: number; missing: number; resolve: () => void; reject: (error: Error) => void }
    | undefined;
  let failure: Error | undefined;
  let isEnding = false;
  let lastId = 0;
  let queue: Promise<void> = Promise.resolve();

  const fail = (error: Error) => {
    failure ??= error;
    const waiting = pending;
    pending = undefined;
    waiting?.reject(failure);
  };
  const send = (id: number, messageOf: (index: number) => JoinMessage | RunMessage): Promise<void> => {
    if (failure !== undefined) return Promise.reject(failure);
    return new Promise<void>((resolve, reject) => {
      pending = { id, missing: workers, resolve, reject };
      for (const [index, thread] of threads.entries()) {
        thread.hold(true);
        thread.postMessage(messageOf(index));
      }
    }).finally(() => {
      // Threads that are being ended hold the process until they are: whoever waits for that must not be cut off.
      if (!isEnding) for (const thread of threads) thread.hold(false);
    });
  };
  for (const thread of threads) {
    thread.onerror = (fault) => fail(workerError({ message: fault.message }));
    thread.onmessage = ({ data }) => {
      const { id, error } = data as DoneMessage;
      if (error?.code === BROKEN_BARRIER) {
        // The thread that it waited for has more to say, unless that one is gone without a word.
        setTimeout(() => fail(workerError(error)), LAST_WORD_MS);
        return;
      }
      if (error !== undefined) return fail(workerError(error));
      if (pending?.id === id && --pending.missing === 0) {
        const { resolve } = pending;
        pending = undefined;
        resolve();
      }
    };
  }
  const dispose = async () => {
    isEnding = true;
    fail(disposedError());
    breakBarrier(backend.heap, barrier);
    await Promise.all(threads.map((thread) => thread.terminate()));
  };
  try {
    await send(0, (index) => ({
      kind: 'join',
      share: backend.share,
      index,
      count: workers,
      barrier,
      counter,
      bindScratch: backend.heap.allocate(workerScratchBytes(backend.share)),
      scratch: backend.heap.allocate(scratchBytes),
    }));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    count: workers,
    run(program, args) {
      const id = ++lastId;
      const done = queue.then(() => send(id, () => ({ kind: 'run', id, program, args })));
      queue = done.catch(() => {});
      return done;
    },
    dispose,
  };
}

function workerError({ message, code, details }: WorkerFault): BitnetError {
  if (code !== undefined) return new BitnetError(code, message, { details: details ?? {} });
  return new BitnetError('team/worker-failed', `a compute thread failed: ${message}`);
}

function disposedError(): BitnetError {
  return new BitnetError('model/disposed', 'the model was disposed of; load it again to use it');
}
