/**
 * The `logprobs` object of completions: four lists with an entry for every token, prompt included where it is echoed.
 * Evaluation harnesses read continuations out of them by position (lm-eval's local-completions) or by offset in
 * the text (its gguf backend), so tokens that end a text or have none of their own have entries like all others.
 */
import type { GeneratedToken, Tokenizer, TokenProbability } from '../../../../index.ts';
import { createDecoder, type TokenDecoder } from '../../../../tokenizer/tokenizer.ts';

/** The lists, as the API names them; all of one length. */
export interface CompletionScores {
  readonly tokens: string[];
  /** Null for the first token of a prompt, which nothing predicts. */
  readonly token_logprobs: (number | null)[];
  /** Log-probabilities by token text: the most likely ones, and the token itself. */
  readonly top_logprobs: (Readonly<Record<string, number>> | null)[];
  /** Where tokens begin in the text, in Unicode code points. */
  readonly text_offset: number[];
}

/** Lists without entries. */
export function noScores(): CompletionScores {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
}

/** Puts more entries behind those of `scores`. */
export function appendScores(scores: CompletionScores, more: CompletionScores): void {
  scores.tokens.push(...more.tokens);
  scores.token_logprobs.push(...more.token_logprobs);
  scores.top_logprobs.push(...more.top_logprobs);
  scores.text_offset.push(...more.text_offset);
}

/** Writes the lists of one text, from its beginning. */
export class ScoreWriter {
  readonly #tokenizer: Tokenizer;
  readonly #decoder: TokenDecoder;
  #offset = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#decoder = createDecoder(tokenizer, { skipSpecial: true, continuation: true });
  }

  /**
   * Entries of an echoed prompt, which the text begins with.
   *
   * @param scores of all tokens but the first
   */
  prompt(prompt: readonly number[], scores: readonly GeneratedToken[]): CompletionScores {
    const entries = noScores();
    const decoder = createDecoder(this.#tokenizer, { skipSpecial: true });
    for (const [position, id] of prompt.entries()) {
      this.#add(entries, id, decoder, position === 0 ? undefined : scores[position - 1]);
    }
    this.#offset += codePoints(decoder.flush());
    return entries;
  }

  /** The entry of a generated token. */
  token(score: GeneratedToken): CompletionScores {
    const entries = noScores();
    this.#add(entries, score.id, this.#decoder, score);
    return entries;
  }

  #add(
    entries: CompletionScores,
    id: number,
    decoder: TokenDecoder,
    score: GeneratedToken | undefined,
  ): void {
    entries.tokens.push(tokenName(this.#tokenizer, id));
    entries.token_logprobs.push(score?.logprob ?? null);
    entries.top_logprobs.push(score === undefined ? null : topByName(this.#tokenizer, score));
    entries.text_offset.push(this.#offset);
    this.#offset += codePoints(decoder.push(id));
  }
}

/** Two tokens may have the same text; the scored one keeps its name, and none is lost. */
function topByName(tokenizer: Tokenizer, score: GeneratedToken): Record<string, number> {
  const byName = new Map<string, number>();
  const add = ({ id, logprob }: TokenProbability) => {
    const name = tokenName(tokenizer, id);
    byName.set(byName.has(name) ? numbered(id) : name, logprob);
  };
  add(score);
  for (const token of score.top) if (token.id !== score.id) add(token);
  const falling = [...byName].sort(([, a], [, b]) => b - a);
  return Object.fromEntries(falling);
}

/** A token as the API names it: its text, or its bytes where they are no whole characters. */
function tokenName(tokenizer: Tokenizer, id: number): string {
  if (id >= tokenizer.vocabSize) return numbered(id);
  const bytes = tokenizer.tokenBytes(id);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

const numbered = (id: number): string => `token_id:${id}`;

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
