/**
 * Conversations with tools as messages for a chat template. Templates that write tools and calls in our form get them as
 * they expect them; for others they become text: a list of the tools in the system message, calls as the model has to
 * write them, and results as messages of the user.
 */
import type { ChatMessage } from '../../tokenizer/chat/chat-template.ts';
import { CALL_BEGIN, CALL_END } from './call-format.ts';
import type { ToolCall, ToolChoice, ToolDefinition } from './tool-definition.ts';

/** A message of a conversation. */
export type ToolMessage =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly name?: string; readonly text: string };

/** What a template is rendered with. */
export interface TemplateInput {
  readonly messages: readonly ChatMessage[];
  /** In OpenAI's form; undefined where there are none or the messages tell them. */
  readonly tools?: readonly unknown[];
}

/** Whether a template writes tools itself, and calls as our grammar does. */
export function knowsTools(template: string): boolean {
  return /\btools\b/.test(template) && template.includes(CALL_BEGIN);
}

/** The input of a template. Tools are not told where none may be called. */
export function templateInput(
  template: string,
  messages: readonly ToolMessage[],
  tools: readonly ToolDefinition[],
  choice: ToolChoice,
): TemplateInput {
  const told = choice === 'none' ? [] : tools;
  if (!knowsTools(template)) return { messages: asText(messages, told) };
  return {
    messages: messages.map(asFields),
    ...(told.length === 0 ? {} : { tools: told.map(openAiForm) }),
  };
}

function openAiForm(tool: ToolDefinition): unknown {
  const { name, description, parameters = { type: 'object', properties: {} } } = tool;
  return {
    type: 'function',
    function: { name, ...(description === undefined ? {} : { description }), parameters },
  };
}

/** A message with the fields that templates of the Hugging Face library read. */
function asFields(message: ToolMessage): ChatMessage {
  if (message.role === 'tool') {
    const { callId, name, text } = message;
    return { role: 'tool', content: text, tool_call_id: callId, ...(name === undefined ? {} : { name }) };
  }
  if (message.role !== 'assistant' || message.toolCalls === undefined || message.toolCalls.length === 0) {
    return { role: message.role, content: message.text };
  }
  const calls = message.toolCalls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: parsed(text) },
  }));
  return { role: 'assistant', content: message.text, tool_calls: calls };
}

/** Templates write arguments as JSON themselves; what is no JSON goes to them as text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Messages of the three roles that every template knows. */
function asText(messages: readonly ToolMessage[], tools: readonly ToolDefinition[]): ChatMessage[] {
  const out: { role: string; content: string }[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.role !== 'tool') {
      out.push({ role: message.role, content: textOf(message) });
      continue;
    }
    const response = `<tool_response>\n${message.text}\n</tool_response>`;
    // Results of one turn are one message: many templates want roles to alternate.
    if (messages[i - 1]?.role === 'tool') out.at(-1)!.content += `\n${response}`;
    else out.push({ role: 'user', content: response });
  }
  if (tools.length === 0) return out;
  const instructions = describe(tools);
  if (out[0]?.role === 'system') out[0].content += `\n\n${instructions}`;
  else out.unshift({ role: 'system', content: instructions });
  return out;
}

function textOf(message: Exclude<ToolMessage, { role: 'tool' }>): string {
  if (message.role !== 'assistant') return message.text;
  const calls = (message.toolCalls ?? []).map(
    ({ name, arguments: text }) =>
      `${CALL_BEGIN}\n{"name": ${JSON.stringify(name)}, "arguments": ${text}}\n${CALL_END}`,
  );
  return [...(message.text === '' ? [] : [message.text]), ...calls].join('\n');
}

function describe(tools: readonly ToolDefinition[]): string {
  const list = tools.map((tool) => JSON.stringify(openAiForm(tool))).join('\n');
  return (
    `You may call functions to help with the user's request. These are the functions, as JSON schemas:\n<tools>\n${list}\n</tools>\n` +
    'To call one, write its name and arguments as JSON between tags, exactly like this:\n' +
    `${CALL_BEGIN}\n{"name": "function-name", "arguments": {"argument-name": "value"}}\n${CALL_END}\n` +
    'Results come back between <tool_response> tags.'
  );
}
