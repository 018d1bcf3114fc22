/**
 * A reply's text as it comes, told apart into words and calls of tools. Text that may become the opening tag is held back;
 * arguments are passed on as they come. Constraints see to it that what is between the tags is a call.
 */
import { CALL_BEGIN, CALL_END } from './call-format.ts';

/** A piece of a reply. */
export type ReplyPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tool-call'; readonly index: number; readonly id: string; readonly name: string }
  /** More of the JSON text of a call's arguments. */
  | { readonly kind: 'tool-arguments'; readonly index: number; readonly text: string };

const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/;
const MAX_HEAD_UNITS = 1000;
const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 24;

/** See the file's header. */
export class CallParser {
  /** Calls whose arguments are complete. */
  #completed = 0;
  #started = 0;
  #state: 'text' | 'head' | 'arguments' | 'tail' = 'text';
  #held = '';
  /** Open braces and brackets of the arguments, and where a string is. */
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** How many calls are complete. */
  get calls(): number {
    return this.#completed;
  }

  /** Whether a call has begun and is not complete. */
  get isWithinCall(): boolean {
    return this.#state === 'head' || this.#state === 'arguments';
  }

  /** Takes more text. */
  push(text: string): ReplyPart[] {
    this.#held += text;
    const parts: ReplyPart[] = [];
    while (this.#step(parts));
    return parts;
  }

  /** The text has ended; what was held back is text, but for a call that is cut off. */
  flush(): ReplyPart[] {
    const rest = this.#state === 'text' ? this.#held : '';
    this.#held = '';
    const isGap = this.#completed > 0 && rest.trim() === '';
    return rest === '' || isGap ? [] : [{ kind: 'text', text: rest }];
  }

  /** One step; false when it takes more text to go on. */
  #step(parts: ReplyPart[]): boolean {
    switch (this.#state) {
      case 'text':
        return this.#text(parts);
      case 'head':
        return this.#head(parts);
      case 'arguments':
        return this.#arguments(parts);
      default:
        return this.#tail();
    }
  }

  #text(parts: ReplyPart[]): boolean {
    const at = this.#held.indexOf(CALL_BEGIN);
    const end = at < 0 ? this.#held.length - openLength(this.#held) : at;
    const text = this.#held.slice(0, end);
    // Blanks between calls are no text; they are held until something follows.
    const isGap = this.#started > 0 && text.trim() === '';
    if (text !== '' && !isGap) parts.push({ kind: 'text', text });
    if (at < 0) {
      if (!isGap) this.#held = this.#held.slice(end);
      return false;
    }
    this.#held = this.#held.slice(at + CALL_BEGIN.length);
    this.#state = 'head';
    return true;
  }

  #head(parts: ReplyPart[]): boolean {
    const match = HEAD.exec(this.#held);
    if (match === null) {
      const isNoCall = this.#held.length > MAX_HEAD_UNITS || this.#held.includes(CALL_END);
      if (isNoCall) {
        parts.push({ kind: 'text', text: CALL_BEGIN + this.#held });
        this.#held = '';
        this.#state = 'text';
      }
      return false;
    }
    const name: unknown = JSON.parse(match[1]!);
    parts.push({ kind: 'tool-call', index: this.#started++, id: callId(), name: String(name) });
    this.#held = this.#held.slice(match[0].length);
    this.#state = 'arguments';
    [this.#depth, this.#inString, this.#escaped] = [0, false, false];
    return true;
  }

  #arguments(parts: ReplyPart[]): boolean {
    const end = this.#argumentsEnd();
    const text = this.#held.slice(0, end);
    if (text !== '') parts.push({ kind: 'tool-arguments', index: this.#started - 1, text });
    this.#held = this.#held.slice(text.length);
    if (end === undefined) return false;
    this.#completed++;
    this.#state = 'tail';
    return true;
  }

  /** Where the arguments end, if they do. */
  #argumentsEnd(): number | undefined {
    for (let i = 0; i < this.#held.length; i++) {
      const character = this.#held[i]!;
      if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        if (character === '"') this.#inString = false;
        else this.#escaped = character === '\\';
      } else if (character === '"') this.#inString = true;
      else if (character === '{' || character === '[') this.#depth++;
      else if ((character === '}' || character === ']') && --this.#depth === 0) return i + 1;
    }
    return undefined;
  }

  #tail(): boolean {
    const at = this.#held.indexOf(CALL_END);
    if (at < 0) return false;
    this.#held = this.#held.slice(at + CALL_END.length);
    this.#state = 'text';
    return true;
  }
}

/** Length of the text's end that may become the opening tag. */
function openLength(text: string): number {
  for (let length = Math.min(CALL_BEGIN.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(CALL_BEGIN.slice(0, length))) return length;
  }
  return 0;
}

function callId(): string {
  const random = crypto.getRandomValues(new Uint8Array(ID_LENGTH));
  return `call_${Array.from(random, (byte) => ID_LETTERS[byte % ID_LETTERS.length]).join('')}`;
}
