/** What all answers say about themselves: who they are, and how many tokens they took. */
import type { SequenceProgress } from '../../../engine/serving/sequence.ts';
import type { ServedModel } from '../../models/served-model.ts';

/** Identity of an answer. */
export interface AnswerHead {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly model: string;
  /** Changes when the model's file does: with the same one, a seed gives the same answer. */
  readonly system_fingerprint: string;
}

/** The head of a new answer; ids begin with `prefix`. */
export function answerHead(prefix: string, { id, created }: ServedModel): AnswerHead {
  return {
    id: newId(prefix),
    created: Math.floor(Date.now() / 1000),
    model: id,
    system_fingerprint: `fp_${created.toString(36)}`,
  };
}

/** An id that nothing else has. */
export function newId(prefix: string): string {
  return `${prefix}${crypto.randomUUID().replaceAll('-', '')}`;
}

/** Tokens of an answer. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** The counts of prompts, each with the sequences that went on from it; a prompt counts once. */
export function usageOf(prompts: readonly (readonly SequenceProgress[])[]): Usage {
  const first = prompts.map((sequences) => sequences[0]!);
  const promptTokens = total(first.map((sequence) => sequence.promptTokens));
  const completionTokens = total(prompts.flat().map((sequence) => sequence.generatedTokens));
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: total(first.map((sequence) => sequence.cachedTokens)) },
  };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
