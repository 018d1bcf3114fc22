/**
 * Finds the tokens that are matched in the text before anything else happens to it: control tokens such as
 * `<|eot_id|>` (when asked for) and user-defined ones. Leftmost match first, the longest of those that start there;
 * one walk down a trie per position, so the cost is bounded by the length of the longest token.
 */
import { BitnetError } from '../base/errors.ts';

/** A token that is matched literally. */
export interface AddedToken {
  readonly id: number;
  readonly text: string;
  /** Swallows whitespace before it. */
  readonly stripsLeft?: boolean;
  /** Swallows whitespace after it. */
  readonly stripsRight?: boolean;
}

/** The longest literal token that is accepted; it bounds the work per character of a text. */
const MAX_TOKEN_UNITS = 256;
/** All literal tokens together; Falcon3's two thousand need 40,000. */
const MAX_TOTAL_UNITS = 1 << 20;

/** Cuts texts at literal tokens. */
export class AddedTokens {
  readonly #tokens: readonly AddedToken[];
  /** Edges of the trie: node * 65536 + UTF-16 unit to the next node; the root is 0. */
  readonly #edges = new Map<number, number>();
  /** Index into #tokens by node, -1 where no token ends. */
  readonly #ends: number[] = [-1];

  /** @throws BitnetError `tokenizer/bad-added-token` when a token is empty or too long, or all together are */
  constructor(tokens: readonly AddedToken[]) {
    this.#tokens = tokens;
    let total = 0;
    for (const [index, token] of tokens.entries()) {
      total += token.text.length;
      if (token.text.length === 0 || token.text.length > MAX_TOKEN_UNITS || total > MAX_TOTAL_UNITS) {
        throw new BitnetError(
          'tokenizer/bad-added-token',
          `added token ${token.id} is ${token.text.length} characters long and all up to it ${total}; possible are 1 to ` +
            `${MAX_TOKEN_UNITS}, and ${MAX_TOTAL_UNITS} together`,
        );
      }
      this.#insert(token.text, index);
    }
  }

  #insert(text: string, index: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const key = node * 65536 + text.charCodeAt(i);
      let next = this.#edges.get(key);
      if (next === undefined) {
        next = this.#ends.length;
        this.#ends.push(-1);
        this.#edges.set(key, next);
      }
      node = next;
    }
    if (this.#ends[node] === -1) this.#ends[node] = index;
  }

  /** The longest token that starts at `start` and contains no index of `plainAt`. */
  #matchAt(text: string, start: number, plainAt: ReadonlySet<number> | undefined): AddedToken | undefined {
    let node: number | undefined = 0;
    let longest = -1;
    for (let i = start; i < text.length; i++) {
      if (plainAt?.has(i)) break;
      node = this.#edges.get(node * 65536 + text.charCodeAt(i));
      if (node === undefined) break;
      if (this.#ends[node] !== -1) longest = this.#ends[node]!;
    }
    return longest === -1 ? undefined : this.#tokens[longest];
  }

  /** Calls back for every stretch of ordinary text (never empty) and every literal token, in order. */
  split(
    text: string,
    plainAt: ReadonlySet<number> | undefined,
    onText: (stretch: string) => void,
    onToken: (id: number) => void,
  ): void {
    let textStart = 0;
    for (let i = 0; i < text.length && this.#tokens.length > 0; ) {
      const token = this.#matchAt(text, i, plainAt);
      if (token === undefined) {
        i++;
        continue;
      }
      let before = text.slice(textStart, i);
      if (token.stripsLeft) before = before.trimEnd();
      if (before !== '') onText(before);
      onToken(token.id);
      i += token.text.length;
      if (token.stripsRight) i = text.length - text.slice(i).trimStart().length;
      textStart = i;
    }
    const rest = textStart === 0 ? text : text.slice(textStart);
    if (rest !== '') onText(rest);
  }
}
