/**
 * From logits to the next token, in the order of Hugging Face's generate: bias, penalties, temperature, top-k, top-p,
 * min-p, draw. Computed in double precision with our own exponential, so that a seed gives the
 * same tokens in every runtime.
 */
import { assert } from '../../base/assert.ts';
import { exp, ln } from '../../base/elementary.ts';
import { BitnetError } from '../../base/errors.ts';
import { createRandom, type Random } from '../../base/random.ts';
import type { LogitsRequest, TokenLogits } from '../step-outputs.ts';

/** How the next token is drawn. */
export interface SamplingOptions {
  /** 0 takes the most likely token always. Default 0.8. */
  readonly temperature?: number;
  /** Only the k most likely tokens; 0 for all. Default 40. */
  readonly topK?: number;
  /** Only the fewest most likely tokens whose probabilities reach this sum, 0 < p <= 1. Default 0.95. */
  readonly topP?: number;
  /** Only tokens at least this share as likely as the most likely one, 0 to 1. Default 0.05. */
  readonly minP?: number;
  /**
   * Divides (multiplies, if negative) the logits of tokens among the last {@link penaltyWindow}; 1 for none
   * (arXiv:1909.05858). Default 1.
   */
  readonly repetitionPenalty?: number;
  /** Taken from the logits of tokens that occur among them. Default 0. */
  readonly presencePenalty?: number;
  /** Taken from the logits of tokens, once for each occurrence among them. Default 0. */
  readonly frequencyPenalty?: number;
  /** How many of the last tokens, prompt included, the penalties look at. Default 64. */
  readonly penaltyWindow?: number;
  /** Added to the logits of tokens, by id; -Infinity forbids one. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Makes the draw reproducible. Default: a random one. */
  readonly seed?: number;
}

/** A token with its natural log-probability under the model, before any sampling option. */
export interface TokenProbability {
  readonly id: number;
  readonly logprob: number;
}

/** Draws tokens; one per generation, since it holds the random stream. */
export class Sampler {
  readonly #options: Required<Omit<SamplingOptions, 'seed' | 'logitBias'>>;
  readonly #bias: readonly (readonly [id: number, bias: number])[];
  readonly #random: Random;

  /** @throws BitnetError `option/…` for a value outside its range */
  constructor(options: SamplingOptions, vocabularySize: number) {
    this.#options = {
      temperature: inRange('temperature', options.temperature ?? 0.8, 0, 100),
      topK: whole('topK', options.topK ?? 40, 0),
      topP: inRange('topP', options.topP ?? 0.95, Number.MIN_VALUE, 1),
      minP: inRange('minP', options.minP ?? 0.05, 0, 1),
      repetitionPenalty: inRange('repetitionPenalty', options.repetitionPenalty ?? 1, 0.01, 100),
      presencePenalty: inRange('presencePenalty', options.presencePenalty ?? 0, -100, 100),
      frequencyPenalty: inRange('frequencyPenalty', options.frequencyPenalty ?? 0, -100, 100),
      penaltyWindow: whole('penaltyWindow', options.penaltyWindow ?? 64, 0),
    };
    this.#bias = Object.entries(options.logitBias ?? {}).map(([key, bias]) => {
      const id = whole('logitBias', Number(key), 0);
      if (id >= vocabularySize || !(bias < Number.POSITIVE_INFINITY)) {
        throw new BitnetError(
          'option/logitBias',
          `logitBias names token ${key} with ${bias}; ids go to ${vocabularySize - 1}`,
        );
      }
      return [id, bias] as const;
    });
    this.#random = createRandom(whole('seed', options.seed ?? Math.floor(Math.random() * 2 ** 32), 0));
  }

  /**
   * The logits with which {@link sample} gives the same token as with all of them: as many of the largest as it can
   * choose from, however many of those a bias or a penalty takes away, and those of all tokens that have one.
   */
  request(history: readonly number[]): LogitsRequest {
    const { temperature, topK } = this.#options;
    if (temperature > 0 && topK === 0) return {};
    const include = new Set([...this.#bias.map(([id]) => id), ...this.#penalties(history).keys()]);
    return { top: (temperature === 0 ? 1 : topK) + include.size, include: [...include] };
  }

  /**
   * The next token.
   *
   * @param row all logits, or those of {@link request} and any others; overwritten
   * @param history tokens so far, prompt included
   * @throws BitnetError `sampling/no-token` when every token is forbidden or the largest logit is not finite
   */
  sample({ logits, ids }: TokenLogits, history: readonly number[]): number {
    // Everything but the ids themselves is the same for indexes into a list of them: it is sorted as they are.
    const indexOf = (id: number) => (ids === undefined ? id : findSorted(ids, id));
    for (const [id, bias] of this.#bias) logits[indexOf(id)]! += bias;
    for (const [id, count] of this.#penalties(history)) this.#penalise(logits, indexOf(id), count);
    const index = this.#choose(logits);
    return ids === undefined ? index : ids[index]!;
  }

  #choose(logits: Float32Array): number {
    const best = argmax(logits);
    if (!Number.isFinite(logits[best]!)) {
      throw new BitnetError(
        'sampling/no-token',
        'no token may follow: all are forbidden by logitBias, or the logits are no finite numbers, as in a damaged model',
      );
    }
    return this.#options.temperature === 0 ? best : this.#draw(logits, logits[best]!);
  }

  /** How often each token that penalties apply to occurs among the last ones. */
  #penalties(history: readonly number[]): Map<number, number> {
    const { repetitionPenalty, presencePenalty, frequencyPenalty, penaltyWindow } = this.#options;
    const counts = new Map<number, number>();
    if ((repetitionPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0) || penaltyWindow === 0)
      return counts;
    for (const id of history.slice(-penaltyWindow)) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }

  #penalise(logits: Float32Array, index: number, count: number): void {
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = this.#options;
    const logit = logits[index]!;
    const scaled = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    logits[index] = scaled - presencePenalty - count * frequencyPenalty;
  }

  #draw(logits: Float32Array, best: number): number {
    const { temperature, topK, topP, minP } = this.#options;
    const ids = topK > 0 ? Uint32Array.from(mostLikely(logits, topK)) : possible(logits);
    let candidates = weigh(ids, logits, best, temperature);
    if (topP < 1) candidates = nucleus(candidates, topP);
    // The most likely token has the weight 1, so min-p is a floor on weights.
    if (minP > 0) candidates = select(candidates, (weight) => weight >= minP);
    let left = this.#random.next() * sum(candidates.weights);
    for (const [index, weight] of candidates.weights.entries()) {
      left -= weight;
      if (left < 0) return candidates.ids[index]!;
    }
    return candidates.ids.at(-1)!;
  }
}

