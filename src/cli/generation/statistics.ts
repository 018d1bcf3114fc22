/** How fast a generation was, for people and for programs. */
import type { GenerationResult, Model } from '../../index.ts';
import { formatRate, formatSeconds } from '../quantities.ts';

/** Times and rates of one generation; rates are undefined where there was too little to measure. */
export interface Timings {
  readonly loadSeconds: number;
  readonly firstTokenSeconds: number;
  readonly seconds: number;
  readonly promptTokensPerSecond: number | undefined;
  readonly generatedTokensPerSecond: number | undefined;
}

/** The times of a generation; tokens that were cached do not count as computed. */
export function timingsOf(model: Model, result: GenerationResult): Timings {
  const { firstTokenSeconds, seconds, promptTokens, cachedTokens, generatedTokens } = result;
  const rate = (tokens: number, time: number) => (tokens > 0 && time > 0 ? tokens / time : undefined);
  return {
    loadSeconds: model.loadSeconds,
    firstTokenSeconds,
    seconds,
    promptTokensPerSecond: rate(promptTokens - cachedTokens, firstTokenSeconds),
    // The first token comes with the prompt.
    generatedTokensPerSecond: rate(generatedTokens - 1, seconds - firstTokenSeconds),
  };
}

/** Which kernels compute, on how many threads: `wasm-simd, 2 threads`. */
export function computeLabel(model: Model): string {
  return `${model.backend}, ${model.threads} thread${model.threads === 1 ? '' : 's'}`;
}

/** One line on how a generation went. */
export function statisticsLine(model: Model, result: GenerationResult): string {
  const timings = timingsOf(model, result);
  const cached = result.cachedTokens === 0 ? '' : ` (${result.cachedTokens} of them known)`;
  const { draftedTokens, acceptedTokens, decodeSteps } = result;
  const drafts =
    draftedTokens === 0
      ? ''
      : ` in ${decodeSteps} steps, ${acceptedTokens} of ${draftedTokens} drafted tokens accepted`;
  return (
    `prompt: ${result.promptTokens} tokens${cached} in ${formatSeconds(timings.firstTokenSeconds)}` +
    `${timings.promptTokensPerSecond === undefined ? '' : `, ${formatRate(timings.promptTokensPerSecond)}`}; ` +
    `text: ${result.generatedTokens} tokens, ${formatRate(timings.generatedTokensPerSecond)}${drafts}` +
    (result.headFallbacks === 0 ? '' : `; output head read whole for ${result.headFallbacks}`)
  );
}

/** What to say when a full context ended the text. */
export function contextNote(model: Model): string {
  const more =
    model.contextLength < model.config.contextLength
      ? `--context N holds more, up to ${model.config.contextLength}`
      : 'more is not possible with this model';
  return `the context of ${model.contextLength} tokens is full and the text ends there; ${more}, or --overflow slide forgets the older half and goes on`;
}
