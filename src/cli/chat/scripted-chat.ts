/**
 * Chat without a person: every line of standard input is a message, the answers go to stdout and what commands say to
 * stderr. The first error ends it, so that a script never goes on with less than it thinks it has.
 */
import { createInterface } from 'node:readline';
import { contextNote } from '../generation/statistics.ts';
import { printable, writeNote, writeOutput } from '../terminal.ts';
import { isChatCommand, runChatCommand } from './chat-commands.ts';
import type { ChatSession } from './chat-session.ts';
import { MessageReader } from './message-reader.ts';

/**
 * Answers the messages on standard input until it ends or says /exit.
 *
 * @throws the first error of a message or a command; the signal's reason when aborted
 */
export async function chatFromScript(session: ChatSession, signal: AbortSignal): Promise<void> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  const close = () => lines.close();
  signal.addEventListener('abort', close, { once: true });
  const reader = new MessageReader();
  try {
    for await (const line of lines) {
      const message = reader.push(line);
      if (message !== undefined && (await handle(message, session, signal)) === 'leave') return;
    }
    const rest = reader.flush();
    if (rest !== undefined) await handle(rest, session, signal);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', close);
    lines.close();
    // A pipe that is still open would keep the process alive.
    process.stdin.destroy();
  }
}

async function handle(message: string, session: ChatSession, signal: AbortSignal): Promise<'stay' | 'leave'> {
  if (message.trim() === '') return 'stay';
  if (isChatCommand(message)) {
    const { lines, leave } = await runChatCommand(message, session);
    for (const line of lines) await writeNote(printable(line));
    return leave ? 'leave' : 'stay';
  }
  const result = await session.answer(message, writeOutput, signal);
  await writeOutput('\n');
  if (result?.finishReason === 'context') await writeNote(`bitnet: ${contextNote(session.model)}`);
  return 'stay';
}
