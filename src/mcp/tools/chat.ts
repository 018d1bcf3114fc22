/** The tool `chat`: the model's reply to a conversation, laid out by the model's own template. */
import { z } from 'zod';
import { generateFrom, generationOutput } from '../generation.ts';
import { generationFields, parameterList, textParameter } from '../parameters.ts';
import { defineTool, type Tool } from '../tool.ts';

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: textParameter('What was said.'),
});

/** The tool. */
export const chat: Tool = defineTool({
  name: 'chat',
  title: 'Reply to a conversation',
  description:
    'Replies to a conversation with a small 1-bit language model that runs on the CPU of this machine. It remembers ' +
    'nothing between calls: send all messages every time (those that it knows from the last call are not computed again).',
  input: z.strictObject({
    messages: parameterList(message, { least: 1 }).meta({
      description: 'The conversation so far, oldest message first; usually the last one is from the user.',
    }),
    ...generationFields,
  }),
  output: generationOutput,
  run: ({ messages, ...parameters }, call) => generateFrom(call.model.encodeChat(messages), parameters, call),
});
