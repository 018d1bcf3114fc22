/**
 * What a conversation is made of in the Anthropic API: messages of content blocks. Text, calls of tools and their results
 * are known; every other kind of block is refused by its name. What only steers caches or repeats what an answer said
 * (`cache_control`, `citations: null`, `caller`) is taken and changes nothing.
 */
import { z } from 'zod';
import { listOf, refused } from '../body-check.ts';

/** A block of text. */
export interface TextBlock {
  readonly type: 'text';
  readonly text: string;
}

/** A call that the model made. */
export interface ToolUseBlock {
  readonly type: 'tool_use';
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a call came to. */
export interface ToolResultBlock {
  readonly type: 'tool_result';
  readonly tool_use_id: string;
  readonly content?: TextContent | undefined;
  readonly is_error?: boolean | undefined;
}

/** Text, in one piece or in blocks. */
export type TextContent = string | readonly TextBlock[];

/** A message of the request. */
export type MessageParam =
  | { readonly role: 'user'; readonly content: string | readonly (TextBlock | ToolResultBlock)[] }
  | { readonly role: 'assistant'; readonly content: string | readonly (TextBlock | ToolUseBlock)[] }
  | { readonly role: 'system'; readonly content: TextContent };

/** Marks where a prefix may be cached; the prefix cache here needs no marks. */
export const cacheControl: z.ZodType<unknown> = z
  .strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
  .nullable()
  .optional();

const textBlock = z.strictObject({
  type: z.literal('text'),
  text: z.string(),
  cache_control: cacheControl,
  citations: z
    .union([z.null(), z.tuple([])], { error: 'must be empty: citations are not supported here' })
    .optional(),
});

/** Text of a system prompt or of a tool's result. */
export const textContent: z.ZodType<TextContent> = z.union([
  z.string(),
  listOf(z.discriminatedUnion('type', [textBlock])),
]);

const toolUseBlock = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
  caller: z.strictObject({ type: z.literal('direct') }).optional(),
  toolset_name: refused('is not supported: there are no toolsets here; leave it out'),
});

const toolResultBlock = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: textContent.optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
  toolset_name: refused('is not supported: there are no toolsets here; leave it out'),
});

const userBlocks = listOf(z.discriminatedUnion('type', [textBlock, toolResultBlock]));
const assistantBlocks = listOf(z.discriminatedUnion('type', [textBlock, toolUseBlock]));

/** One message. */
export const messageParam: z.ZodType<MessageParam> = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('user'), content: z.union([z.string(), userBlocks]) }),
  z.strictObject({ role: z.literal('assistant'), content: z.union([z.string(), assistantBlocks]) }),
  z.strictObject({ role: z.literal('system'), content: textContent }),
]);
