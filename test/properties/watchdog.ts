/**
 * Ends the process when one input takes far too long, which a test's own timeout cannot do while the thread is busy. A
 * thread of its own watches a counter in shared memory; it never decides whether a test passes, only that a hang ends.
 */
import { Worker } from 'node:worker_threads';

const LIMIT_SECONDS = 20;

const WATCH = `
  const { workerData: { state, limit } } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  let last = -1;
  let since = Date.now();
  setInterval(() => {
    const now = Atomics.load(state, 0);
    if (now !== last) {
      last = now;
      since = Date.now();
    } else if (now > 0 && Date.now() - since > limit * 1000) {
      writeSync(2, 'hang: input ' + (now - 1) + ' of seed ' + state[1] + ' has taken ' + limit + ' seconds\\n');
      process.kill(process.pid, 'SIGKILL');
    }
  }, 500);
`;

/** Watches one test of a given seed. */
export class Watchdog {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor(seed: number) {
    this.#state[1] = seed;
    const workerData = { state: this.#state, limit: LIMIT_SECONDS };
    this.#worker = new Worker(WATCH, { eval: true, workerData });
    this.#worker.unref();
  }

  /** Input `run` begins. */
  begin(run: number): void {
    Atomics.store(this.#state, 0, run + 1);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
