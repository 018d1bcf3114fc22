/**
 * Perplexity of a text: how surprised a model is by it, token by token. The text is encoded whole and cut into pieces
 * that fit the context; each piece is scored on its own, behind the beginning-of-text token if the model expects one.
 * Numbers of two models compare only per byte, unless their tokenizers are the same.
 */
import { BitnetError } from '../base/errors.ts';
import type { Model } from '../index.ts';

/** How a text is scored. */
export interface PerplexityOptions {
  /** Tokens of a piece, without the beginning-of-text token. Default: what fits in the model's context. */
  readonly window?: number;
  /**
   * Tokens from the start of a piece to the start of the next; default: the window, so that pieces do not overlap. With
   * less, tokens that were scored before give the following ones their context and do not count again.
   */
  readonly stride?: number;
  /** Most tokens of the text to look at; default: all. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** What was found so far. */
export interface Perplexity {
  /** Mean negative natural log-probability of the scored tokens. */
  readonly nllPerToken: number;
  /** e to the power of that. */
  readonly perplexity: number;
  /** The same information in bits, per byte of the scored tokens: comparable between tokenizers. */
  readonly bitsPerByte: number;
  /** Tokens that were scored. */
  readonly tokens: number;
  /** Bytes of UTF-8 that they stand for. */
  readonly bytes: number;
}

/** An intermediate result. */
export interface PerplexityProgress extends Perplexity {
  /** Share of the text that was scored, 0 to 1. */
  readonly share: number;
}

/** The result, with the settings that it depends on. */
export interface PerplexityResult extends Perplexity {
  readonly window: number;
  readonly stride: number;
}

/** What is asked of a model. */
export type ScoringModel = Pick<Model, 'tokenizer' | 'contextLength' | 'tokenize' | 'score'>;

/**
 * Scores a text; yields after every piece.
 *
 * @throws BitnetError `option/…` for a value out of range, `eval/too-short` when there is no token to score; as the
 *   model's score; the signal's reason
 */
export async function* measurePerplexity(
  model: ScoringModel,
  text: string,
  options: PerplexityOptions = {},
): AsyncGenerator<PerplexityProgress, PerplexityResult, undefined> {
  const { addsBos, bosId } = model.tokenizer;
  const prefix = addsBos && bosId !== undefined ? [bosId] : [];
  const most = model.contextLength - prefix.length;
  const window = wholeNumber('window', options.window ?? most, 1, most);
  const stride = wholeNumber('stride', options.stride ?? window, 1, window);
  const limit = wholeNumber('limit', options.limit ?? Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER);
  const tokens = model.tokenize(text).slice(0, limit);

  const tally = { nll: 0, tokens: 0, bytes: 0 };
  // Without a token before it, the first token of the text has no probability.
  let scored = prefix.length === 0 ? 1 : 0;
  for (let start = 0; scored < tokens.length; start += stride) {
    const end = Math.min(start + window, tokens.length);
    // Nor has the first token of a piece, unless pieces overlap.
    const first = Math.max(scored, start + 1 - prefix.length);
    if (first < end) {
      const piece = [...prefix, ...tokens.slice(start, end)];
      const scores = await model.score(piece, options.signal === undefined ? {} : { signal: options.signal });
      for (let i = first; i < end; i++) {
        tally.nll -= scores[prefix.length + i - start - 1]!;
        tally.tokens++;
        tally.bytes += model.tokenizer.tokenBytes(tokens[i]!).length;
      }
      yield { ...summaryOf(tally), share: end / tokens.length };
    }
    scored = end;
  }
  if (tally.tokens === 0) {
    throw new BitnetError(
      'eval/too-short',
      `the text has ${tokens.length} tokens, and none of them can be scored; give a longer text`,
    );
  }
  return { ...summaryOf(tally), window, stride };
}

function summaryOf({ nll, tokens, bytes }: { nll: number; tokens: number; bytes: number }): Perplexity {
  const nllPerToken = nll / tokens;
  return {
    nllPerToken,
    perplexity: Math.exp(nllPerToken),
    bitsPerByte: nll / Math.LN2 / bytes,
    tokens,
    bytes,
  };
}

function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new BitnetError(
    `option/${name}`,
    `${name} is ${value}, and must be a whole number from ${least} to ${most}`,
  );
}
