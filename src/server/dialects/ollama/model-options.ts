/**
 * The `options` of an Ollama request: how tokens are drawn, and when to stop. What only says how Ollama's own engine
 * should use the machine is taken and changes nothing; everything else is refused by its name.
 */
import { z } from 'zod';
import { ContextLengthExceeded, type SamplingOptions } from '../../../index.ts';
import { invalidParameter, listOf } from '../body-check.ts';
import { DEFAULT_SAMPLING, positiveShare } from '../default-sampling.ts';

/** See the file's header. */
export interface ModelOptions {
  readonly num_predict?: number | undefined;
  readonly num_ctx?: number | undefined;
  readonly temperature?: number | undefined;
  readonly top_k?: number | undefined;
  readonly top_p?: number | undefined;
  readonly min_p?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: string | readonly string[] | undefined;
  readonly repeat_penalty?: number | undefined;
  readonly repeat_last_n?: number | undefined;
  readonly presence_penalty?: number | undefined;
  readonly frequency_penalty?: number | undefined;
}

const count = z.int().max(2 ** 31);

/** A sampler that is not here may only be given with the value that turns it off. */
function off<T extends number | boolean>(value: T): z.ZodType<T | undefined> {
  return z
    .literal(value, { error: `must be ${value}, which turns it off: it is not supported here` })
    .optional();
}

/** See {@link ModelOptions}. */
export const modelOptions: z.ZodType<ModelOptions> = z.strictObject({
  num_predict: count
    .min(-2)
    .refine((value) => value !== 0, { error: 'must be the most tokens to generate, or -1 for no bound' })
    .optional(),
  num_ctx: count.min(1).optional(),
  temperature: z.number().min(0).max(100).optional(),
  top_k: count.min(0).optional(),
  top_p: z.number().min(0).max(1).optional(),
  min_p: z.number().min(0).max(1).optional(),
  seed: z.int().min(-1).optional(),
  stop: z.union([z.string(), listOf(z.string())]).optional(),
  repeat_penalty: z.number().min(0.01).max(100).optional(),
  repeat_last_n: count.min(-1).optional(),
  presence_penalty: z.number().min(-100).max(100).optional(),
  frequency_penalty: z.number().min(-100).max(100).optional(),
  typical_p: off(1),
  tfs_z: off(1),
  mirostat: off(0),
  mirostat_tau: z.number().optional(),
  mirostat_eta: z.number().optional(),
  penalize_newline: off(false),
  num_keep: count.optional(),
  num_thread: count.optional(),
  num_batch: count.optional(),
  num_gpu: count.optional(),
  main_gpu: count.optional(),
  numa: z.boolean().optional(),
  low_vram: z.boolean().optional(),
  use_mmap: z.boolean().optional(),
  use_mlock: z.boolean().optional(),
});

/** How tokens are drawn, with the server's defaults. */
export function samplingOf(options: ModelOptions, contextLength: number): SamplingOptions {
  const { repeat_penalty: penalty, repeat_last_n: lastTokens, seed, top_p: topP } = options;
  const { presence_penalty: presence, frequency_penalty: frequency } = options;
  return {
    temperature: options.temperature ?? 0.8,
    topK: options.top_k ?? DEFAULT_SAMPLING.topK,
    topP: positiveShare(topP ?? DEFAULT_SAMPLING.topP),
    minP: options.min_p ?? DEFAULT_SAMPLING.minP,
    ...(penalty === undefined ? {} : { repetitionPenalty: penalty }),
    ...(presence === undefined ? {} : { presencePenalty: presence }),
    ...(frequency === undefined ? {} : { frequencyPenalty: frequency }),
    ...(lastTokens === undefined ? {} : { penaltyWindow: lastTokens === -1 ? contextLength : lastTokens }),
    ...(seed === undefined || seed === -1 ? {} : { seed }),
  };
}

/** Texts that end the answer. */
export function stopsOf({ stop = [] }: ModelOptions): readonly string[] {
  return typeof stop === 'string' ? [stop] : stop;
}

/**
 * The most tokens to generate, within `num_predict` and within a context of `num_ctx`.
 *
 * @param promptLength asked for only where `num_ctx` makes the context smaller
 * @returns undefined for no bound
 * @throws RequestError 400 for a `num_ctx` beyond the model's context; ContextLengthExceeded for a prompt beyond `num_ctx`
 */
export function mostTokens(
  { num_predict: predict = -1, num_ctx: context }: ModelOptions,
  contextLength: number,
  promptLength: () => number,
): number | undefined {
  if (context !== undefined && context > contextLength) {
    throw invalidParameter(
      'options.num_ctx',
      `is ${context}, and this model's context has ${contextLength} tokens; leave it out or ask for less`,
    );
  }
  const wanted = predict < 0 ? undefined : predict;
  if (context === undefined || context === contextLength) return wanted;
  const prompt = promptLength();
  if (prompt > context) throw new ContextLengthExceeded(prompt, context);
  return Math.min(wanted ?? Number.POSITIVE_INFINITY, context - prompt + 1);
}
