/**
 * One row for each thing that `bitnet bench` measured: the median of its runs with their range, what a token costs by
 * count, and for generation how near that is to what the memory allows.
 */
import type { Model } from '../../index.ts';
import { tokenBytes, tokenMultiplyAdds } from '../../model/traffic.ts';
import type { BenchSamples } from './measure.ts';
import type { BenchPlan } from './plan.ts';

/** A row. Rates are tokens per second of all sequences together. */
export interface BenchResult {
  readonly kind: 'prompt' | 'generate';
  readonly threads: number;
  /** Of each sequence. */
  readonly tokens: number;
  /** Sequences at once. */
  readonly batch: number;
  /** Tokens in the cache at first. */
  readonly context: number;
  /** Median of the runs. */
  readonly tokensPerSecond: number;
  readonly lowest: number;
  readonly highest: number;
  /** At the mean context of the run; the head included where every token has logits. */
  readonly multiplyAddsPerToken: number;
  /** The rest is for generation only, which memory bounds: also at the mean context. */
  readonly bytesPerToken?: number;
  readonly memoryBandwidthBytesPerSecond?: number;
  /** 100 * tokensPerSecond * bytesPerToken / memoryBandwidthBytesPerSecond */
  readonly percentOfLimit?: number;
}

/** The rows of one loaded model: prompts by length, then generations in the order measured. */
export function resultsOf(model: Model, plan: BenchPlan, samples: BenchSamples): BenchResult[] {
  const { engine, threads } = model;
  const loaded = engine.loaded;
  const prompts = [...samples.promptRates].map(
    ([tokens, rates]): BenchResult => ({
      kind: 'prompt',
      threads,
      tokens,
      batch: 1,
      context: 0,
      ...spread(rates),
      multiplyAddsPerToken: Math.round(tokenMultiplyAdds(loaded.plan, (tokens + 1) / 2, false)),
    }),
  );
  const generations = samples.generations.map(({ batch, context, rates }): BenchResult => {
    const positions = context + (plan.generate + 1) / 2;
    const step = { positions, sequences: batch, kvFormat: engine.kvFormat };
    const bytes = tokenBytes(loaded.plan, loaded.kernels, step).total;
    const { memoryBandwidth } = samples;
    const rate = spread(rates);
    return {
      kind: 'generate',
      threads,
      tokens: plan.generate,
      batch,
      context,
      ...rate,
      multiplyAddsPerToken: Math.round(tokenMultiplyAdds(loaded.plan, positions, true)),
      bytesPerToken: Math.round(bytes),
      memoryBandwidthBytesPerSecond: memoryBandwidth,
      percentOfLimit: (100 * rate.tokensPerSecond * bytes) / memoryBandwidth,
    };
  });
  return [...prompts, ...generations];
}

function spread(rates: readonly number[]): Pick<BenchResult, 'tokensPerSecond' | 'lowest' | 'highest'> {
  return { tokensPerSecond: median(rates), lowest: Math.min(...rates), highest: Math.max(...rates) };
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
