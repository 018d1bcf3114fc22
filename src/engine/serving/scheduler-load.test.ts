/** A scheduler under random loads: what arrives, what is cancelled, left or read slowly, and how much memory there is. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRandom, type Random } from '../../base/random.ts';
import { kvCacheBytes } from '../../model/kv-cache.ts';
import type { Engine } from '../engine.ts';
import {
  generateAlone,
  type Outcome,
  randomConstraint,
  randomTokens,
  tinyEngine,
} from './reference-sequence.test.ts';
import { Scheduler } from './scheduler.ts';
import type { SequenceOptions } from './sequence.ts';

/** Prompts that begin alike in many ways. */
const PROMPTS: readonly (readonly number[])[] = [
  randomTokens(1, 150),
  [...randomTokens(1, 100), ...randomTokens(2, 80)],
  [...randomTokens(1, 70), 5],
  randomTokens(3, 12),
  randomTokens(4, 3),
  [...randomTokens(1, 100), ...randomTokens(2, 40), 7],
];
const OPTIONS: readonly SequenceOptions[] = [
  { temperature: 0, maxTokens: 150 },
  { temperature: 1, topK: 40, seed: 5, maxTokens: 25 },
  { temperature: 1, topK: 0, seed: 6, logprobs: 2, maxTokens: 8 },
  { temperature: 0, promptLogprobs: 1, maxTokens: 3 },
  { temperature: 0.5, repetitionPenalty: 1.2, seed: 7, maxTokens: 40, stopIds: new Set([3, 11, 200, 1000]) },
];

/** What a client does behind so many tokens. */
type Behaviour = { readonly kind: 'read' | 'leave' | 'abort' | 'slow'; readonly tokens: number };

function randomBehaviour(random: Random): Behaviour {
  const kinds = ['read', 'read', 'read', 'leave', 'abort', 'slow'] as const;
  return { kind: kinds[random.below(kinds.length)]!, tokens: random.below(12) };
}

describe('a scheduler under load', () => {
  /** On the calling thread, and on threads of their own, where much can happen during a step. */
  let engines: readonly Engine[];
  const expected = new Map<string, Promise<Outcome>>();
  before(async () => {
    engines = [await tinyEngine({ head: 'fast' }), await tinyEngine({ head: 'fast', threads: 2 })];
  });
  after(() => Promise.all(engines.map((engine) => engine.dispose())));

  function optionsOf(kind: number): SequenceOptions {
    const options = OPTIONS[kind % OPTIONS.length]!;
    if (kind < OPTIONS.length) return options;
    return { ...options, constraint: randomConstraint(kind, engines[0]!.config.vocabularySize) };
  }

  /** What a sequence is alone. */
  function expectedOf(prompt: number, kind: number): Promise<Outcome> {
    const key = `${prompt} ${kind}`;
    const known = expected.get(key) ?? generateAlone(engines[0]!, PROMPTS[prompt]!, optionsOf(kind));
    expected.set(key, known);
    return known;
  }

  /** Lives as one client; what it has read is what the sequence is alone. */
  async function live(scheduler: Scheduler, random: Random): Promise<Behaviour['kind']> {
    const prompt = random.below(PROMPTS.length);
    const kind = random.below(2 * OPTIONS.length);
    const behaviour = randomBehaviour(random);
    const priority = random.below(3) - 1;
    for (let turns = random.below(60); turns > 0; turns--)
      await new Promise((resolve) => setImmediate(resolve));
    const alone = await expectedOf(prompt, kind);
    const controller = new AbortController();
    const sequence = scheduler.submit(PROMPTS[prompt]!, {
      ...optionsOf(kind),
      priority,
      signal: controller.signal,
    });
    const ids: number[] = [];
    const isOver = () => behaviour.kind !== 'read' && ids.length >= behaviour.tokens;
    try {
      for await (const event of sequence) {
        if (event.kind === 'prompt') {
          assert.deepEqual(event.scores, alone.promptScores);
          continue;
        }
        assert.equal(event.id, alone.ids[ids.length]);
        assert.deepEqual(event.score, alone.scores[ids.length]);
        ids.push(event.id);
        if (behaviour.kind === 'slow') await new Promise((resolve) => setImmediate(resolve));
        else if (isOver() && behaviour.kind === 'leave') return 'leave';
        else if (isOver()) controller.abort('gone');
      }
    } catch (error) {
      assert.equal(error, 'gone');
      return 'abort';
    }
    assert.equal(ids.length, alone.ids.length);
    assert.equal(sequence.progress.end, alone.end);
    return 'read';
  }

  test('gives everybody what they would have had alone, and leaves nothing behind', async () => {
    const totals = { read: 0, leave: 0, abort: 0, slow: 0, cachedTokens: 0 };
    for (let seed = 0; seed < 4; seed++) {
      const random = createRandom(seed);
      const engine = engines[seed % 2]!;
      const baseline = engine.usedBytes;
      const blockBytes = kvCacheBytes(engine.config, 64, engine.kvFormat);
      const scheduler = new Scheduler(engine, {
        maxRunning: 2 + random.below(15),
        kvCacheBytes: (6 + 2 * seed) * blockBytes,
      });
      const watch = setInterval(() => assert.ok(scheduler.statistics.kvCacheUsage <= 1), 1);
      try {
        for (const kind of await Promise.all(Array.from({ length: 24 }, () => live(scheduler, random))))
          totals[kind]++;
      } finally {
        clearInterval(watch);
      }
      const { running, waiting, kvCacheInUse, cancelled, cachedTokens } = scheduler.statistics;
      assert.deepEqual({ running, waiting, kvCacheInUse }, { running: 0, waiting: 0, kvCacheInUse: 0 });
      assert.ok(cancelled <= 24);
      totals.cachedTokens += cachedTokens;
      scheduler.clearPrefixCache();
      assert.equal(engine.usedBytes, baseline, `seed ${seed}`);
      await scheduler.dispose();
    }
    for (const [what, count] of Object.entries(totals)) {
      if (what !== 'slow') assert.ok(count > 0, `${what}: ${JSON.stringify(totals)}`);
    }
  });

  test('disposed of in the middle of a load, it leaves nothing behind', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const engine = engines[seed % 2]!;
      const baseline = engine.usedBytes;
      const scheduler = new Scheduler(engine, { maxRunning: 6 });
      const ends = Array.from({ length: 12 }, async (_, i) => {
        const sequence = scheduler.submit(PROMPTS[i % PROMPTS.length]!, { temperature: 0, seed: i });
        for await (const _ of sequence);
      });
      const settled = Promise.allSettled(ends);
      for (let turns = 9 * seed; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      await scheduler.dispose();
      assert.equal(engine.usedBytes, baseline, `seed ${seed}`);
      const codes = (await settled).map((end) => (end.status === 'rejected' ? end.reason.code : 'none'));
      assert.deepEqual(new Set(codes), new Set(['scheduler/disposed']));
    }
  });
});
