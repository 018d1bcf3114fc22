/** Chat in a terminal: asks, streams the answer, runs slash commands, and goes on after errors. */
import { BitnetError, ContextLengthExceeded } from '../../base/errors.ts';
import { sentenceOf } from '../errors.ts';
import { computeLabel, contextNote } from '../generation/statistics.ts';
import { printable, type Styles, stylesOf, write, writeOutput } from '../terminal.ts';
import { isChatCommand, runChatCommand } from './chat-commands.ts';
import type { ChatSession } from './chat-session.ts';
import { ChatPrompt } from './prompt.ts';

/**
 * Talks until the user leaves.
 *
 * @param banner lines to begin with
 * @throws the signal's reason when aborted
 */
export async function chatInTerminal(
  session: ChatSession,
  banner: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const styles = stylesOf(process.stdout);
  for (const line of banner) await say(line);
  const prompt = new ChatPrompt(
    {
      prompt: styles.bold(styles.cyan('> ')),
      continuation: styles.dim('… '),
      leaveHint: styles.dim('Ctrl-C once more leaves; so do Ctrl-D and /exit.'),
    },
    process.stdin,
    process.stdout,
  );
  const close = () => prompt.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    for (;;) {
      const message = await prompt.next();
      if (message === undefined) break;
      const outcome = isChatCommand(message)
        ? await runCommand(message, session, styles)
        : await prompt.whileAnswering(signal, (either) => answer(message, session, styles, either));
      if (outcome === 'leave') break;
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', close);
    prompt.close();
    // An open terminal would keep the process alive.
    process.stdin.unref();
  }
}

/** What a chat begins with: the model, what runs it, and how to go on. */
export function chatBanner({ model, label, conversation }: ChatSession, styles: Styles): string[] {
  return [
    `${styles.bold(printable(label))} on ${computeLabel(model)}, context of ${model.contextLength} tokens`,
    ...(conversation.hasTurns
      ? []
      : ['This is a base model: it holds no conversation, it continues each text you type.']),
    styles.dim('/help lists commands, Ctrl-D leaves.'),
    '',
  ];
}

async function answer(
  message: string,
  session: ChatSession,
  styles: Styles,
  signal: AbortSignal,
): Promise<'stay'> {
  // The text that a base model continues is part of the result.
  let unseen = session.conversation.hasTurns ? '' : message;
  let last = '';
  const show = async (text: string) => {
    await write(process.stdout, styles.dim(printable(unseen)));
    unseen = '';
    if (text !== '') last = text;
    await writeOutput(text);
  };
  try {
    const result = await session.answer(message, show, signal);
    await write(process.stdout, last.endsWith('\n') ? '\n' : '\n\n');
    if (result?.finishReason === 'context') await say(styles.yellow(contextAdvice(session)), '');
  } catch (error) {
    if (signal.aborted) await write(process.stdout, styles.dim(' [stopped]\n\n'));
    else await sayError(error, session, styles);
  }
  return 'stay';
}

async function runCommand(line: string, session: ChatSession, styles: Styles): Promise<'stay' | 'leave'> {
  try {
    const { lines, leave } = await runChatCommand(line, session);
    if (leave) return 'leave';
    await say(...lines.map((text) => styles.dim(printable(text))), '');
  } catch (error) {
    await sayError(error, session, styles);
  }
  return 'stay';
}

async function sayError(error: unknown, session: ChatSession, styles: Styles): Promise<void> {
  if (!(error instanceof BitnetError)) throw error;
  if (error instanceof ContextLengthExceeded && session.conversation.hasTurns) {
    await say(
      styles.yellow(
        `The conversation would take ${error.requestedTokens} tokens, and the context holds ${error.contextLength}: ` +
          '/reset starts anew, /save FILE keeps it first.',
      ),
      '',
    );
  } else {
    await say(styles.red(printable(sentenceOf(error))), '');
  }
}

function contextAdvice({ model, conversation }: ChatSession): string {
  if (!conversation.hasTurns) return `(${contextNote(model)})`;
  return (
    `The context of ${model.contextLength} tokens is full and the answer ends there: /reset starts anew, ` +
    '/save FILE keeps the conversation first.'
  );
}

async function say(...lines: readonly string[]): Promise<void> {
  for (const line of lines) await write(process.stdout, `${line}\n`);
}
