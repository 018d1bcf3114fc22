/**
 * Answers of requests that generate, as parts: objects that a stream writes as lines and that otherwise are one object
 * with the texts and lists of all of them. The last part says why it ended and what it took.
 */
import type { SequenceProgress } from '../../../engine/serving/sequence.ts';
import type { GeneratedToken, Tokenizer } from '../../../index.ts';
import { failureOf } from '../../http/failure.ts';
import { streamedResponse } from '../../http/streamed-response.ts';

/** What every part begins with. */
export interface PartHeader {
  readonly model: string;
  readonly created_at: string;
}

/** A token with its log-probability, as text and as bytes. */
export interface LogprobPart {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs?: readonly LogprobPart[];
}

/** What every part begins with, now. */
export function partHeader(model: string): PartHeader {
  return { model, created_at: new Date().toISOString() };
}

/** The end of an answer and what it took; durations are in nanoseconds. */
export function endingPart(
  progress: SequenceProgress,
  startedAt: number,
  loadSeconds: number,
): Record<string, unknown> {
  const { queuedSeconds, firstTokenSeconds, seconds } = progress;
  const promptSeconds = (progress.generatedTokens === 0 ? seconds : firstTokenSeconds) - queuedSeconds;
  return {
    done: true,
    done_reason: progress.end === 'stop' ? 'stop' : 'length',
    total_duration: nanoseconds((performance.now() - startedAt) / 1000),
    load_duration: nanoseconds(loadSeconds),
    prompt_eval_count: progress.promptTokens,
    prompt_eval_duration: nanoseconds(promptSeconds),
    eval_count: progress.generatedTokens,
    eval_duration: nanoseconds(seconds - queuedSeconds - promptSeconds),
  };
}

/** A whole number of nanoseconds, at least 0. */
export function nanoseconds(seconds: number): number {
  return Math.max(0, Math.round(seconds * 1e9));
}

/** The bytes of a token; rows that only pad the embedding have none. */
export function bytesIn(tokenizer: Tokenizer): (id: number) => Uint8Array {
  return (id) => (id < tokenizer.vocabSize ? tokenizer.tokenBytes(id) : new Uint8Array());
}

/** Scores as parts have them; nothing where none were asked for. */
export function logprobsPart(
  scores: readonly GeneratedToken[] | undefined,
  bytesOf: (id: number) => Uint8Array,
): { logprobs?: LogprobPart[] } {
  if (scores === undefined) return {};
  const written = ({ id, text, logprob }: Pick<GeneratedToken, 'id' | 'text' | 'logprob'>) => ({
    token: text,
    logprob,
    bytes: [...bytesOf(id)],
  });
  return {
    logprobs: scores.map((score) => ({
      ...written(score),
      ...(score.top.length === 0 ? {} : { top_logprobs: score.top.map(written) }),
    })),
  };
}

/** Parts as lines of JSON; a failure is the last of them. */
export async function* linesOf(parts: AsyncIterable<PartHeader>): AsyncGenerator<string, void, undefined> {
  try {
    for await (const part of parts) yield `${JSON.stringify(part)}\n`;
  } catch (error) {
    yield `${JSON.stringify({ error: failureOf(error).message })}\n`;
  }
}

/** A stream of lines as a response. */
export function lineResponse(chunks: AsyncGenerator<string, void, undefined>): Response {
  return streamedResponse('application/x-ndjson', chunks);
}
