/** What is asked of a scheduler, and what it answers: the generation of one sequence among many, in tokens alone. */
import type { TokenConstraint } from '../generation/constraint.ts';
import type { SamplingOptions, TokenProbability } from '../generation/sampler.ts';

/** How a sequence goes on from its prompt. */
export interface SequenceOptions extends SamplingOptions {
  /** Most tokens to generate; 0 to compute the prompt alone. Default: until a stop token or the end of the context. */
  readonly maxTokens?: number;
  /** Tokens that end the sequence; the last token is then one of them. Default: none. */
  readonly stopIds?: ReadonlySet<number>;
  /** Asked about every token as soon as it is drawn, before anybody reads it: true ends the sequence, as a stop token does. */
  readonly endsAt?: (id: number) => boolean;
  /** Ids from here on are never drawn: rows that only pad the embedding. */
  readonly below?: number;
  /** Adds scores to generated tokens, with this many of the most likely ones (0 to 20). */
  readonly logprobs?: number;
  /** Adds scores of the prompt's tokens but the first, with this many of the most likely ones (0 to 20). */
  readonly promptLogprobs?: number;
  /** What may be generated; the scheduler disposes of it when the sequence ends, whatever way, or is refused. */
  readonly constraint?: TokenConstraint;
  /** Waiting sequences of a lower number go first, a whole number; default 0. */
  readonly priority?: number;
  /** Ends the sequence at once; iterating throws its reason. */
  readonly signal?: AbortSignal;
}

/** A token with its log-probability under the model, and the most likely ones in its place. */
export interface TokenScore extends TokenProbability {
  readonly top: readonly TokenProbability[];
}

/** What happens in a sequence: the prompt's scores first, where they were asked for, then token after token. */
export type SequenceEvent =
  /** `scores[i]` belongs to token i + 1 of the prompt. */
  | { readonly kind: 'prompt'; readonly scores: readonly TokenScore[] }
  | { readonly kind: 'token'; readonly id: number; readonly score?: TokenScore };

/** Why a sequence ended: a stop token, `maxTokens`, or a full context. */
export type SequenceEnd = 'stop' | 'length' | 'context';

/** What a sequence has come to so far. */
export interface SequenceProgress {
  /** Undefined while it has not ended, and when it was cancelled or failed. */
  readonly end: SequenceEnd | undefined;
  readonly promptTokens: number;
  /** Prompt tokens that were in the prefix cache. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  /** Seconds from its submission until its first step began. */
  readonly queuedSeconds: number;
  /** Seconds from its submission until its first token. */
  readonly firstTokenSeconds: number;
  /** Seconds since its submission, or until it ended. */
  readonly seconds: number;
}

/**
 * A sequence under way, read or not: it pauses when too many of its events wait for the reader. To be iterated once;
 * leaving the loop early cancels it, and so does the signal.
 */
export interface Sequence extends AsyncIterable<SequenceEvent> {
  readonly progress: SequenceProgress;
}

/** What is in the works, and what has been since the start. */
export interface SchedulerStatistics {
  readonly running: number;
  readonly waiting: number;
  /** Share of the budget for KV blocks that running sequences and the prefix cache hold, 0 to 1. */
  readonly kvCacheUsage: number;
  /** The same of running sequences alone. */
  readonly kvCacheInUse: number;
  /** That budget. */
  readonly kvCacheBytes: number;
  /** Passes over the model that computed something for sequences. */
  readonly steps: number;
  /** Of sequences and texts for vectors that have begun. */
  readonly promptTokens: number;
  /** Those of them that were not computed, since others had: their share is the hit rate of the prefix cache. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  /** Times that a sequence lost its memory to others and was computed anew. */
  readonly preempted: number;
  /** Sequences that could not be taken since too many waited. */
  readonly refused: number;
  /** Sequences that ended by their signal or were left. */
  readonly cancelled: number;
}

/** Vectors of texts: the final hidden state (behind the output norm) of the last token, or the mean over all tokens. */
export type Pooling = 'last' | 'mean';
