/**
 * Bodies of Ollama requests that generate. Strict: what is neither done nor harmless is refused by its name.
 * docs/server/ollama.md lists what is taken and changes nothing.
 */
import { z } from 'zod';
import type { OutputFormat } from '../../constraint/constraint-compiler.ts';
import { invalidParameter, listOf } from '../body-check.ts';
import { keepAlive } from './keep-alive.ts';
import { type ModelOptions, modelOptions } from './model-options.ts';

/** What all requests that generate have. */
export interface GenerationParams {
  readonly model: string;
  /** Default true. */
  readonly stream?: boolean | undefined;
  readonly format?: string | Readonly<Record<string, unknown>> | null | undefined;
  readonly keep_alive?: number | undefined;
  readonly options?: ModelOptions | null | undefined;
  readonly logprobs?: boolean | undefined;
  readonly top_logprobs?: number | undefined;
}

/** A call as a message has it. */
export interface ToolCallParam {
  readonly id?: string | undefined;
  readonly function: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** A message of a conversation. */
export interface MessageParam {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content?: string | undefined;
  readonly tool_calls?: readonly ToolCallParam[] | null | undefined;
  readonly tool_name?: string | undefined;
  readonly tool_call_id?: string | undefined;
}

/** A tool that the client runs. */
export interface ToolParam {
  readonly function: {
    readonly name: string;
    readonly description?: string | undefined;
    readonly parameters?: Readonly<Record<string, unknown>> | null | undefined;
  };
}

/** The body of `/api/chat`. */
export interface ChatParams extends GenerationParams {
  readonly messages?: readonly MessageParam[] | null | undefined;
  readonly tools?: readonly ToolParam[] | null | undefined;
}

/** The body of `/api/generate`. */
export interface GenerateParams extends GenerationParams {
  readonly prompt?: string | undefined;
  readonly system?: string | undefined;
  readonly raw?: boolean | undefined;
  /** The tokens of the conversation so far, as an earlier answer gave them. */
  readonly context?: readonly number[] | null | undefined;
}

const noImages = z
  .union([z.null(), z.tuple([])], { error: 'must be empty: the model reads text alone; leave it out' })
  .optional();

const object = z.record(z.string(), z.unknown());

const generationShape = {
  model: z.string().min(1),
  stream: z.boolean().optional(),
  format: z.union([z.string(), object]).nullable().optional(),
  keep_alive: keepAlive,
  options: modelOptions.nullable().optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(20).optional(),
  think: z
    .literal(false, {
      error: 'must be false: models here do not think apart from their answer; leave it out',
    })
    .nullable()
    .optional(),
  truncate: z
    .literal(false, { error: 'must be false: prompts are never cut short here; leave it out' })
    .optional(),
  shift: z
    .literal(false, { error: 'must be false: the context is never shifted here; leave it out' })
    .optional(),
};

const toolCall = z.strictObject({
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.strictObject({ index: z.int().optional(), name: z.string().min(1), arguments: object }),
});

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string().optional(),
  images: noImages,
  thinking: z
    .literal('', { error: 'must be empty: thoughts are not supported here; leave it out' })
    .nullable()
    .optional(),
  tool_calls: listOf(toolCall).nullable().optional(),
  tool_name: z.string().optional(),
  tool_call_id: z.string().optional(),
});

const tool = z.strictObject({
  type: z.literal('function').optional(),
  function: z.strictObject({
    name: z.string().min(1),
    description: z.string().optional(),
    parameters: object.nullable().optional(),
    strict: z.boolean().optional(),
  }),
});

/** See {@link ChatParams}. */
export const chatParams: z.ZodType<ChatParams> = z.strictObject({
  ...generationShape,
  messages: listOf(message).nullable().optional(),
  tools: listOf(tool).nullable().optional(),
});

/** A text that is not served, which may be there without saying anything. */
const empty = (what: string) =>
  z.literal('', { error: `must be empty: ${what} is not supported here; leave it out` }).nullish();

/** See {@link GenerateParams}. */
export const generateParams: z.ZodType<GenerateParams> = z.strictObject({
  ...generationShape,
  prompt: z.string().optional(),
  system: z.string().optional(),
  raw: z.boolean().optional(),
  context: listOf(z.int().min(0)).nullable().optional(),
  suffix: empty('filling in before a suffix'),
  template: empty('a template other than the model’s own'),
  images: noImages,
});

/** What the answer has to look like. @throws RequestError 400 */
export function formatOf({ format }: GenerationParams): OutputFormat {
  if (format === undefined || format === null || format === '') return { kind: 'text' };
  if (format === 'json') return { kind: 'json' };
  if (typeof format === 'object') return { kind: 'schema', schema: format };
  throw invalidParameter(
    'format',
    `is ${JSON.stringify(format.slice(0, 40))}, and must be "json" or a JSON schema`,
  );
}

/** How many scores go with each token; undefined for none. @throws RequestError 400 */
export function logprobsOf({ logprobs, top_logprobs: top }: GenerationParams): number | undefined {
  if (logprobs === true) return top ?? 0;
  if (top === undefined || top === 0) return undefined;
  throw invalidParameter('top_logprobs', 'needs logprobs: true');
}
