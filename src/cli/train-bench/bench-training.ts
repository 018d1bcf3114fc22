/** `bitnet train --bench`: what the kernels of training reach of what the processor can do, and a step of what they reach. */
import { cpus } from 'node:os';
import type { BackendName } from '../../kernels/backend-name.ts';
import { checkConfig } from '../../train/check-config.ts';
import type { TrainConfig } from '../../train/config.ts';
import { loadRunTokenizer } from '../../train/data/run-tokenizer.ts';
import { median } from '../bench/results.ts';
import type { CommandInput } from '../command.ts';
import { ExitStatus } from '../errors.ts';
import { switchOption, textsOption } from '../option-values.ts';
import { showWaiting } from '../progress.ts';
import { formatCount, formatRate, formatSeconds } from '../quantities.ts';
import { stylesOf, writeOutput } from '../terminal.ts';
import { readRecipeText } from '../train/prepare-run.ts';
import { recipeOf } from '../train/recipe.ts';
import type { ComputeOptions } from '../train/run-options.ts';
import { GEMM_SHAPE, type KernelRates, type KernelReport, measureKernels } from './measure-kernels.ts';
import { measureStep, type StepRate } from './measure-step.ts';

const KERNEL_RUNS = 9;
const STEP_RUNS = 3;

/** What one backend reached. */
interface BackendReport extends KernelReport {
  readonly steps: readonly StepRate[];
}

/** Measures the backend that was asked for, or native and wasm, and prints the figures. */
export async function benchTraining(input: CommandInput, compute: ComputeOptions): Promise<number> {
  const config = await configOf(input);
  const vocabularySize = await vocabularyOf(config);
  const reports: BackendReport[] = [];
  const done = showWaiting('measuring');
  try {
    for (const backend of backendsOf(compute)) {
      reports.push(await measureBackend(config, vocabularySize, backend, compute.threads, input.signal));
    }
  } finally {
    done();
  }
  const shape = { ...config.model, vocabularySize, precision: config.precision, batch: config.batch };
  if (switchOption(input, 'json')) {
    const report = { machine: machineText(), gemm: GEMM_SHAPE, shape, backends: reports };
    await writeOutput(`${JSON.stringify(report, undefined, process.stdout.isTTY ? 2 : undefined)}\n`);
  } else await writeOutput(reportText(config, vocabularySize, reports));
  return ExitStatus.ok;
}

/** The recipe's shape, or that of the options; the data in it are not looked at. */
async function configOf(input: CommandInput): Promise<TrainConfig> {
  const hasData = input.positionals.length > 0 || textsOption(input, 'data').length > 0;
  const options = hasData ? input.options : { ...input.options, data: ['none'] };
  const { json, source } = await recipeOf({ ...input, options });
  return checkConfig(json, source);
}

async function vocabularyOf({ tokenizer }: TrainConfig): Promise<number> {
  if (!('file' in tokenizer)) return tokenizer.vocabularySize;
  const json = await readRecipeText(tokenizer.file);
  return loadRunTokenizer(json, '{}').tokenizer.vocabSize;
}

function backendsOf({ backend }: ComputeOptions): (BackendName | undefined)[] {
  return backend === undefined ? [undefined, 'wasm'] : [backend];
}

async function measureBackend(
  config: TrainConfig,
  vocabularySize: number,
  backend: BackendName | undefined,
  threads: number,
  signal: AbortSignal,
): Promise<BackendReport> {
  const kernels = await measureKernels(backend, threads, KERNEL_RUNS, signal);
  const steps: StepRate[] = [];
  for (const { threads: count } of kernels.rates) {
    const name = kernels.backend as BackendName;
    steps.push(await measureStep(config, vocabularySize, name, count, STEP_RUNS, signal));
  }
  return { ...kernels, steps };
}

function reportText(config: TrainConfig, vocabularySize: number, reports: readonly BackendReport[]): string {
  const { dim, bold } = stylesOf(process.stdout);
  const { M, N, K } = GEMM_SHAPE;
  const { model, batch, precision } = config;
  const weights = reports[0]?.steps[0]?.weights ?? 0;
  const lines = [
    `${dim('machine  ')}${machineText()}`,
    `${dim('gemm     ')}f32, ${M}x${N}x${K}; % of the multiply-adds that the same threads do in registers`,
    `${dim('step     ')}${precision} ${model.architecture}, ${model.blockCount} layers of ${model.embeddingLength}, ` +
      `${vocabularySize} tokens, ${formatCount(weights)} weights, ${batch.sequences} rows of ${model.contextLength}; ` +
      '% of the gemm',
  ];
  for (const { backend, rates, steps } of reports) {
    lines.push('', bold(backend));
    for (const [i, rate] of rates.entries()) lines.push(...rateLines(rate, steps[i]!));
  }
  lines.push('', dim(`medians of ${KERNEL_RUNS} (kernels) and ${STEP_RUNS} (steps)`), '');
  return lines.join('\n');
}

function rateLines(rate: KernelRates, step: StepRate): string[] {
  const threads = `${rate.threads} thread${rate.threads === 1 ? '' : 's'}`;
  const line = (name: string, gigaflops: number, remark = '') =>
    `  ${threads.padEnd(10)} ${name.padEnd(12)} ${gigaflops.toFixed(1).padStart(7)} GFLOP/s${remark}`;
  const percent = (part: number, whole: number) => `  ${((100 * part) / whole).toFixed(0).padStart(3)} %`;
  const gemm = median(Object.values(rate.gemm));
  return [
    line('peak', rate.peak),
    ...Object.entries(rate.gemm).map(([form, rateOf]) =>
      line(`gemm ${form}`, rateOf, percent(rateOf, rate.peak)),
    ),
    line(
      'whole step',
      step.gigaflops,
      `${percent(step.gigaflops, gemm)}  ${formatRate(step.tokensPerSecond)}, ${formatSeconds(step.secondsPerStep)} a step`,
    ),
  ];
}

function machineText(): string {
  const all = cpus();
  return `${all[0]?.model.trim() ?? 'unknown processor'}, ${all.length} cores; Node ${process.versions.node}`;
}
