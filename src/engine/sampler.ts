/**
 * From logits to the next token. The order of steps is that of llama.cpp and of Hugging Face's generate: bias, penalties,
 * temperature, top-k, top-p, min-p, draw. Computed in double precision with our own exponential, so that a seed gives the
 * same tokens in every runtime.
 */
import { exp, ln } from '../base/elementary.ts';
import { BitnetError } from '../base/errors.ts';
import { createRandom, type Random } from '../base/random.ts';

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
      if (id >= vocabularySize || Number.isNaN(bias)) {
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
   * The next token.
   *
   * @param logits f32 [vocabularySize], overwritten
   * @param history tokens so far, prompt included
   * @throws BitnetError `sampling/no-token` when every token is forbidden
   */
  sample(logits: Float32Array, history: readonly number[]): number {
    for (const [id, bias] of this.#bias) logits[id] = logits[id]! + bias;
    this.#penalise(logits, history);
    const best = argmax(logits);
    if (!(logits[best]! > Number.NEGATIVE_INFINITY)) {
      throw new BitnetError(
        'sampling/no-token',
        'no token may follow: all are forbidden by logitBias, or the logits are no numbers',
      );
    }
    return this.#options.temperature === 0 ? best : this.#draw(logits, logits[best]!);
  }

  #penalise(logits: Float32Array, history: readonly number[]): void {
    const { repetitionPenalty, presencePenalty, frequencyPenalty, penaltyWindow } = this.#options;
    if ((repetitionPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0) || penaltyWindow === 0)
      return;
    const counts = new Map<number, number>();
    for (const id of history.slice(-penaltyWindow)) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const [id, count] of counts) {
      const logit = logits[id]!;
      const scaled = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      logits[id] = scaled - presencePenalty - count * frequencyPenalty;
    }
  }

  #draw(logits: Float32Array, best: number): number {
    const { temperature, topK, topP, minP } = this.#options;
    const weight = (id: number) => exp((logits[id]! - best) / temperature);
    // Relative to the most likely token, whose weight is 1, min-p is a floor on the weight.
    let candidates = mostLikely(logits, topK, best + temperature * ln(minP));
    const total = candidates.reduce((sum, id) => sum + weight(id), 0);
    if (topP < 1) candidates = nucleus(candidates, weight, topP * total);
    const kept = candidates.reduce((sum, id) => sum + weight(id), 0);
    let left = this.#random.next() * kept;
    for (const id of candidates) {
      left -= weight(id);
      if (left < 0) return id;
    }
    return candidates.at(-1)!;
  }
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
  return mostLikely(logits, Math.max(count, 1), Number.NEGATIVE_INFINITY)
    .slice(0, count)
    .map((id) => ({ id, logprob: logits[id]! - normaliser }));
}

/** Ids by falling logit (rising id among equals), at most `count` unless 0, none below `floor`. */
function mostLikely(logits: Float32Array, count: number, floor: number): number[] {
  const byLogit = (a: number, b: number) => logits[b]! - logits[a]! || a - b;
  const ids: number[] = [];
  let threshold = floor;
  for (let id = 0; id < logits.length; id++) {
    if (!(logits[id]! >= threshold) || logits[id] === Number.NEGATIVE_INFINITY) continue;
    ids.push(id);
    // Sorting now and then keeps the list short without a heap.
    if (count > 0 && ids.length >= 4 * count + 64) {
      ids.sort(byLogit).length = count;
      threshold = logits[ids[count - 1]!]!;
    }
  }
  ids.sort(byLogit);
  if (count > 0 && ids.length > count) ids.length = count;
  return ids;
}

/** The fewest of the candidates, most likely first, whose weights reach `mass`. */
function nucleus(candidates: readonly number[], weight: (id: number) => number, mass: number): number[] {
  let sum = 0;
  for (const [index, id] of candidates.entries()) {
    sum += weight(id);
    if (sum >= mass) return candidates.slice(0, index + 1);
  }
  return [...candidates];
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
