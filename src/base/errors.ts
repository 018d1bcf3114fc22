/**
 * The error classes of the package. Every fault that bad input can cause is one of these, with a stable `code`
 * (`area/what`) for programs and one sentence (what, where, what to do) for people. Faults of our own code are
 * plain `Error`s from assert.ts. Aborting is not a fault: the signal's own reason is thrown unchanged.
 */

/** Anything that is wrong with a file, an option or a request. */
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
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
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
