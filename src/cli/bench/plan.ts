/** From the options of `bitnet bench` to what is measured, made smaller where a model's context is short. */
import type { CommandInput } from '../command.ts';
import { UsageError } from '../errors.ts';
import { textOption, wholeOption } from '../option-values.ts';
import { type BenchPlan, contextFor, SHORT_PROMPT } from './measure.ts';

const DEFAULT_PROMPTS: readonly number[] = [128, 512];
const DEFAULT_GENERATE = 64;
const DEFAULT_RUNS = 3;
const MOST_TOKENS = 2 ** 24;

/** A plan, and the context that it is measured in. */
export interface PlannedBench {
  readonly plan: BenchPlan;
  readonly contextLength: number;
  /** Nothing of it was asked for by the user, so it may be made smaller. */
  readonly isDefault: boolean;
}

/** What the options ask for. @throws UsageError for values that mean nothing, or a context that cannot hold it */
export function planOf(input: CommandInput): PlannedBench {
  const prompts = promptLengths(textOption(input, 'prompt'));
  const generate = wholeOption(input, 'generate', 1, MOST_TOKENS);
  const context = wholeOption(input, 'context', 1, MOST_TOKENS);
  const plan = {
    prompts: prompts ?? DEFAULT_PROMPTS,
    generate: generate ?? DEFAULT_GENERATE,
    runs: wholeOption(input, 'runs', 1, 1000) ?? DEFAULT_RUNS,
  };
  const needed = contextFor(plan);
  if (context !== undefined && context < needed) {
    throw new UsageError(`--context ${context} is too small: this measurement needs ${needed} tokens`);
  }
  return {
    plan,
    contextLength: context ?? Math.max(...plan.prompts, SHORT_PROMPT) + plan.generate,
    isDefault: prompts === undefined && generate === undefined && context === undefined,
  };
}

/** The default plan for a model whose context is shorter than it needs. */
export function shorterPlan({ plan }: PlannedBench, contextLength: number): PlannedBench {
  const generate = Math.max(1, Math.min(plan.generate, contextLength - SHORT_PROMPT));
  const fitting = plan.prompts.filter((length) => length <= contextLength);
  const prompts = fitting.length > 0 ? fitting : [Math.max(1, contextLength >> 1)];
  return { plan: { ...plan, prompts, generate }, contextLength, isDefault: false };
}

function promptLengths(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const lengths = text.split(',').map((part) => {
    const length = /^\d+$/.test(part.trim()) ? Number(part) : Number.NaN;
    if (length >= 1 && length <= MOST_TOKENS) return length;
    throw new UsageError(
      `--prompt is "${text}", and must be numbers of tokens with commas between, as in 128,512`,
    );
  });
  return [...new Set(lengths)].sort((a, b) => a - b);
}
