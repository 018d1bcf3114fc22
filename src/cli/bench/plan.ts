/** From the options of `bitnet bench` to what is measured, made smaller where a model's context is short. */
import { STEP_OUTPUTS } from '../../engine/options.ts';
import type { CommandInput } from '../command.ts';
import { wholeOption, wholesOption } from '../option-values.ts';

/** What is to be measured on a loaded model. */
export interface BenchPlan {
  /** Prompt lengths in tokens, ascending. */
  readonly prompts: readonly number[];
  /** Tokens to generate for each sequence. */
  readonly generate: number;
  /** Numbers of sequences that generate at once. */
  readonly batches: readonly number[];
  /** Numbers of tokens that the cache holds before a generation. */
  readonly contexts: readonly number[];
  readonly runs: number;
  /** Also measure where the time goes. */
  readonly hasBreakdown: boolean;
}

/** A plan, and what it is measured with. */
export interface PlannedBench {
  readonly plan: BenchPlan;
  /** Tokens that a cache has room for. */
  readonly contextLength: number;
  /** Threads to measure with, one after the other; undefined for as many as fit the machine. */
  readonly threads: readonly number[] | undefined;
  /** Nothing of the lengths was asked for by the user, so they may be made smaller. */
  readonly isDefault: boolean;
}

/** Tokens before a generation. */
export const SHORT_PROMPT = 16;
const DEFAULT_PROMPTS: readonly number[] = [128, 512];
const DEFAULT_GENERATE = 64;
const DEFAULT_RUNS = 3;
const MOST_TOKENS = 2 ** 24;

/** What the options ask for. @throws UsageError for values that mean nothing */
export function planOf(input: CommandInput): PlannedBench {
  const prompts = wholesOption(input, 'prompt', 'tokens', 1, MOST_TOKENS);
  const generate = wholeOption(input, 'generate', 1, MOST_TOKENS);
  const contexts = wholesOption(input, 'context', 'tokens', 1, MOST_TOKENS);
  const plan: BenchPlan = {
    prompts: (prompts ?? DEFAULT_PROMPTS).toSorted((a, b) => a - b),
    generate: generate ?? DEFAULT_GENERATE,
    batches: wholesOption(input, 'batch', 'sequences', 1, STEP_OUTPUTS) ?? [1],
    contexts: contexts ?? [SHORT_PROMPT],
    runs: wholeOption(input, 'runs', 1, 1000) ?? DEFAULT_RUNS,
    hasBreakdown: input.options.breakdown === true,
  };
  return {
    plan,
    contextLength: contextFor(plan),
    threads: wholesOption(input, 'threads', 'threads', 0, 256),
    isDefault: prompts === undefined && generate === undefined && contexts === undefined,
  };
}

/** Tokens that a cache has to hold for a plan. */
export function contextFor({ prompts, contexts, generate }: BenchPlan): number {
  return Math.max(...prompts, Math.max(...contexts) + generate);
}

/**
 * A plan for a model whose context is shorter than a plan needs: generations then begin early enough to end where the
 * context does, and default lengths are made smaller. Undefined when lengths that were asked for do not fit.
 */
export function shorterPlan(planned: PlannedBench, contextLength: number): PlannedBench | undefined {
  const { plan, isDefault } = planned;
  const generate = isDefault
    ? Math.max(1, Math.min(plan.generate, contextLength - SHORT_PROMPT))
    : plan.generate;
  const fitting = plan.prompts.filter((length) => length <= contextLength);
  const isRoom = Math.max(...plan.contexts) <= contextLength && generate < contextLength;
  if (!isDefault && (fitting.length < plan.prompts.length || !isRoom)) return undefined;
  const prompts = fitting.length > 0 ? fitting : [Math.max(1, contextLength >> 1)];
  return { ...planned, plan: { ...plan, prompts, generate }, contextLength };
}
