/** The input of responses: their items, and the conversation that they are. */
import { z } from 'zod';
import type { ReplyMessage } from '../../../reply/reply.ts';
import type { ToolCall } from '../../../tools/tool-definition.ts';
import { listOf } from '../../body-check.ts';

const TEXT_ONLY =
  'must be "input_text" or "output_text": images, audio and files cannot be read by this model';
/** What answers carry that says nothing when it is sent back. */
const echoed = {
  id: z.string().nullish(),
  status: z.string().nullish(),
};

const part = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('input_text'), text: z.string() }),
    z.strictObject({
      type: z.literal('output_text'),
      text: z.string(),
      annotations: listOf(z.unknown(), { most: 0 }).nullish(),
      logprobs: listOf(z.unknown()).nullish(),
      parsed: z.unknown().optional(),
    }),
    z.strictObject({ type: z.literal('refusal'), refusal: z.string() }),
  ],
  { error: TEXT_ONLY },
);
const content = z.union([z.string(), listOf(part)]);

const message = z.strictObject({
  ...echoed,
  type: z.literal('message').optional(),
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content,
});

const item = z.preprocess(
  // Messages may leave their type out, which everything else is told apart by.
  (value) =>
    typeof value === 'object' && value !== null && !('type' in value) ? { type: 'message', ...value } : value,
  z.discriminatedUnion(
    'type',
    [
      message.extend({ type: z.literal('message') }),
      z.strictObject({
        ...echoed,
        type: z.literal('function_call'),
        call_id: z.string(),
        name: z.string(),
        arguments: z.string(),
        parsed_arguments: z.unknown().optional(),
      }),
      z.strictObject({
        ...echoed,
        type: z.literal('function_call_output'),
        call_id: z.string(),
        output: content,
      }),
    ],
    { error: 'must be "message", "function_call" or "function_call_output": nothing else can be read here' },
  ),
);

/** A text, or a list of items, as a conversation. */
export const responseInput: z.ZodType<ReplyMessage[]> = z
  .union([z.string(), listOf(item, { least: 1 })])
  .transform((input) => (typeof input === 'string' ? [{ role: 'user', text: input }] : conversation(input)));

function conversation(items: readonly z.output<typeof item>[]): ReplyMessage[] {
  const messages: ReplyMessage[] = [];
  for (const each of items) {
    switch (each.type) {
      case 'message': {
        const role = each.role === 'developer' ? 'system' : each.role;
        messages.push({ role, text: textOf(each.content) });
        break;
      }
      case 'function_call':
        addCall(messages, { id: each.call_id, name: each.name, arguments: each.arguments });
        break;
      case 'function_call_output':
        messages.push({ role: 'tool', callId: each.call_id, text: textOf(each.output) });
    }
  }
  return messages;
}

/** Calls belong to the assistant's message before them, or make one of their own. */
function addCall(messages: ReplyMessage[], call: ToolCall): void {
  const last = messages.at(-1);
  if (last?.role === 'assistant') {
    messages[messages.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] };
  } else {
    messages.push({ role: 'assistant', text: '', toolCalls: [call] });
  }
}

function textOf(body: z.output<typeof content>): string {
  if (typeof body === 'string') return body;
  return body.map((each) => (each.type === 'refusal' ? each.refusal : each.text)).join('');
}
