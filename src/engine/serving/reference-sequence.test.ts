/** For tests of the scheduler: a sequence computed alone, one token at a time, from all logits and with nothing clever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../base/random.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { rewriteGguf, tinyTalesBytes } from '../../model/loading/rewritten-model.test.ts';
import { openModel } from '../../model/open.ts';
import type { Engine } from '../engine.ts';
import type { TokenConstraint } from '../generation/constraint.ts';
import { logSumExp, Sampler, topTokens } from '../generation/sampler.ts';
import { loadEngine } from '../load-engine.ts';
import type { EngineOptions } from '../options.ts';
import { Session } from '../session.ts';
import type { Sequence, SequenceEnd, SequenceEvent, SequenceOptions, TokenScore } from './sequence.ts';

/** All that a sequence gave. */
export interface Outcome {
  readonly ids: readonly number[];
  readonly scores: readonly (TokenScore | undefined)[];
  readonly promptScores: readonly TokenScore[] | undefined;
  readonly end: SequenceEnd | undefined;
}

/** The bundled model on the calling thread, in a context that is longer than what it was trained for. */
export async function tinyEngine(options: EngineOptions = {}): Promise<Engine> {
  const metadata = { 'bitnet-b1.58.context_length': 512 };
  const opened = await openModel(memorySource(await rewriteGguf(tinyTalesBytes(), { metadata })));
  return loadEngine(opened, { threads: 0, contextLength: 512, batchTokens: 32, ...options });
}

/** Tokens of a random text, the same for a seed. */
export function randomTokens(seed: number, count: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.below(2000));
}

/** Reads a sequence to its end. */
export async function read(sequence: Sequence): Promise<Outcome> {
  const events: SequenceEvent[] = [];
  for await (const event of sequence) events.push(event);
  const tokens = events.filter((event) => event.kind === 'token');
  return {
    ids: tokens.map(({ id }) => id),
    scores: tokens.map(({ score }) => score),
    promptScores: events.find((event) => event.kind === 'prompt')?.scores,
    end: sequence.progress.end,
  };
}

/** The same alone. */
export async function generateAlone(
  engine: Engine,
  prompt: readonly number[],
  options: SequenceOptions,
): Promise<Outcome> {
  const session = new Session(engine);
  const sampler = new Sampler(options, engine.config.vocabularySize);
  const tokens = [...prompt];
  const scores: (TokenScore | undefined)[] = [];
  let promptScores: TokenScore[] | undefined;
  try {
    if (options.promptLogprobs !== undefined) {
      promptScores = [];
      for (let i = 1; i < prompt.length; i++) {
        const logits = await session.sync(prompt.slice(0, i));
        promptScores.push(score(logits, prompt[i]!, options.promptLogprobs));
      }
    }
    let end: SequenceEnd | undefined = options.maxTokens === 0 ? 'length' : undefined;
    while (end === undefined) {
      const logits = await session.sync(tokens);
      const scored = logits.slice();
      const mask = options.constraint?.mask();
      for (let id = 0; id < logits.length; id++) {
        const isMasked = mask !== undefined && ((mask[id >> 5] ?? 0) & (1 << (id & 31))) === 0;
        if (isMasked || id >= (options.below ?? logits.length)) logits[id] = Number.NEGATIVE_INFINITY;
      }
      const id = sampler.sample({ logits }, tokens);
      options.constraint?.accept(id);
      tokens.push(id);
      scores.push(options.logprobs === undefined ? undefined : score(scored, id, options.logprobs));
      if (options.stopIds?.has(id)) end = 'stop';
      else if (scores.length === options.maxTokens) end = 'length';
      else if (tokens.length > engine.contextLength) end = 'context';
    }
    return { ids: tokens.slice(prompt.length), scores, promptScores, end };
  } finally {
    session.dispose();
    options.constraint?.dispose();
  }
}

/** A constraint whose masks depend on the seed and on what was generated: few tokens, many, all, or all but likely ones. */
export function randomConstraint(
  seed: number,
  vocabularySize: number,
): TokenConstraint & { isDisposed: boolean } {
  let state = seed;
  return {
    isDisposed: false,
    mask() {
      const random = createRandom(state);
      const kind = random.below(5);
      if (kind === 0) return undefined;
      const words = new Int32Array(Math.ceil(vocabularySize / 32));
      const allow = (id: number) => {
        words[id >> 5]! |= 1 << (id & 31);
      };
      if (kind === 4) for (let id = 0; id < vocabularySize; id++) allow(id);
      // Few, about as many as a step gives by name, so many that the largest may do, and most.
      const count = [0, 5, 257, 1200, 0][kind]!;
      for (let i = 0; i < count; i++) allow(random.below(vocabularySize));
      return words;
    },
    accept(id) {
      state = (Math.imul(state, 31) + id + 1) >>> 0;
    },
    dispose() {
      assert.ok(!this.isDisposed, 'disposed of once');
      this.isDisposed = true;
    },
  };
}

function score(logits: Float32Array, id: number, top: number): TokenScore {
  return { id, logprob: logits[id]! - logSumExp(logits), top: topTokens(logits, top) };
}

test('a sequence alone ends where it is told to', async () => {
  const engine = await tinyEngine();
  const prompt = randomTokens(1, 10);
  const all = await generateAlone(engine, prompt, { temperature: 0, maxTokens: 6 });
  assert.equal(all.ids.length, 6);
  assert.equal(all.end, 'length');
  const stopIds = new Set([all.ids[2]!]);
  const stopped = await generateAlone(engine, prompt, { temperature: 0, maxTokens: 6, stopIds });
  assert.deepEqual(stopped.ids, all.ids.slice(0, all.ids.indexOf(all.ids[2]!) + 1));
  await engine.dispose();
});
