/** What the probabilities of a reply's tokens come to, and how they are written. */
import type { TokenChoice, TokenDetail } from '../transport/transport.ts';

/** Of a whole reply. */
export interface ReplyFigures {
  readonly tokens: number;
  readonly meanLogprob: number;
  /** e to the power of minus the mean log-probability */
  readonly perplexity: number;
  /** Index of the least likely token. */
  readonly leastLikely: number;
}

/** Of one token's place. */
export interface PlaceFigures {
  /** 1: the most likely; undefined: not among those that are known. */
  readonly rank: number | undefined;
  /** The known choices, most likely first, the chosen one among them. */
  readonly choices: readonly (TokenChoice & { readonly isChosen: boolean })[];
  /** Probability of all tokens that are not known. */
  readonly rest: number;
  /** Entropy in bits of the known choices, with all others as one: no more than that of all. */
  readonly bits: number;
}

/** Sums them up; undefined for no tokens. */
export function replyFigures(tokens: readonly TokenDetail[]): ReplyFigures | undefined {
  if (tokens.length === 0) return undefined;
  let sum = 0;
  let leastLikely = 0;
  for (const [index, { logprob }] of tokens.entries()) {
    sum += logprob;
    if (logprob < tokens[leastLikely]!.logprob) leastLikely = index;
  }
  const meanLogprob = sum / tokens.length;
  return { tokens: tokens.length, meanLogprob, perplexity: Math.exp(-meanLogprob), leastLikely };
}

/** Looks at one place. */
export function placeFigures({ text, logprob, alternatives }: TokenDetail): PlaceFigures {
  const at = alternatives.findIndex((one) => one.text === text && Math.abs(one.logprob - logprob) < 1e-4);
  const known = alternatives.map((one, index) => ({ ...one, isChosen: index === at }));
  const choices = at < 0 ? [...known, { text, logprob, isChosen: true }] : known;
  const probabilities = choices.map((one) => probabilityOf(one.logprob));
  const rest = Math.max(0, 1 - probabilities.reduce((sum, one) => sum + one, 0));
  const bits = [...probabilities, rest].reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
  return { rank: at < 0 ? undefined : at + 1, choices, rest, bits: Math.max(0, bits) };
}

/** 0 to 1, whatever a server says. */
export function probabilityOf(logprob: number): number {
  return Number.isNaN(logprob) ? 0 : Math.exp(Math.min(0, logprob));
}

/** As in `42 %`, `3.1 %`, `0.04 %`, `under 0.01 %`. */
export function percent(probability: number): string {
  const value = probability * 100;
  if (value > 0 && value < 0.01) return 'under 0.01\u00a0%';
  if (value > 99.9 && value < 100) return 'over 99.9\u00a0%';
  const digits = value >= 9.95 || value === 0 ? 0 : value >= 0.995 ? 1 : 2;
  return `${value.toFixed(digits)}\u00a0%`;
}

/** A number with a minus sign, not a hyphen. */
export function decimal(value: number, digits: number): string {
  const text = Number.isFinite(value) ? Math.abs(value).toFixed(digits) : '∞';
  return value < 0 && Number(text) !== 0 ? `\u2212${text}` : text;
}

/** Classes of probability, likely ones first; each has its colour. */
export const LEVELS: readonly { readonly least: number; readonly title: string }[] = [
  { least: 0.8, title: 'over 80 %' },
  { least: 0.5, title: 'over 50 %' },
  { least: 0.2, title: 'over 20 %' },
  { least: 0.05, title: 'over 5 %' },
  { least: 0.01, title: 'over 1 %' },
  { least: 0, title: 'less likely' },
];

/** Index of a token's class in {@link LEVELS}. */
export function levelOf(logprob: number): number {
  const probability = probabilityOf(logprob);
  const level = LEVELS.findIndex(({ least }) => probability > least);
  return level < 0 ? LEVELS.length - 1 : level;
}
