/** Messages and tools of `/api/chat` in neutral terms. Ollama's calls have no ids, so results follow calls in order. */
import type { ReplyMessage } from '../../reply/reply.ts';
import type { ToolCall, ToolDefinition } from '../../tools/tool-definition.ts';
import { invalidParameter } from '../body-check.ts';
import type { MessageParam, ToolParam } from './request-schema.ts';

/**
 * The conversation of a request.
 *
 * @throws RequestError 400 for a result that no call asked for
 */
export function messagesOf(messages: readonly MessageParam[]): ReplyMessage[] {
  let calls = 0;
  const open: ToolCall[] = [];
  return messages.map((message, i): ReplyMessage => {
    const { role, content: text = '' } = message;
    if (role === 'tool') return { role, text, ...callOf(message, open, `messages[${i}]`) };
    const toolCalls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => ({
      id: id ?? `call_${calls++}`,
      name,
      arguments: JSON.stringify(input),
    }));
    if (toolCalls.length === 0) return { role, text };
    if (role !== 'assistant') {
      throw invalidParameter(`messages[${i}].tool_calls`, 'may only be in messages of the assistant');
    }
    open.push(...toolCalls);
    return { role, text, toolCalls };
  });
}

/** The call that a result belongs to: the one of its id, or the first that is open, of its name where it has one. */
function callOf(
  { tool_call_id: id, tool_name: name }: MessageParam,
  open: ToolCall[],
  path: string,
): { callId: string; name: string } {
  const at = open.findIndex((call) =>
    id === undefined ? name === undefined || call.name === name : call.id === id,
  );
  if (at < 0) throw invalidParameter(path, 'is the result of a tool, and no call before it waits for one');
  const [call] = open.splice(at, 1);
  return { callId: call!.id, name: call!.name };
}

/** The tools of a request. @throws RequestError 400 for two of one name */
export function toolsOf(tools: readonly ToolParam[]): ToolDefinition[] {
  return tools.map(({ function: { name, description, parameters } }, i) => {
    if (tools.findIndex((tool) => tool.function.name === name) !== i) {
      throw invalidParameter(`tools[${i}].function.name`, `is ${name}, which another tool is called too`);
    }
    return {
      name,
      ...(description === undefined ? {} : { description }),
      ...(parameters == null ? {} : { parameters }),
    };
  });
}
