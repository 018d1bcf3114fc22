/**
 * Conversations on disk: `{"messages": [{"role": "user", "content": "…"}, …]}`, the form that chat APIs and fine-tuning
 * tools use. Writing leaves either the old file or the whole new one; reading believes nothing.
 */
import { open, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import type { TextMessage } from './conversation.ts';

const MAX_FILE_BYTES = 16 * 2 ** 20;
const MAX_MESSAGES = 10_000;
const ROLES: ReadonlySet<unknown> = new Set<TextMessage['role']>(['system', 'user', 'assistant']);

/**
 * Writes messages to a file, which is replaced in one step.
 *
 * @throws BitnetError `chat/cannot-save`
 */
export async function saveConversation(path: string, messages: readonly TextMessage[]): Promise<void> {
  const target = expandHome(path);
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify({ messages }, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new BitnetError(
      'chat/cannot-save',
      `${path}: the conversation cannot be saved (${reasonOf(cause)})`,
      { cause },
    );
  }
}

/**
 * The messages of a file.
 *
 * @throws BitnetError `chat/cannot-load`, `chat/bad-file`
 */
export async function loadConversation(path: string): Promise<readonly TextMessage[]> {
  const text = await readLimited(path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badFile(path, 'it is no JSON', cause);
  }
  const messages = (json as { messages?: unknown } | null)?.messages;
  if (!Array.isArray(messages)) throw badFile(path, 'it has no list "messages"');
  if (messages.length > MAX_MESSAGES) throw badFile(path, `it has more than ${MAX_MESSAGES} messages`);
  return messages.map((message, index) => checkMessage(path, message, index));
}

async function readLimited(path: string): Promise<string> {
  try {
    const target = expandHome(path);
    const { size } = await stat(target);
    if (size > MAX_FILE_BYTES) throw badFile(path, `it has more than ${MAX_FILE_BYTES} bytes`);
    const handle = await open(target);
    try {
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof BitnetError) throw cause;
    throw new BitnetError(
      'chat/cannot-load',
      `${path}: the conversation cannot be read (${reasonOf(cause)})`,
      { cause },
    );
  }
}

function checkMessage(path: string, value: unknown, index: number): TextMessage {
  const { role, content } = (value ?? {}) as { role?: unknown; content?: unknown };
  if (!ROLES.has(role)) {
    throw badFile(path, `the role of message ${index} is none of ${[...ROLES].join(', ')}`);
  }
  if (typeof content !== 'string') throw badFile(path, `the content of message ${index} is no text`);
  return { role: role as TextMessage['role'], content };
}

function badFile(path: string, why: string, cause?: unknown): BitnetError {
  return new BitnetError('chat/bad-file', `${path}: this is no saved conversation: ${why}`, { cause });
}

/** `ENOENT: no such file or directory`, without the system call that Node adds. */
function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/, [a-z]+ '.*$/s, '') : String(cause);
}

/** Shells do this to arguments; a path typed at our prompt has not passed one. */
function expandHome(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}