/** Where `id` lies in rising ids. */
function findSorted(ids: Int32Array, id: number): number {
  let low = 0;
  for (let high = ids.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  assert(ids[low] === id, `the logit of token ${id} is not among those given`);
  return low;
}

/** Tokens that may be drawn, with their probabilities relative to the most likely one's. */
interface Candidates {
  readonly ids: Uint32Array;
  readonly weights: Float64Array;
}

/** The lowest id with the largest logit; NaN never wins. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if (logits[id]! > logits[best]! || Number.isNaN(logits[best]!)) best = id;
  }
  return best;
}

/** ln Σ exp(logits). */
export function logSumExp(logits: Float32Array): number {
  const best = logits[argmax(logits)]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) {
    const below = logits[id]! - best;
    // What is less than 2^-57 of the largest term cannot change a double's sum by a visible bit.
    if (below > -40) sum += exp(below);
  }
  return best + ln(sum);
}

/** The `count` most likely tokens, most likely first. */
export function topTokens(logits: Float32Array, count: number): TokenProbability[] {
  const normaliser = logSumExp(logits);
  return mostLikely(logits, count).map((id) => ({ id, logprob: logits[id]! - normaliser }));
}

/** Ids of tokens that are not forbidden. */
function possible(logits: Float32Array): Uint32Array {
  const ids = new Uint32Array(logits.length);
  let count = 0;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > Number.NEGATIVE_INFINITY) ids[count++] = id;
  return ids.subarray(0, count);
}

function weigh(ids: Uint32Array, logits: Float32Array, best: number, temperature: number): Candidates {
  const weights = new Float64Array(ids.length);
  for (let i = 0; i < ids.length; i++) weights[i] = exp((logits[ids[i]!]! - best) / temperature);
  return { ids, weights };
}

/** At most `count` ids by falling logit, rising id among equals. */
function mostLikely(logits: Float32Array, count: number): number[] {
  const byLogit = (a: number, b: number) => logits[b]! - logits[a]! || a - b;
  const keep = (ids: number[]) => {
    ids.sort(byLogit);
    if (ids.length > count) ids.length = count;
  };
  const ids: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    // Later ids lose ties, so what equals the least kept one need not be looked at once the list has been full.
    if (!(logits[id]! > least)) continue;
    ids.push(id);
    if (ids.length >= 2 * count + 64) {
      keep(ids);
      least = logits[ids[count - 1]!]!;
    }
  }
  keep(ids);
  return ids;
}

/** The fewest candidates whose weights reach the share `p` of all; of equals at the edge, the first ones. */
function nucleus(candidates: Candidates, p: number): Candidates {
  const total = sum(candidates.weights);
  const mass = p * total;
  // What weighs less than an even share of the rest is not needed: all of it together does not make up that rest.
  const floor = (total - mass) / candidates.weights.length;
  // Sorting numbers alone is much faster than sorting tokens, and all that is asked is where the nucleus ends.
  const falling = candidates.weights
    .filter((weight) => weight >= floor)
    .sort()
    .reverse();
  let reached = 0;
  let count = 0;
  while (count < falling.length && reached < mass) reached += falling[count++]!;
  const edge = falling[Math.max(count, 1) - 1]!;
  let atEdge = falling.subarray(0, count).filter((weight) => weight === edge).length;
  return select(candidates, (weight) => weight > edge || (weight === edge && atEdge-- > 0));
}

function select({ ids, weights }: Candidates, accept: (weight: number) => boolean): Candidates {
  const kept = new Uint32Array(ids.length);
  const keptWeights = new Float64Array(ids.length);
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    if (!accept(weights[i]!)) continue;
    kept[count] = ids[i]!;
    keptWeights[count++] = weights[i]!;
  }
  return { ids: kept.subarray(0, count), weights: keptWeights.subarray(0, count) };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new BitnetError(
    `option/${name}`,
    `${name} is ${value}, and must be between ${least === Number.MIN_VALUE ? 'just above 0' : least} and ${most}`,
  );
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new BitnetError(`option/${name}`, `${name} is ${value}, and must be a whole number from ${least} on`);
}
