/** How a run is computed, as opposed to what is trained (recipe.ts): where it goes, threads, backend, and whether it goes on. */
import type { BackendName } from '../../kernels/backend-name.ts';
import { defaultThreads } from '../../kernels/team/default-threads.ts';
import type { CommandInput, CommandOption } from '../command.ts';
import { UsageError } from '../errors.ts';
import { loadOptionsOf, MODEL_OPTIONS } from '../model-argument.ts';
import { switchOption, textOption, wholeOption } from '../option-values.ts';

/** Where and on what. */
export interface ComputeOptions {
  readonly backend: BackendName | undefined;
  /** Worker threads; 0 computes on the calling thread. */
  readonly threads: number;
}

/** `auto` goes on where there is a checkpoint, and starts where there is none. */
export type StartMode = 'auto' | 'resume' | 'restart';

/** Of every command that computes on a model in training. */
export const COMPUTE_OPTIONS: readonly CommandOption[] = MODEL_OPTIONS.filter(({ name }) =>
  ['backend', 'threads'].includes(name),
);

/** Options of `bitnet train` besides those of the recipe. */
export const RUN_OPTIONS: readonly CommandOption[] = [
  { name: 'out', value: 'DIR', help: 'Folder of the run.', default: 'runs/NAME, or runs/NAME-f32' },
  { name: 'resume', help: 'Fail where there is no checkpoint to go on from, instead of starting.' },
  { name: 'restart', help: 'Take the checkpoints and metrics that are in the folder away, and start anew.' },
  ...COMPUTE_OPTIONS,
  { name: 'json', help: 'Write the metrics to stdout, one JSON object a line.' },
  { name: 'bench', help: 'Train nothing; print how fast the kernels and a whole step of this shape are.' },
];

/** @throws UsageError for values that mean nothing */
export function computeOptionsOf(input: CommandInput): ComputeOptions {
  const { backend } = loadOptionsOf({
    ...input,
    options: { backend: textOption(input, 'backend') },
  });
  const threads = wholeOption(input, 'threads', 0, 256) ?? defaultThreads();
  return { backend, threads };
}

/** @throws UsageError when both are given */
export function startModeOf(input: CommandInput): StartMode {
  const [resume, restart] = [switchOption(input, 'resume'), switchOption(input, 'restart')];
  if (resume && restart) throw new UsageError('--resume and --restart are opposites; give one of them');
  if (resume) return 'resume';
  return restart ? 'restart' : 'auto';
}

/** `native-avx2, 2 threads` */
export function computeLabel(backend: string, threads: number): string {
  return `${backend}, ${threads} thread${threads === 1 ? '' : 's'}`;
}
