/**
 * The MODEL of a command line and the options on how to load it, the same for every command. What a MODEL may be is told in
 * models/locate-model.ts.
 */
import { KV_CACHE_TYPES } from '../engine/options.ts';
import { type BackendName, type LoadOptions, loadModel, type Model } from '../index.ts';
import { NATIVE_VARIANTS } from '../kernels/backend-name.ts';
import type { CommandInput, CommandOption } from './command.ts';
import { UsageError } from './errors.ts';
import { locateModel } from './models/locate-model.ts';
import { choiceOption, parseChoice, switchOption, wholeOption } from './option-values.ts';
import { ProgressBar } from './progress.ts';
import { printableLine, stylesOf, writeNote } from './terminal.ts';

const BACKENDS = [
  'native',
  'wasm',
  'reference',
  'wasm-relaxed',
  'wasm-simd',
  ...NATIVE_VARIANTS,
] as const satisfies BackendName[];

/** Takes nothing from the network; for every command with a MODEL. */
export const OFFLINE_OPTION: CommandOption = {
  name: 'offline',
  help: 'Download nothing: a model of the hub has to be here already.',
  default: 'HF_HUB_OFFLINE',
};

/** Options of every command that loads a model. */
export const MODEL_OPTIONS: readonly CommandOption[] = [
  {
    name: 'backend',
    value: 'NAME',
    help: `Kernels to compute with: ${BACKENDS.join(', ')}.`,
    default: 'BITNET_BACKEND, or the fastest that works here',
  },
  {
    name: 'threads',
    value: 'N',
    help: 'Threads that compute; 0 computes on the main thread.',
    default: 'one per core that is allowed, at most 8',
  },
  {
    name: 'context',
    value: 'N',
    help: 'Tokens that the context holds.',
    default: "the model's own context, at most 4096",
  },
  {
    name: 'kv-cache',
    value: 'TYPE',
    help: 'How keys and values are kept: f16, f32 in twice the memory, or q8 in about half.',
    default: 'f16',
  },
  {
    name: 'head',
    value: 'MODE',
    help: 'How the output head is kept: auto, exact, fast (exact and a 4-bit plane, same text), int8.',
    default: 'auto: fast above 8 MiB; int8 if memory is short',
  },
  {
    name: 'batch',
    value: 'N',
    help: 'Prompt tokens computed at once; no influence on the result.',
    default: '64',
  },
  OFFLINE_OPTION,
];

/**
 * Positionals of the form `[MODEL] REST...`: the MODEL is there when there is one word more than `rest` names.
 *
 * @param rest what the words behind MODEL are called
 * @throws UsageError when there are too few or too many
 */
export function splitModel(
  input: CommandInput,
  command: string,
  rest: readonly string[],
): { model: string | undefined; words: readonly string[] } {
  const { positionals } = input;
  if (positionals.length === rest.length) return { model: undefined, words: positionals };
  if (positionals.length === rest.length + 1) return { model: positionals[0], words: positionals.slice(1) };
  const wanted = ['[MODEL]', ...rest].join(' ');
  if (positionals.length < rest.length) {
    throw new UsageError(`${rest[positionals.length]} is missing: bitnet ${command} ${wanted}`);
  }
  const hint = rest.length > 0 ? '; put quotes around a text of several words' : '';
  throw new UsageError(
    `"${positionals[rest.length + 1]}" is one word too many: bitnet ${command} ${wanted}${hint}`,
  );
}

/** How to load the model. @throws UsageError for values that mean nothing */
export function loadOptionsOf(
  input: CommandInput,
  environment: NodeJS.ProcessEnv = process.env,
): LoadOptions {
  const fromEnvironment = environment.BITNET_BACKEND || undefined;
  const backend =
    choiceOption(input, 'backend', BACKENDS) ??
    (fromEnvironment && parseChoice(fromEnvironment, 'BITNET_BACKEND', BACKENDS));
  const threads = wholeOption(input, 'threads', 0, 256);
  const contextLength = wholeOption(input, 'context', 1);
  const kvCache = choiceOption(input, 'kv-cache', KV_CACHE_TYPES);
  const head = choiceOption(input, 'head', ['auto', 'exact', 'fast', 'int8']);
  const batchTokens = wholeOption(input, 'batch', 1, 4096);
  return {
    ...(backend ? { backend } : {}),
    ...(threads === undefined ? {} : { threads }),
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(kvCache === undefined ? {} : { kvCache }),
    ...(head === undefined ? {} : { head }),
    ...(batchTokens === undefined ? {} : { batchTokens }),
    ...(switchOption(input, 'offline') ? { pull: { offline: true } } : {}),
    signal: input.signal,
  };
}

/**
 * Loads a model, which is downloaded first if need be, with a progress bar when it takes long. When it then computes more slowly than it could, since native
 * kernels cannot run, a line on stderr says so, unless the user asked for others.
 *
 * @param source undefined for the default model
 * @param hasNotes the command writes all notes of the model by itself
 * @throws as locateModel and loadModel
 */
export async function loadWithProgress(
  source: string | undefined,
  options: LoadOptions,
  hasNotes = false,
): Promise<Model> {
  const { signal, contextLength, pull } = options;
  const path = await locateModel(source, { signal, contextLength, offline: pull?.offline });
  const bar = new ProgressBar('loading');
  const model = await loadModel(path, {
    ...options,
    onProgress: (share) => bar.update(share),
  }).finally(() => bar.finish());
  const isOwnChoice = options.backend === 'wasm';
  if (!hasNotes && !isOwnChoice) {
    const { yellow } = stylesOf(process.stderr);
    for (const note of model.engine.backendNotes) {
      const line = `bitnet: ${note}; with --backend wasm or BITNET_BACKEND=wasm nothing is said of it`;
      await writeNote(yellow(printableLine(line)));
    }
  }
  return model;
}
