/**
 * Messages of the Anthropic API as a conversation in neutral terms. There, results of tools are blocks of the user's
 * message, a turn may be cut into several messages, and the system prompt stands apart.
 */
import type { ReplyMessage, ReplyRequest } from '../../reply/reply.ts';
import type { ToolChoice, ToolDefinition } from '../../tools/tool-definition.ts';
import { invalidParameter } from '../body-check.ts';
import type { MessageParam, TextContent, ToolResultBlock, ToolUseBlock } from './content-schema.ts';
import type { PromptParams, ToolParam } from './request-schema.ts';

/** What a request's prompt and its form of answer are made of. */
export type Conversation = Pick<
  ReplyRequest,
  'messages' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format'
>;

/**
 * The conversation of a request.
 *
 * @throws RequestError 400 for one that the model could not go on with: results of calls that nobody made, the
 *   assistant's turn last, a choice of tools that there are none of
 */
export function conversationOf(params: PromptParams): Conversation {
  const { tools = [], output_config: output } = params;
  for (const [i, { name }] of tools.entries()) {
    if (tools.findIndex((tool) => tool.name === name) !== i) {
      throw invalidParameter(`tools[${i}].name`, `is ${name}, which another tool is called too`);
    }
  }
  const choice = params.tool_choice ?? { type: 'auto' };
  return {
    messages: messagesOf(params),
    tools: tools.map(definitionOf),
    toolChoice: toolChoiceOf(params),
    parallelToolCalls: !('disable_parallel_tool_use' in choice && choice.disable_parallel_tool_use === true),
    format: output?.format == null ? { kind: 'text' } : { kind: 'schema', schema: output.format.schema },
  };
}

function definitionOf({
  name,
  description,
  input_schema,
  input_examples: examples = [],
}: ToolParam): ToolDefinition {
  const told = [
    ...(description === undefined ? [] : [description]),
    ...examples.map((example) => `Example of its input: ${JSON.stringify(example)}`),
  ];
  return { name, parameters: input_schema, ...(told.length === 0 ? {} : { description: told.join('\n') }) };
}

function toolChoiceOf({ tool_choice: choice, tools = [] }: PromptParams): ToolChoice {
  if (choice === undefined || choice.type === 'auto') return 'auto';
  if (choice.type === 'none') return 'none';
  if (choice.type === 'tool') {
    if (tools.some(({ name }) => name === choice.name)) return { name: choice.name };
    throw invalidParameter(
      'tool_choice.name',
      `is ${JSON.stringify(choice.name.slice(0, 100))}, and no tool is called so`,
    );
  }
  if (tools.length > 0) return 'required';
  throw invalidParameter('tool_choice', 'asks for a call, and there are no tools');
}

function messagesOf({ messages, system }: PromptParams): ReplyMessage[] {
  const conversation: ReplyMessage[] = [];
  const prompt = system === undefined ? '' : textOf(system);
  if (prompt !== '') conversation.push({ role: 'system', text: prompt });
  const calls = new Map<string, string>();
  for (const [i, message] of messages.entries()) {
    for (const part of partsOf(message, calls, `messages[${i}]`)) append(conversation, part);
  }
  if (messages.at(-1)!.role === 'assistant') {
    throw invalidParameter(
      `messages[${messages.length - 1}]`,
      'is the last message and the assistant’s, whose answers cannot be begun for it here; end with one of the user',
    );
  }
  return conversation;
}

/**
 * A message's parts: results of tools are messages of their own.
 *
 * @param calls names of the tools called so far, by the ids of calls; more are added
 */
function* partsOf(message: MessageParam, calls: Map<string, string>, path: string): Generator<ReplyMessage> {
  const { role, content } = message;
  if (typeof content === 'string') {
    yield { role, text: content };
    return;
  }
  for (const [i, block] of content.entries()) {
    if (block.type === 'text') yield { role, text: block.text };
    else if (block.type === 'tool_use') yield calling(block, calls);
    else yield resultOf(block, calls, `${path}.content[${i}]`);
  }
}

function calling({ id, name, input }: ToolUseBlock, calls: Map<string, string>): ReplyMessage {
  calls.set(id, name);
  return { role: 'assistant', text: '', toolCalls: [{ id, name, arguments: JSON.stringify(input) }] };
}

function resultOf(block: ToolResultBlock, calls: ReadonlyMap<string, string>, path: string): ReplyMessage {
  const name = calls.get(block.tool_use_id);
  if (name === undefined) {
    throw invalidParameter(`${path}.tool_use_id`, 'is the id of no tool_use block before it');
  }
  const text = textOf(block.content ?? '');
  return {
    role: 'tool',
    callId: block.tool_use_id,
    name,
    text: block.is_error === true ? `Error: ${text}` : text,
  };
}

/** Adds to a conversation in which the same role does not speak twice in a row. */
function append(conversation: ReplyMessage[], next: ReplyMessage): void {
  const last = conversation.at(-1);
  if (last?.role !== next.role || next.role === 'tool' || last.role === 'tool') conversation.push(next);
  else conversation[conversation.length - 1] = joined(last, next);
}

function joined(last: Exclude<ReplyMessage, { role: 'tool' }>, next: ReplyMessage): ReplyMessage {
  const text = [last.text, next.text].filter((part) => part !== '').join('\n');
  if (last.role !== 'assistant' || next.role !== 'assistant') return { ...last, text };
  const toolCalls = [...(last.toolCalls ?? []), ...(next.toolCalls ?? [])];
  return { role: 'assistant', text, ...(toolCalls.length === 0 ? {} : { toolCalls }) };
}

function textOf(content: TextContent): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}
