/** Runs Node as a process of its own, for the end-to-end tests, and collects what it writes. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usableVariants } from '#src/kernels/native/load.js';

/** The folder of the package; this file runs as build/test/e2e/run-process.js. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** The `bitnet` program. */
export const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
/** The model of the golden figures, for BITNET_MODEL: what is tested here must not change with the bundled model. */
export const TINY_TALES = join(ROOT, 'test', 'golden', 'tiny-tales', 'tiny-tales.i2_s.gguf');
/**
 * For BITNET_BACKEND: without native kernels wasm is asked for, so that nothing is said about them
 * (without-native.test.ts has that).
 */
export const QUIET_BACKEND = typeof usableVariants() === 'object' ? '' : 'wasm';

/** How a process ended; the status is null when a signal ended it. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a process gets. */
export interface ProcessOptions {
  /** All of its standard input; nothing when left out, and null leaves it open. */
  readonly stdin?: string | Uint8Array | null;
  /** Variables besides this process's own, of which those of the program are not passed on. */
  readonly env?: NodeJS.ProcessEnv;
  /** {@link ROOT} when left out. */
  readonly cwd?: string;
  /** It is killed after so many milliseconds; never when left out. */
  readonly timeout?: number;
}

/** A running process, and how it will end. */
export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
}

/** Starts Node with `args`. */
export function startNode(args: readonly string[], options: ProcessOptions = {}): Started {
  const { stdin = '', env, cwd = ROOT, timeout } = options;
  const child = spawn(process.execPath, args, {
    cwd,
    timeout,
    env: { ...process.env, BITNET_MODEL: TINY_TALES, BITNET_BACKEND: '', BITNET_DEBUG: '', ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A process that ends without reading all of it is no failure of the test.
  child.stdin.on('error', () => {});
  if (stdin !== null) child.stdin.end(stdin);
  const ended = once(child, 'close').then(([status]): Ended => ({ status, stdout, stderr }));
  return { child, ended };
}

/** Runs Node with `args` to its end. */
export function runNode(args: readonly string[], options?: ProcessOptions): Promise<Ended> {
  return startNode(args, options).ended;
}
