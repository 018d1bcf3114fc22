/**
 * The parameters that chat completions, completions and responses share: how tokens are drawn, where text stops, and
 * what clients send that changes nothing here. Values that a request leaves out are the server's defaults, not the engine's.
 */
import { z } from 'zod';
import type { SamplingOptions } from '../../../index.ts';
import { listOf, namesTo, refused } from '../body-check.ts';
import { DEFAULT_SAMPLING, positiveShare } from '../default-sampling.ts';

/** Parameters of sampling as a body has them; null counts as absent everywhere. */
export interface SamplingBody {
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly top_k?: number | null;
  readonly min_p?: number | null;
  readonly repetition_penalty?: number | null;
  readonly presence_penalty?: number | null;
  readonly frequency_penalty?: number | null;
  readonly logit_bias?: Readonly<Record<string, number>> | null;
  readonly seed?: number | null;
  readonly stop?: string | readonly string[] | null;
}

/** Schemas of some fields, to be spread into a strict object. */
export type Fields<Body> = { readonly [Key in keyof Required<Body>]: z.ZodType<Body[Key]> };

const MOST_STOPS = 16;
const MOST_BIASES = 1000;
const MOST_METADATA = 16;

/** Schemas of {@link SamplingBody}. */
export const samplingFields: Fields<SamplingBody> = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(0.01).max(100).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: namesTo(
    z.number().min(-100).max(100),
    z.string().regex(/^\d{1,9}$/, 'must be the id of a token'),
    MOST_BIASES,
  ).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), listOf(z.string().min(1), { most: MOST_STOPS })]).nullish(),
};

/** What clients send about themselves and about services that this server does not have. */
export interface NeutralBody {
  readonly model?: string | null;
  readonly stream?: boolean | null;
  readonly user?: string | null;
  readonly safety_identifier?: string | null;
  readonly prompt_cache_key?: string | null;
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly service_tier?: 'auto' | 'default' | null;
  readonly store?: false | null;
}

/** Schemas of {@link NeutralBody}. */
export const neutralFields: Fields<NeutralBody> = {
  model: z.string().nullish(),
  stream: z.boolean().nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  metadata: namesTo(z.string(), z.string(), MOST_METADATA).nullish(),
  service_tier: z.enum(['auto', 'default']).nullish(),
  store: z
    .custom<false | null | undefined>((value) => value !== true && (value ?? false) === false, {
      error: 'can only be false: this server keeps no answers',
    })
    .optional(),
};

/** What streams are asked for beside their text. */
export interface StreamBody {
  readonly stream_options?: { readonly include_usage?: boolean | null } | null;
}

/** Schemas of {@link StreamBody}. */
export const streamFields: Fields<StreamBody> = {
  stream_options: z
    .strictObject({
      include_usage: z.boolean().nullish(),
      include_obfuscation: z.literal(false, 'can only be false: streams are not padded').nullish(),
    })
    .nullish(),
};

/** Parameters of the API for models that think or write anything but text. */
export const refusedFields: Readonly<Record<'reasoning_effort' | 'verbosity', z.ZodType<unknown>>> = {
  reasoning_effort: z
    .custom((value) => value === undefined || value === null || value === 'none', {
      error: 'can only be "none": this server does not tell thoughts from answers',
    })
    .optional(),
  verbosity: refused('is not supported; say in the prompt how long answers should be'),
};

const SEEDS = 2 ** 53;

/**
 * How one of several choices is drawn.
 *
 * @param choice counted from 0; each has a seed of its own, so that they differ
 */
export function samplingOf(body: SamplingBody, choice: number): SamplingOptions {
  return {
    temperature: body.temperature ?? 1,
    topP: positiveShare(body.top_p ?? DEFAULT_SAMPLING.topP),
    topK: body.top_k ?? DEFAULT_SAMPLING.topK,
    minP: body.min_p ?? DEFAULT_SAMPLING.minP,
    repetitionPenalty: body.repetition_penalty ?? 1,
    presencePenalty: body.presence_penalty ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    ...(body.logit_bias == null ? {} : { logitBias: body.logit_bias }),
    ...(body.seed == null ? {} : { seed: seedOf(body.seed, choice) }),
  };
}

/** The API has negative seeds, the sampler has not: they count down from 2^53. */
function seedOf(seed: number, choice: number): number {
  const positive = seed < 0 ? SEEDS + seed : seed;
  return positive + choice < SEEDS ? positive + choice : positive - SEEDS + choice;
}

/** Stop strings as a list. */
export function stopsOf({ stop }: SamplingBody): readonly string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}
