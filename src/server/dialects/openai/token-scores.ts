/** Log-probabilities of chat completions and responses, which write them the same way. */
import type { GeneratedToken, Tokenizer } from '../../../index.ts';

/** A token with its score. */
export interface ScoredToken {
  readonly token: string;
  readonly logprob: number;
  /** UTF-8; null for a row of the embedding that stands for no token. */
  readonly bytes: readonly number[] | null;
}

/** A generated token with the most likely ones in its place. */
export interface ScoredTokenWithTop extends ScoredToken {
  readonly top_logprobs: readonly ScoredToken[];
}

/** Scores of an answer's text. Tokens that end an answer are no part of it. */
export function tokenScores(tokenizer: Tokenizer, scores: readonly GeneratedToken[]): ScoredTokenWithTop[] {
  const scored = ({ id, text, logprob }: Pick<GeneratedToken, 'id' | 'text' | 'logprob'>): ScoredToken => ({
    token: text,
    logprob,
    bytes: id < tokenizer.vocabSize ? [...tokenizer.tokenBytes(id)] : null,
  });
  return scores
    .filter(({ id }) => !tokenizer.stopIds.has(id))
    .map((score) => ({ ...scored(score), top_logprobs: score.top.map(scored) }));
}
