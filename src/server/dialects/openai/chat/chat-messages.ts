/** Messages of chat completions: their schema, and what they are in neutral terms. */
import { z } from 'zod';
import type { ReplyMessage } from '../../../reply/reply.ts';
import { listOf, refused } from '../../body-check.ts';

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
/** What an assistant refused to say is what it said. */
const refusalPart = z.strictObject({ type: z.literal('refusal'), refusal: z.string() });
const TEXT_ONLY = 'must be "text": images, audio and files cannot be read by this model';
const content = z.union([
  z.string(),
  listOf(z.discriminatedUnion('type', [textPart], { error: TEXT_ONLY }), { least: 1 }),
]);
const assistantContent = z.union([
  z.string(),
  listOf(z.discriminatedUnion('type', [textPart, refusalPart], { error: TEXT_ONLY })),
]);

const name = refused('is not supported: chat templates know no names; put it into the content');
/** Some clients mark all that they send, messages too. */
const type = z.literal('text').nullish();

const toolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  index: z.int().nullish(),
  function: z.strictObject({
    name: z.string(),
    arguments: z.string(),
    // Added by the parsing helpers of clients, which send messages back as they hold them.
    parsed_arguments: z.unknown().optional(),
  }),
});

/** What answers carry that says nothing when it is sent back. */
const echoed = {
  refusal: z.string().nullish(),
  annotations: listOf(z.unknown(), { most: 0 }).nullish(),
  audio: refused('is not supported: this model neither hears nor speaks'),
  function_call: refused('is not supported; use tool_calls'),
  parsed: z.unknown().optional(),
};

const messageBody = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.enum(['system', 'developer', 'user']), content, name, type }),
    z.strictObject({
      role: z.literal('assistant'),
      content: assistantContent.nullish(),
      tool_calls: listOf(toolCall).nullish(),
      name,
      type,
      ...echoed,
    }),
    z.strictObject({
      role: z.literal('tool'),
      content,
      tool_call_id: z.string(),
      name: z.string().nullish(),
      type,
    }),
  ],
  { error: 'must be "system", "developer", "user", "assistant" or "tool"' },
);

/** A list of messages, in neutral terms. */
export const chatMessages: z.ZodType<ReplyMessage[]> = listOf(messageBody, { least: 1 }).transform(
  (messages) => messages.map(replyMessage),
);

function replyMessage(message: z.output<typeof messageBody>): ReplyMessage {
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', text: textOf(message.content) };
    case 'user':
      return { role: 'user', text: textOf(message.content) };
    case 'tool': {
      const { tool_call_id: callId, content: answer, name: tool } = message;
      return { role: 'tool', callId, text: textOf(answer), ...(tool == null ? {} : { name: tool }) };
    }
    case 'assistant': {
      const calls = (message.tool_calls ?? []).map(({ id, function: called }) => ({
        id,
        name: called.name,
        arguments: called.arguments,
      }));
      const text = textOf(message.content ?? message.refusal ?? '');
      return { role: 'assistant', text, ...(calls.length === 0 ? {} : { toolCalls: calls }) };
    }
  }
}

type Part = z.output<typeof textPart> | z.output<typeof refusalPart>;

function textOf(body: string | readonly Part[]): string {
  if (typeof body === 'string') return body;
  return body.map((part) => (part.type === 'text' ? part.text : part.refusal)).join('');
}
