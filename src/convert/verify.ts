/**
 * Runs the source and the result of a conversion on the same tokens and compares their logits. Types that lose nothing
 * have to give identical ones, bit for bit; for the others the difference is measured against what their rounding
 * explains (losses.ts).
 */
import { loadModel, type Model } from '../engine/model.ts';
import { Session } from '../engine/session.ts';
import type { ModelSource } from '../engine/source.ts';

/** Plain text with digits, names and a line end, so that many kinds of tokens are among the few. */
const TEXT =
  'In 1969, three people flew to the Moon and back. What did they see?\nThe first of them, Neil Armstrong, said that';
const MOST_TOKENS = 24;

/** What was found. */
export interface Verification {
  /** Whether both models make the same tokens of the same text. */
  readonly hasSameTokens: boolean;
  /** Tokens that both ran. */
  readonly tokens: number;
  /** Whether all logits are the same bits. */
  readonly isIdentical: boolean;
  /** The largest difference of two logits. */
  readonly largest: number;
  /** Root mean square of the differences, over the standard deviation of the source's logits. */
  readonly relative: number;
  /** Tokens after which both expect the same next one. */
  readonly sameBest: number;
  /** Whether the difference is within what the conversion's losses explain. */
  readonly isExplained: boolean;
}

/** How to compare. */
export interface VerifyOptions {
  /** From {@link Losses.tolerance}. */
  readonly tolerance: number;
  readonly threads?: number;
  /** Called with the share of the loading of both. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** One model's answers. */
interface Run {
  readonly tokens: readonly number[];
  readonly logits: Float32Array;
}

/**
 * Loads one after the other, so memory for the larger of them is enough.
 *
 * @throws BitnetError as loadModel; the signal's reason
 */
export async function verifyConversion(
  source: ModelSource,
  result: ModelSource,
  options: VerifyOptions,
): Promise<Verification> {
  const first = await runModel(source, options, 0);
  const second = await runModel(result, options, 0.5, first.tokens);
  const hasSameTokens = first.tokens.join() === second.tokens.join();
  return {
    hasSameTokens,
    tokens: first.tokens.length,
    ...compare(first, second, options.tolerance, hasSameTokens),
  };
}

/** @param tokens  to run, in the place of those that the model makes of the text */
async function runModel(
  source: ModelSource,
  { threads, onProgress, signal }: VerifyOptions,
  done: number,
  tokens?: readonly number[],
): Promise<Run> {
  const model = await loadModel(source, {
    head: 'exact',
    contextLength: MOST_TOKENS,
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
    onProgress: (share) => onProgress?.(done + share / 2),
  });
  try {
    const own = model.tokenizer.encode(TEXT).slice(0, MOST_TOKENS);
    return { tokens: own, logits: await logitsOf(model, tokens ?? own, signal) };
  } finally {
    await model.dispose();
  }
}

async function logitsOf(
  model: Model,
  tokens: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { vocabularySize } = model.config;
  const all = new Float32Array(tokens.length * vocabularySize);
  const session = new Session(model.engine);
  await session.syncEach(tokens, 0, (position, logits) => all.set(logits, position * vocabularySize), signal);
  session.dispose();
  return all;
}

function compare(
  first: Run,
  second: Run,
  tolerance: number,
  hasSameTokens: boolean,
): Omit<Verification, 'hasSameTokens' | 'tokens'> {
  const [a, b] = [first.logits, second.logits];
  const size = a.length / first.tokens.length;
  let largest = 0;
  let squares = 0;
  let variance = 0;
  let sameBest = 0;
  for (let from = 0; from < a.length; from += size) {
    const [rowA, rowB] = [a.subarray(from, from + size), b.subarray(from, from + size)];
    const mean = rowA.reduce((sum, logit) => sum + logit, 0) / size;
    for (let i = 0; i < size; i++) {
      const difference = Math.abs(rowA[i]! - rowB[i]!);
      largest = Math.max(largest, difference);
      squares += difference ** 2;
      variance += (rowA[i]! - mean) ** 2;
    }
    if (bestOf(rowA) === bestOf(rowB)) sameBest++;
  }
  const isIdentical = a.length === b.length && largest === 0;
  const relative =
    variance === 0 ? (squares === 0 ? 0 : Number.POSITIVE_INFINITY) : Math.sqrt(squares / variance);
  // A comparison with something that is no number is false.
  const isExplained = hasSameTokens && (tolerance === 0 ? isIdentical : relative <= tolerance);
  return { isIdentical, largest, relative, sameBest, isExplained };
}

function bestOf(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}
