/**
 * How the program fails: exit statuses, faults of the command line as opposed to faults of files, and the sentence that
 * goes to stderr. Texts from files pass {@link printableLine}, so that no file can send control sequences to the terminal.
 */
import { BitnetError, ContextLengthExceeded } from '../base/errors.ts';
import { printable, printableLine } from './terminal.ts';

/** Exit statuses of the program. */
export const ExitStatus = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** A command line that cannot be understood; the program ends with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Why a command's signal was aborted: the user pressed Ctrl-C, or whoever read our output has gone. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly status: number;

  constructor(status: number) {
    super('stopped');
    this.status = status;
  }
}

/** What to print for an error and which status to exit with. */
export interface Failure {
  /** '' when there is nothing to say. */
  readonly message: string;
  readonly status: number;
}

/**
 * The outcome of a command that threw.
 *
 * @param debug add the stack (BITNET_DEBUG=1)
 */
export function describeFailure(error: unknown, debug: boolean): Failure {
  if (error instanceof Stopped) return { message: '', status: error.status };
  const stack = debug && error instanceof Error ? `\n${printable(error.stack ?? '')}` : '';
  const line = (sentence: string) => printableLine(`bitnet: ${sentence}`) + stack;
  if (error instanceof UsageError) return { message: line(error.message), status: ExitStatus.usage };
  if (error instanceof BitnetError) return { message: line(sentenceOf(error)), status: ExitStatus.failure };
  const what = error instanceof Error ? error.message.replace(/^internal error: /, '') : String(error);
  const hint = debug ? '' : '; this is a bug in bitnet.ts, BITNET_DEBUG=1 shows where';
  return { message: line(`internal error: ${what}${hint}`), status: ExitStatus.failure };
}

/** Options of the API by their names on the command line. */
const FLAGS: Readonly<Record<string, string>> = {
  contextLength: '--context',
  batchTokens: '--batch',
  kvCache: '--kv-cache',
  threads: '--threads',
  head: '--head',
};

/** What to do next on the command line, where the library cannot know it. */
const ADVICE: Readonly<Record<string, string>> = {
  'source/not-found': 'check the path, or take a model by its name (`bitnet models` lists them)',
  'model/unsupported-architecture': '`bitnet models` lists models that run',
};

/** The error's message; where it advises in terms of the API, in terms of the command line. */
export function sentenceOf(error: BitnetError): string {
  if (!(error instanceof ContextLengthExceeded)) {
    const flag = FLAGS[error.code.replace(/^option\//, '')];
    const message = flag === undefined ? error.message : error.message.replace(/^\w+ is /, `${flag} is `);
    const advice = ADVICE[error.code];
    return advice === undefined ? message : `${message}; ${advice}`;
  }
  return (
    `${error.requestedTokens} tokens do not fit in the context of ${error.contextLength}; shorten the text, enlarge the ` +
    'context with --context if the model allows it, or let --overflow slide forget the older half'
  );
}
