/**
 * A document of a corpus: a text, or a conversation. Here is what a line of a JSONL file may be; reading files is
 * read-documents.ts, turning documents into tokens encode-documents.ts.
 */
import { BitnetError } from '../../../base/errors.ts';
import { describeJson, isJsonObject } from '../../../formats/json.ts';
import type { ChatMessage } from '../../../tokenizer/chat/chat-template.ts';

/** A text; long ones come in parts. */
export interface TextDocument {
  readonly kind: 'text';
  /** File and line, for messages. */
  readonly where: string;
  /** May be read once. */
  readonly parts: Iterable<string> | AsyncIterable<string>;
}

/** Turns of a conversation, each with a role and a text. */
export interface ConversationDocument {
  readonly kind: 'conversation';
  /** File and line, for messages. */
  readonly where: string;
  readonly messages: readonly ChatMessage[];
}

/** Either. */
export type TrainingDocument = TextDocument | ConversationDocument;

/**
 * The document of one line of a JSONL file: an object with `text`, or with `messages` as a list of objects with `role`
 * and `content`. Other keys are for other programs.
 *
 * @param where file and line, for messages
 * @throws BitnetError `train/bad-line`
 */
export function parseDocument(line: string, where: string): TrainingDocument {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    const why = line.trim() === '' ? 'it is empty' : reason(cause);
    throw new BitnetError('train/bad-line', `${where} is not JSON: ${why}`, { cause });
  }
  if (!isJsonObject(value)) throw bad(where, `is ${describeJson(value)}, not an object`);
  const text = Object.hasOwn(value, 'text') ? value.text : undefined;
  const messages = Object.hasOwn(value, 'messages') ? value.messages : undefined;
  if (text !== undefined && messages !== undefined) throw bad(where, 'has both "text" and "messages"');
  if (messages !== undefined)
    return { kind: 'conversation', where, messages: checkMessages(messages, where) };
  if (text === undefined) {
    throw bad(
      where,
      'has neither "text" nor "messages"; write it as {"text": "…"} or {"messages": [{"role": "user", "content": "…"}, …]}',
    );
  }
  return { kind: 'text', where, parts: [checkText(text, where, '"text"')] };
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function checkText(value: unknown, where: string, what: string): string {
  if (typeof value !== 'string')
    throw bad(where, `has ${describeJson(value)} as ${what} where text is needed`);
  if (value === '') throw bad(where, `has an empty ${what}; give it text or take the line out`);
  if (!value.isWellFormed()) {
    throw bad(
      where,
      `has half of a character in ${what} (a surrogate such as \\ud83d without the other half)`,
    );
  }
  return value;
}

function checkMessages(value: unknown, where: string): ChatMessage[] {
  if (!Array.isArray(value) || value.length === 0) {
    const found = Array.isArray(value) ? 'an empty list' : describeJson(value);
    throw bad(where, `has ${found} as "messages" where a list of messages is needed`);
  }
  return value.map((message: unknown, index) => {
    const what = `message ${index + 1}`;
    if (!isJsonObject(message)) throw bad(where, `has ${describeJson(message)} as ${what}, not an object`);
    const role = Object.hasOwn(message, 'role') ? message.role : undefined;
    const content = Object.hasOwn(message, 'content') ? message.content : undefined;
    return {
      ...message,
      role: checkText(role, where, `the role of ${what}`),
      content: checkText(content, where, `the content of ${what}`),
    };
  });
}

function bad(where: string, what: string): BitnetError {
  return new BitnetError('train/bad-line', `${where} ${what}`);
}
