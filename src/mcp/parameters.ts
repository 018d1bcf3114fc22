/**
 * Parameters that several tools have: names and ranges are those of the server's APIs, what is left out is what `bitnet run`
 * and `model.generate` do. Descriptions are read by models, so they say what a value does.
 */
import { z } from 'zod';
import type { SamplingOptions } from '../index.ts';
import { listOf } from '../server/dialects/body-check.ts';
import { type Fields, samplingOf } from '../server/dialects/openai/sampling-parameters.ts';
import { jsonSchemaOf } from './json-schema.ts';

/** Longest text that is taken, in UTF-16 units; contexts are far shorter. */
export const MOST_CHARACTERS = 1_000_000;
const MOST_STOPS = 16;
const DEFAULT_MAX_TOKENS = 256;
const DEFAULTS = { temperature: 0.8, top_p: 0.95, top_k: 40, min_p: 0.05, repetition_penalty: 1 };
const NO_PENALTIES = { presence_penalty: 0, frequency_penalty: 0 };

/** How a text goes on, as arguments have it. */
export interface GenerationParameters {
  readonly max_tokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly top_p?: number | undefined;
  readonly top_k?: number | undefined;
  readonly min_p?: number | undefined;
  readonly repetition_penalty?: number | undefined;
  readonly presence_penalty?: number | undefined;
  readonly frequency_penalty?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: string | readonly string[] | undefined;
}

/** A number that may be left out. */
function optional(schema: z.ZodNumber, description: string, value?: number): z.ZodType<number | undefined> {
  return schema.optional().meta({ description, ...(value !== undefined && { default: value }) });
}

/** A list as listOf has it, which clients see as one. */
export function parameterList<T>(
  entry: z.ZodType<T>,
  bounds: { readonly least?: number; readonly most?: number } = {},
): z.ZodType<T[]> {
  const { least, most } = bounds;
  const { $schema: _, ...items } = jsonSchemaOf(entry, 'input');
  return listOf(entry, bounds).meta({
    type: 'array',
    items,
    ...(least !== undefined && { minItems: least }),
    ...(most !== undefined && { maxItems: most }),
  });
}

/** A text of which clients are told how long it may be. */
export function textParameter(description: string, most: number = MOST_CHARACTERS): z.ZodString {
  return z.string().max(most).meta({ description });
}

/** Schemas of {@link GenerationParameters}, to be spread into a strict object. */
export const generationFields: Fields<GenerationParameters> = {
  max_tokens: optional(
    z.int().min(1),
    'Most tokens to generate; a token is about three quarters of an English word. The text also ends where the context is full.',
    DEFAULT_MAX_TOKENS,
  ),
  temperature: optional(
    z.number().min(0).max(2),
    'How freely the next token is drawn; 0 always takes the most likely one.',
    DEFAULTS.temperature,
  ),
  top_p: optional(
    z.number().min(0).max(1),
    'Draw only from the most likely tokens whose probabilities reach this sum.',
    DEFAULTS.top_p,
  ),
  top_k: optional(
    z.int().min(0),
    'Draw only from so many of the most likely tokens; 0 for all.',
    DEFAULTS.top_k,
  ),
  min_p: optional(
    z.number().min(0).max(1),
    'Draw only from tokens at least this share as likely as the most likely one.',
    DEFAULTS.min_p,
  ),
  repetition_penalty: optional(
    z.number().min(0.01).max(100),
    'Above 1, tokens among the last 64 become less likely.',
    DEFAULTS.repetition_penalty,
  ),
  presence_penalty: optional(
    z.number().min(-2).max(2),
    'Taken from the logits of tokens that occur among the last 64.',
    NO_PENALTIES.presence_penalty,
  ),
  frequency_penalty: optional(
    z.number().min(-2).max(2),
    'Taken from the logits of tokens once for each time that they occur among the last 64.',
    NO_PENALTIES.frequency_penalty,
  ),
  seed: optional(z.int(), 'Makes the result reproducible; by default a random one, which the result tells.'),
  stop: z
    .union([z.string().min(1), parameterList(z.string().min(1), { most: MOST_STOPS })])
    .optional()
    .meta({ description: 'Text, or up to 16 texts, before which to end; not part of the result.' }),
};

/** The parameters in the engine's terms. */
export interface GenerationSettings {
  readonly sampling: SamplingOptions;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  /** As it was given, or the one that was chosen. */
  readonly seed: number;
}

/** Fills in what was left out. */
export function generationSettings(given: GenerationParameters): GenerationSettings {
  const { max_tokens: maxTokens = DEFAULT_MAX_TOKENS, stop = [], ...sampling } = given;
  const seed = given.seed ?? Math.floor(Math.random() * 2 ** 32);
  return {
    sampling: samplingOf({ ...DEFAULTS, ...NO_PENALTIES, ...sampling, seed }, 0),
    maxTokens,
    stop: typeof stop === 'string' ? [stop] : stop,
    seed,
  };
}
