/**
 * Bodies of `/v1/messages` and `/v1/messages/count_tokens`, after the types of Anthropic's own SDK. Strict: what is
 * neither done nor harmless is refused by its name. docs/server/anthropic.md lists what is taken and changes nothing.
 */
import { z } from 'zod';
import { listOf, refused } from '../body-check.ts';
import {
  cacheControl,
  type MessageParam,
  messageParam,
  type TextContent,
  textContent,
} from './content-schema.ts';

/** A tool that the client runs. */
export interface ToolParam {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON schema of an object. */
  readonly input_schema: Readonly<Record<string, unknown>>;
  readonly input_examples?: readonly Readonly<Record<string, unknown>>[] | undefined;
}

/** Whether and which tools are called. */
export type ToolChoiceParam =
  | { readonly type: 'auto' | 'any'; readonly disable_parallel_tool_use?: boolean | undefined }
  | { readonly type: 'tool'; readonly name: string; readonly disable_parallel_tool_use?: boolean | undefined }
  | { readonly type: 'none' };

/** What a prompt is made of. */
export interface PromptParams {
  readonly model: string;
  readonly messages: readonly MessageParam[];
  readonly system?: TextContent | undefined;
  readonly tools?: readonly ToolParam[] | undefined;
  readonly tool_choice?: ToolChoiceParam | undefined;
  readonly output_config?: OutputConfigParam | undefined;
  readonly context_management?: object | null | undefined;
}

/** What an answer has to look like. */
export interface OutputConfigParam {
  readonly format?:
    | { readonly type: 'json_schema'; readonly schema: Readonly<Record<string, unknown>> }
    | null
    | undefined;
}

/** The body of `/v1/messages`. */
export interface MessagesParams extends PromptParams {
  readonly max_tokens: number;
  readonly stream?: boolean | undefined;
  readonly stop_sequences?: readonly string[] | undefined;
  readonly temperature?: number | undefined;
  readonly top_p?: number | undefined;
  readonly top_k?: number | undefined;
  readonly diagnostics?: { readonly previous_message_id?: string | null | undefined } | null | undefined;
}

const tool = z.strictObject({
  type: z.literal('custom', { error: serverTool }).nullable().optional(),
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, {
    error: 'must have 1 to 128 letters, digits, underscores and hyphens',
  }),
  description: z.string().optional(),
  input_schema: z.record(z.string(), z.unknown()),
  input_examples: listOf(z.record(z.string(), z.unknown())).optional(),
  cache_control: cacheControl,
  strict: z.boolean().optional(),
  eager_input_streaming: z.boolean().nullable().optional(),
  allowed_callers: listOf(z.literal('direct')).optional(),
  defer_loading: z
    .literal(false, { error: 'must be false: tools cannot be loaded later here; leave it out' })
    .optional(),
});

const parallel = { disable_parallel_tool_use: z.boolean().optional() };
const toolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto'), ...parallel }),
  z.strictObject({ type: z.literal('any'), ...parallel }),
  z.strictObject({ type: z.literal('tool'), name: z.string(), ...parallel }),
  z.strictObject({ type: z.literal('none') }),
]);

const thinking = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('disabled') }),
    // The model decides how much it thinks, which may be not at all.
    z.strictObject({
      type: z.literal('adaptive'),
      display: z.enum(['summarized', 'omitted']).nullable().optional(),
    }),
  ],
  { error: 'must be "disabled" or "adaptive": models here do not think apart from their answer' },
);

// Agents send this with every request. There are no thoughts here that could be cleared; other edits change the prompt.
const contextManagement = z
  .strictObject({
    edits: listOf(z.looseObject({ type: z.literal('clear_thinking_20251015') })).optional(),
  })
  .nullable();

const promptShape = {
  model: z.string().min(1),
  messages: listOf(messageParam, { least: 1 }),
  system: textContent.optional(),
  tools: listOf(tool).optional(),
  tool_choice: toolChoice.optional(),
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullable().optional(),
      format: z
        .strictObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })
        .nullable()
        .optional(),
    })
    .optional(),
  context_management: contextManagement.optional(),
  cache_control: cacheControl,
  thinking: thinking.optional(),
  speed: z
    .literal('standard', { error: 'must be "standard", the only speed here; leave it out' })
    .nullable()
    .optional(),
};

/** See {@link MessagesParams}. */
export const messagesParams: z.ZodType<MessagesParams> = z.strictObject({
  ...promptShape,
  max_tokens: z
    .int()
    .min(0)
    .max(2 ** 31),
  stream: z.boolean().optional(),
  stop_sequences: listOf(z.string().min(1)).optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z
    .int()
    .min(0)
    .max(2 ** 31)
    .optional(),
  metadata: z.strictObject({ user_id: z.string().nullable().optional() }).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  diagnostics: z
    .strictObject({ previous_message_id: z.string().nullable().optional() })
    .nullable()
    .optional(),
  container: refused('is not supported: tools do not run on this server; leave it out'),
  inference_geo: refused('is not supported; leave it out'),
});

/** See {@link PromptParams}. */
export const countTokensParams: z.ZodType<PromptParams> = z.strictObject(promptShape);

function serverTool({ input }: { readonly input?: unknown }): string {
  return `is ${JSON.stringify(String(input).slice(0, 60))}, and only "custom" is supported here; describe the tool with an input_schema`;
}
