/**
 * Scores the forecast: makes random models of three shapes, predicts each, runs each in a process of its own
 * (`bitnet bench`), and compares. Predictions are those of the machine's measurement alone, without any calibration.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BitnetError } from '../../base/errors.ts';
import {
  type CalibrationEntry,
  type Comparison,
  processorKey,
  shapeKey,
  sizeOf,
} from '../../fit/calibration.ts';
import { canRun, GENERATED_TOKENS } from '../../fit/can-run.ts';
import type { FitAnswer, FitModel, Machine } from '../../fit/fit.ts';
import { modelOfFile } from '../../fit/fit-model.ts';
import { type MeasuredMachine, measureMachine } from '../../fit/measure-machine.ts';
import type { BackendName } from '../../kernels/backend-name.ts';
import type { BenchReport } from '../bench/report.ts';
import { withHeaders } from '../inspect/headers.ts';
import { writeOutputFile } from '../output-file.ts';
import { randomShape } from '../random-model/shapes.ts';
import { writeRandomModel } from '../random-model/write-model.ts';

/** Shapes of 0.1, 0.7 and 2.4 billion weights. */
export const VALIDATED_SHAPES: readonly string[] = ['125m', 'bitnet-large', '2b4t'];
/** What the largest file takes, with room. */
const FILE_BYTES = 1.3e9;
const RUNS = 3;

/** What was predicted of a shape with a number of threads, and what came of it. */
export interface ValidationRow {
  readonly shape: string;
  readonly threads: number;
  readonly prefill: Comparison;
  readonly generation: Comparison;
  /** Bytes; undefined where the system does not tell. */
  readonly memory: Comparison | undefined;
  readonly loadSeconds: Comparison;
}

/** How to validate. */
export interface ValidationOptions {
  /** What the program took before it did anything. */
  readonly program: Pick<Machine, 'programBytes' | 'programFileBytes'>;
  readonly threads: readonly number[];
  readonly backend: BackendName | undefined;
  readonly shapes: readonly string[];
  readonly promptTokens: number;
  readonly signal: AbortSignal;
  /** Told what is being done. */
  readonly onPhase: (phase: string) => void;
}

/**
 * Runs every shape with every number of threads, each just after the machine was measured for it: on a machine that
 * shares its processor the speed of one minute is not that of the next.
 *
 * @returns the rows, and the entries for a calibration
 * @throws BitnetError `validate/no-space`, `validate/failed` when a model does not run; the signal's reason
 */
export async function validate(
  options: ValidationOptions,
): Promise<{ rows: ValidationRow[]; entries: CalibrationEntry[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-can-run-'));
  try {
    await checkSpace(folder);
    const rows: ValidationRow[] = [];
    const entries: CalibrationEntry[] = [];
    for (const shape of options.shapes) {
      const file = join(folder, `${shape}.gguf`);
      options.onPhase(`making a model of the shape ${shape}`);
      await makeModel(shape, file, options.signal);
      const model = await withHeaders(file, { signal: options.signal }, (opened) =>
        modelOfFile(opened, shape),
      );
      for (const threads of options.threads) {
        options.onPhase(
          `measuring, and running ${shape} with ${threads === 1 ? '1 thread' : `${threads} threads`}`,
        );
        const { row, entry } = await compare(model, file, threads, options);
        rows.push(row);
        entries.push(entry);
      }
      await rm(file);
    }
    return { rows, entries };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= FILE_BYTES) return;
  throw new BitnetError(
    'validate/no-space',
    `${tmpdir()} has ${((bavail * bsize) / 1e9).toFixed(1)} GB free, and the largest of the random models takes ` +
      `${(FILE_BYTES / 1e9).toFixed(1)} GB; free some, or set TMPDIR to another disk`,
  );
}

async function makeModel(name: string, file: string, signal: AbortSignal): Promise<void> {
  const choice = {
    shape: randomShape(name),
    projection: 'I2_S',
    embedding: 'F16',
    seed: 1,
  } as const;
  await writeOutputFile(file, true, (sink) =>
    writeRandomModel(choice, (piece) => {
      signal.throwIfAborted();
      return sink(piece);
    }),
  );
}

async function compare(
  model: FitModel,
  file: string,
  threads: number,
  options: ValidationOptions,
): Promise<{ row: ValidationRow; entry: CalibrationEntry }> {
  const { promptTokens, backend, signal } = options;
  const { kernels, machine } = await measureMachine({ backend, threads: [threads], signal });
  const measured = { kernels, machine: { ...machine, ...options.program } };
  const question = { contextLength: promptTokens + GENERATED_TOKENS, threads, promptTokens };
  const answer = canRun(model, measured, question);
  const report = await runBench(file, threads, options);
  const { speed, memory } = answer;
  if (speed === undefined || memory === undefined) {
    throw new BitnetError('validate/failed', `${model.name} does not run here: ${answer.reason}`);
  }
  const prefill = comparison(speed.prefill.value, report.promptTokensPerSecond[promptTokens]!);
  const generation = comparison(speed.generation.value, report.generatedTokensPerSecond);
  return {
    row: {
      shape: model.name,
      threads,
      prefill,
      generation,
      memory: memoryOf(answer, measured, report),
      loadSeconds: comparison(speed.loadSeconds.value, report.loadSeconds),
    },
    entry: {
      processor: processorKey(measured.machine),
      backend: measured.machine.backend,
      threads,
      shape: shapeKey(model),
      size: sizeOf(model),
      prefill,
      generation,
      time: Math.floor(Date.now() / 1000),
    },
  };
}

function comparison(predicted: number, measured: number): Comparison {
  return { predicted, measured };
}

/**
 * Memory that cannot be taken back: pages of files (the program's code, rows of the mapped head) are left out on both
 * sides where the system tells them apart. A benchmark holds a second cache, which it starts each of its generations from.
 */
function memoryOf(
  { memory }: FitAnswer,
  { machine }: MeasuredMachine,
  report: BenchReport,
): Comparison | undefined {
  const { peakMemoryBytes: peak, fileMemoryBytes: measured } = report;
  const { programFileBytes: predicted } = machine;
  if (peak <= 0) return undefined;
  const whole = memory!.residentBytes + memory!.plan.kvCache;
  if (measured === undefined || predicted === undefined) return comparison(whole, peak);
  return comparison(whole - predicted, peak - measured);
}

async function runBench(
  file: string,
  threads: number,
  { promptTokens, backend, signal }: ValidationOptions,
): Promise<BenchReport> {
  const program = fileURLToPath(new URL('../main.js', import.meta.url));
  const args = [
    ...[program, 'bench', file, '--json'],
    ...['--threads', String(threads), '--prompt', String(promptTokens), '--context', String(promptTokens)],
    ...['--generate', String(GENERATED_TOKENS), '--runs', String(RUNS)],
    ...(backend === undefined ? [] : ['--backend', backend]),
  ];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { signal, maxBuffer: 2 ** 26 });
    return JSON.parse(stdout) as BenchReport;
  } catch (cause) {
    signal.throwIfAborted();
    const { stderr } = cause as { stderr?: string };
    throw new BitnetError(
      'validate/failed',
      `the benchmark of a random model failed: ${stderr?.trim() || cause}`,
      {
        cause,
      },
    );
  }
}
