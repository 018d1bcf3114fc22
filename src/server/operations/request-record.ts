/**
 * What is known of a request while it runs: the layers in front of the dialects open a record, models and schedulers add
 * to it wherever they are called from, and log, metrics and traces read it at the end.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { SequenceProgress } from '../../engine/serving/sequence.ts';

/** See the file's header. */
export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** Of the address, without the query. */
  readonly path: string;
  /** The pattern of the route, `unmatched` where there is none: a bounded set, for metrics. */
  readonly route: string;
  /** By performance.now(). */
  readonly start: number;
  /** Of the last sequence. */
  model?: string;
  /** What its sequences have come to, read when the request ends. */
  readonly sequences: { readonly progress: SequenceProgress }[];
  /** What the server failed with, where that was not the client's fault. */
  fault?: unknown;
  /** Where prompts are logged: texts of prompts and replies. */
  readonly texts?: { prompt: string; reply: string }[];
}

const current = new AsyncLocalStorage<RequestRecord>();

/** Runs what works on a request. */
export function withRecord<T>(record: RequestRecord, run: () => T): T {
  return current.run(record, run);
}

/** The record of the request that the caller works on; undefined outside of requests. */
export function currentRecord(): RequestRecord | undefined {
  return current.getStore();
}

/** A request's sequences as one: counts are sums, times those of the slowest. */
export interface RequestFigures {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  readonly queuedSeconds: number;
  readonly firstTokenSeconds: number;
  /** `stop`, `length`, `context`; `cancelled` when one came to no end. */
  readonly end: string;
}

/** What the sequences of a request came to; undefined where it had none. */
export function figuresOf(record: RequestRecord): RequestFigures | undefined {
  const all = record.sequences.map(({ progress }) => progress);
  if (all.length === 0) return undefined;
  const sum = (count: (progress: SequenceProgress) => number) =>
    all.reduce((total, progress) => total + count(progress), 0);
  const most = (seconds: (progress: SequenceProgress) => number) => Math.max(...all.map(seconds));
  const ends = all.map(({ end }) => end ?? 'cancelled');
  return {
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    generatedTokens: sum(({ generatedTokens }) => generatedTokens),
    queuedSeconds: most(({ queuedSeconds }) => queuedSeconds),
    firstTokenSeconds: most(({ firstTokenSeconds }) => firstTokenSeconds),
    end: ends.find((end) => end === 'cancelled') ?? ends[0]!,
  };
}
