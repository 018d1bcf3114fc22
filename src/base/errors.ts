/**
 * The error classes of the package. Every fault that bad input can cause is one of these, with a stable `code`
 * (`area/what`) for programs and one sentence (what, where, what to do) for people. Faults of our own code are
 * plain `Error`s from assert.ts. Aborting is not a fault: the signal's own reason is thrown unchanged.
 */

/** Control characters, and those that turn the direction of a line or break it. */
const UNPRINTABLE = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;
/** Messages quote names out of files, which may be as long as the file likes. */
const LONGEST_MESSAGE = 1200;

/** A message on one line that can do nothing to a terminal, whatever a file called its tensors. */
function printable(message: string): string {
  const line = message.replace(UNPRINTABLE, (unit) => JSON_ESCAPES.get(unit) ?? hexEscape(unit));
  return line.length <= LONGEST_MESSAGE ? line : `${line.slice(0, 800)}…${line.slice(-300)}`;
}

const JSON_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function hexEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Anything that is wrong with a file, an option or a request. The message is one line of printable text. */
export class BitnetError extends Error {
  override readonly name: string = 'BitnetError';
  /** Stable identifier such as `gguf/bad-magic`. */
  readonly code: string;
  /** The numbers behind the message (offsets, sizes, names), for programs and logs. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Thrown when a prompt or a generation does not fit in the model's context and no overflow policy was chosen. */
export class ContextLengthExceeded extends BitnetError {
  override readonly name = 'ContextLengthExceeded';
  /** Tokens that the session would have to hold. */
  readonly requestedTokens: number;
  /** Tokens that it can hold. */
  readonly contextLength: number;

  constructor(requestedTokens: number, contextLength: number) {
    super(
      'session/context-length-exceeded',
      `${requestedTokens} tokens do not fit in a context of ${contextLength}; shorten the prompt, ask for fewer tokens, ` +
        'load the model with a larger contextLength, or choose an overflow policy',
      { details: { requestedTokens, contextLength } },
    );
    this.requestedTokens = requestedTokens;
    this.contextLength = contextLength;
  }
}
