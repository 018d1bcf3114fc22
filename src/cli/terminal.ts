/**
 * The standard streams as commands use them: writing that waits until the text is out, colours where they are seen,
 * text made safe for a terminal, and standard input read whole. What is piped gets the bytes as they are.
 */
import { BitnetError } from '../base/errors.ts';

/** Longest text taken from standard input. */
const MAX_INPUT_BYTES = 16 * 2 ** 20;

/** Ways to set text off; each answers its text unchanged where colours are off. */
export interface Styles {
  bold(text: string): string;
  dim(text: string): string;
  cyan(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

/** What is asked of a stream to decide how to write to it. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done?: (error?: Error | null) => void): boolean;
}

/** The styles of a stream: colours only on a terminal that shows them, and when NO_COLOR is unset or empty. */
export function stylesOf(
  stream: OutputStream,
  environment: NodeJS.ProcessEnv = process.env,
): Readonly<Styles> {
  const isColoured =
    stream.isTTY === true && (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb';
  const style = (on: number, off: number) => (text: string) =>
    isColoured && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    cyan: style(36, 39),
    yellow: style(33, 39),
    red: style(31, 39),
  };
}

/**
 * Writes and waits until the text is handed over, so that a slow reader slows us instead of filling the memory. A reader
 * that has gone is no error here; the stream's `error` event tells of it.
 */
export function write(stream: OutputStream, text: string): Promise<void> {
  if (text === '') return Promise.resolve();
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}

/** Writes to stdout; what a model or a file says is made safe when a person's terminal shows it. */
export function writeOutput(text: string): Promise<void> {
  return write(process.stdout, process.stdout.isTTY ? printable(text) : text);
}

/** Writes a line to stderr. */
export function writeNote(line: string): Promise<void> {
  return write(process.stderr, `${line}\n`);
}

/** The text with control characters made visible, except newlines and tabs: no text can move the cursor or more. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return `\\u{${code.toString(16)}}`;
  });
}

/** As {@link printable}, on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '␊').replaceAll('\t', '␉');
}

/**
 * All of standard input as text, without the newline that ends it.
 *
 * @throws BitnetError `cli/input-too-long`, `cli/input-not-text`; the signal's reason when aborted
 */
export async function readStandardInput(signal: AbortSignal): Promise<string> {
  const input = process.stdin;
  const stop = () => input.destroy(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of input as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > MAX_INPUT_BYTES) {
        throw new BitnetError(
          'cli/input-too-long',
          `standard input has more than ${MAX_INPUT_BYTES} bytes; give a shorter text`,
        );
      }
      chunks.push(chunk);
    }
    signal.throwIfAborted();
    return decodeInput(Buffer.concat(chunks));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function decodeInput(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new BitnetError('cli/input-not-text', 'standard input is not text in UTF-8', { cause });
  }
}
