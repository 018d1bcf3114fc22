/**
 * A reply's tokens as they are kept: one flat list each, [text, logprob, text, logprob, …] with the chosen token first and
 * its alternatives behind it. Log-probabilities keep three digits behind the point.
 */
import type { TokenDetail } from '../transport/transport.ts';

/** One token and its alternatives. */
export type PackedToken = readonly (string | number)[];

/** For storing. */
export function packTokens(tokens: readonly TokenDetail[]): PackedToken[] {
  return tokens.map(({ text, logprob, alternatives }) => [
    text,
    rounded(logprob),
    ...alternatives.flatMap((choice) => [choice.text, rounded(choice.logprob)]),
  ]);
}

/** For showing. What is not of that form becomes an empty text with probability 1, so that a damaged file harms nothing. */
export function unpackTokens(packed: readonly PackedToken[]): TokenDetail[] {
  return packed.map((token) => {
    const choices: { text: string; logprob: number }[] = [];
    for (let i = 0; i < token.length; i += 2) {
      choices.push({ text: String(token[i]), logprob: Number(token[i + 1]) || 0 });
    }
    const [chosen = { text: '', logprob: 0 }, ...alternatives] = choices;
    return { ...chosen, alternatives };
  });
}

function rounded(logprob: number): number {
  return Number.isFinite(logprob) ? Math.round(logprob * 1000) / 1000 : -100;
}
