import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BitnetError, ContextLengthExceeded } from '../../base/errors.ts';
import { kvCacheBytes } from '../../model/kv-cache.ts';
import { embedTokens } from '../embedding.ts';
import type { Engine, StepItem } from '../engine.ts';
import {
  generateAlone,
  randomConstraint,
  randomTokens,
  read,
  tinyEngine,
} from './reference-sequence.test.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';
import type { SequenceOptions } from './sequence.ts';
import { MOST_UNREAD } from './sequence-task.ts';

const GREEDY = { temperature: 0, maxTokens: 8 } as const;
const shared = randomTokens(99, 150);

/** Options of many kinds, by number. */
function optionsOf(i: number, vocabularySize: number): SequenceOptions {
  const kinds: readonly SequenceOptions[] = [
    { temperature: 0 },
    { temperature: 1, topK: 40 },
    { temperature: 1, topK: 0, topP: 1, minP: 0 },
    { temperature: 0.7, topK: 5, logprobs: 3 },
    { temperature: 0, repetitionPenalty: 1.3, frequencyPenalty: 0.5 },
    { temperature: 1.5, topK: 300, presencePenalty: 1 },
    { temperature: 1, logitBias: { 5: 3, 17: -100, 2030: 50 }, below: 2000 },
    { temperature: 0, promptLogprobs: 2, logprobs: 0 },
    { temperature: 1, promptLogprobs: 0, maxTokens: 0 },
  ];
  const options: SequenceOptions = { maxTokens: 3 + ((i * 7) % 20), seed: i, ...kinds[i % kinds.length] };
  if (i % 3 !== 1) return options;
  return { ...options, constraint: randomConstraint(i, vocabularySize) };
}

for (const head of ['fast', 'exact'] as const) {
  describe(`a scheduler on a model with ${head} head`, () => {
    let engine: Engine;
    let baseline: number;
    before(async () => {
      engine = await tinyEngine({ head });
      assert.equal(engine.headKind, head);
      baseline = engine.usedBytes;
    });
    after(() => engine.dispose());

    test('gives each of many sequences the tokens and scores that it has alone, bit for bit', async () => {
      const { vocabularySize } = engine.config;
      const prompts = Array.from({ length: 27 }, (_, i) => [
        ...shared.slice(0, [0, 10, 70, 150][i % 4]),
        ...randomTokens(i, 1 + ((i * 13) % 60)),
      ]);
      const scheduler = new Scheduler(engine, { maxRunning: 9 });
      const sequences = prompts.map((prompt, i) => scheduler.submit(prompt, optionsOf(i, vocabularySize)));
      const together = await Promise.all(sequences.map(read));
      for (const [i, prompt] of prompts.entries()) {
        const alone = await generateAlone(engine, prompt, optionsOf(i, vocabularySize));
        assert.deepEqual(together[i], alone, `sequence ${i}`);
      }
      // And once more, each with what the prefix cache has of it.
      for (const [i, prompt] of prompts.slice(0, 9).entries()) {
        const again = await read(scheduler.submit(prompt, optionsOf(i, vocabularySize)));
        assert.deepEqual(again, together[i], `sequence ${i}, again`);
      }
      const { running, waiting, promptTokens, cachedTokens, kvCacheInUse } = scheduler.statistics;
      assert.deepEqual({ running, waiting, kvCacheInUse }, { running: 0, waiting: 0, kvCacheInUse: 0 });
      assert.ok(cachedTokens > 0 && cachedTokens < promptTokens);
      await scheduler.dispose();
      assert.equal(engine.usedBytes, baseline);
      const { outputs, fallbacks } = engine.headStatistics;
      assert.ok(head === 'exact' ? outputs === 0 : outputs > 2 * fallbacks, 'a fast head is not read whole');
    });
  });
}

describe('a scheduler', () => {
  let engine: Engine;
  let baseline: number;
  before(async () => {
    engine = await tinyEngine();
    baseline = engine.usedBytes;
  });
  after(() => engine.dispose());

  /** Runs `use` with a scheduler, and sees to it that it leaves nothing behind. */
  async function withScheduler(
    options: SchedulerOptions,
    use: (scheduler: Scheduler, steps: readonly (readonly StepItem[])[]) => Promise<void>,
  ): Promise<void> {
    const scheduler = new Scheduler(engine, options);
    const steps: (readonly StepItem[])[] = [];
    const { step } = engine;
    engine.step = (items, into) => {
      steps.push(items.map((item) => ({ ...item })));
      return step.call(engine, items, into);
    };
    try {
      await use(scheduler, steps);
    } finally {
      engine.step = step;
      await scheduler.dispose();
    }
    assert.equal(engine.usedBytes, baseline, 'nothing leaked');
  }

  test('holds up nobody who generates for a prompt, and no short prompt for a long one', () =>
    withScheduler({}, async (scheduler, steps) => {
      const first = scheduler.submit(randomTokens(1, 5), { ...GREEDY, maxTokens: 40 });
      const events = first[Symbol.asyncIterator]();
      await events.next();
      const long = scheduler.submit(randomTokens(2, 400), { ...GREEDY, maxTokens: 1 });
      const short = scheduler.submit(randomTokens(3, 20), { ...GREEDY, maxTokens: 1 });
      const before = steps.length;
      await read(short);
      // Two steps of 15 tokens each for the short one, and up to one that was under way.
      assert.ok(steps.length - before <= 3);
      for (const items of steps.slice(before + 1)) {
        assert.ok(items.some(({ tokens }) => tokens.length === 1));
        assert.equal(
          items.reduce((sum, { tokens }) => sum + tokens.length, 0),
          engine.batchTokens,
        );
      }
      assert.equal((await read(long)).ids.length, 1);
      await events.return?.();
    }));

  test('lets everybody generate in turn when a step has fewer outputs than sequences run', () =>
    withScheduler({ maxRunning: 40 }, async (scheduler, steps) => {
      const options = { ...GREEDY, maxTokens: 10 };
      const sequences = Array.from({ length: 40 }, (_, i) => scheduler.submit(randomTokens(i, 4), options));
      const outcomes = await Promise.all(sequences.map(read));
      const own = steps.slice();
      for (const [i, { ids }] of outcomes.entries()) {
        assert.deepEqual(ids, (await generateAlone(engine, randomTokens(i, 4), options)).ids);
      }
      for (const items of own) {
        assert.ok(items.reduce((sum, { outputs }) => sum + outputs.length, 0) <= engine.stepOutputs);
      }
      // Between two tokens of a sequence, all others have their turn once: 40 in places for 16.
      const turns = new Map<unknown, number>();
      for (const [i, items] of own.entries()) {
        for (const { cache, outputs } of items) {
          if (outputs.length === 0) continue;
          assert.ok(i - (turns.get(cache) ?? i) <= 4);
          turns.set(cache, i);
        }
      }
    }));

  test('computes a prefix once: from what ended, from what runs, and by waiting for what begins', () =>
    withScheduler({}, async (scheduler, steps) => {
      const prompt = randomTokens(7, 200);
      const branches = Array.from({ length: 4 }, (_, i) => [...prompt, i, 2 * i]);
      const sequences = branches.map((branch) => scheduler.submit(branch, { ...GREEDY, maxTokens: 4 }));
      const outcomes = await Promise.all(sequences.map(read));
      const computed = steps.flat().reduce((sum, { tokens }) => sum + tokens.length, 0);
      assert.equal(computed, 202 + 3 * 10 + 4 * 3, 'prompts, and all generated tokens but the last');
      for (const [i, branch] of branches.entries()) {
        assert.deepEqual(outcomes[i], await generateAlone(engine, branch, { ...GREEDY, maxTokens: 4 }));
      }
      // The 8 tokens that they share of the next block are not worth a copy of it.
      const cached = sequences.map(({ progress }) => progress.cachedTokens);
      assert.deepEqual(cached, [0, 192, 192, 192]);
      const again = scheduler.submit(branches[0]!, { ...GREEDY, maxTokens: 1 });
      await read(again);
      assert.equal(again.progress.cachedTokens, 192);
      scheduler.clearPrefixCache();
      const fresh = scheduler.submit(branches[0]!, { ...GREEDY, maxTokens: 1 });
      await read(fresh);
      assert.equal(fresh.progress.cachedTokens, 0);
    }));

  test('the same prompt several times is computed up to its last token once', () =>
    withScheduler({}, async (scheduler) => {
      const prompt = randomTokens(8, 120);
      const choices = [1, 2, 3].map((seed) =>
        scheduler.submit(prompt, { seed, temperature: 1, maxTokens: 5 }),
      );
      const outcomes = await Promise.all(choices.map(read));
      assert.deepEqual(
        choices.map(({ progress }) => progress.cachedTokens),
        [0, 119, 119],
      );
      for (const [i, seed] of [1, 2, 3].entries()) {
        assert.deepEqual(
          outcomes[i],
          await generateAlone(engine, prompt, { seed, temperature: 1, maxTokens: 5 }),
        );
      }
    }));

  test('what two have in common is computed once by then, even when it is less than a block', () =>
    withScheduler({}, async (scheduler) => {
      const template = randomTokens(11, 20);
      const prompts = [1, 2].map((seed) => [...template, ...randomTokens(seed, 12)]);
      const sequences = prompts.map((prompt) => scheduler.submit(prompt, GREEDY));
      const outcomes = await Promise.all(sequences.map(read));
      assert.deepEqual(
        sequences.map(({ progress }) => progress.cachedTokens),
        [0, 20],
      );
      for (const [i, prompt] of prompts.entries()) {
        assert.deepEqual(outcomes[i], await generateAlone(engine, prompt, GREEDY));
      }
    }));

  test('who waits for a prefix goes on by itself when the one that computes it is cancelled', () =>
    withScheduler({}, async (scheduler, steps) => {
      const controller = new AbortController();
      const prompt = randomTokens(12, 300);
      const leader = scheduler.submit([...prompt, 1], { ...GREEDY, signal: controller.signal });
      const follower = scheduler.submit([...prompt, 2], GREEDY);
      // The prompt takes five steps, of which two are done when the third begins.
      while (steps.length < 3) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(scheduler.statistics.waiting, 1);
      controller.abort('gone');
      await assert.rejects(read(leader), (error) => error === 'gone');
      assert.deepEqual(await read(follower), await generateAlone(engine, [...prompt, 2], GREEDY));
      const { cachedTokens } = follower.progress;
      assert.ok(
        cachedTokens >= 64 && cachedTokens < 300,
        `${cachedTokens} of what the other one had come to`,
      );
    }));

  test('scores of a prompt are computed whatever the prefix cache holds', () =>
    withScheduler({}, async (scheduler) => {
      const prompt = randomTokens(9, 130);
      await read(scheduler.submit(prompt, GREEDY));
      const options = { ...GREEDY, promptLogprobs: 1, maxTokens: 2 };
      const sequence = scheduler.submit(prompt, options);
      assert.deepEqual(await read(sequence), await generateAlone(engine, prompt, options));
      assert.equal(sequence.progress.cachedTokens, 0);
    }));

  test('preempts when memory is short, and nobody can tell', async () => {
    const blockBytes = kvCacheBytes(engine.config, 64, engine.kvFormat);
    await withScheduler({ kvCacheBytes: 6 * blockBytes }, async (scheduler) => {
      const prompts = [1, 2, 3, 4].map((seed) => randomTokens(seed, 60));
      const options = { ...GREEDY, maxTokens: 140 };
      const outcomes = await Promise.all(prompts.map((prompt) => drain(scheduler, prompt, options)));
      for (const [i, prompt] of prompts.entries()) {
        assert.deepEqual(outcomes[i], (await generateAlone(engine, prompt, options)).ids);
      }
      assert.ok(scheduler.statistics.preempted > 0);
      assert.ok(scheduler.statistics.kvCacheUsage <= 1);
    });
    await withScheduler({ kvCacheBytes: 2 * blockBytes }, async (scheduler) => {
      const isTooSmall = (error: unknown) => {
        assert.ok(error instanceof BitnetError);
        assert.equal(error.code, 'memory/kv-cache');
        assert.match(
          error.message,
          /the KV cache of 129 tokens takes .* MiB, and all sequences together may use/,
        );
        return true;
      };
      assert.throws(() => scheduler.submit(randomTokens(1, 129)), isTooSmall);
      const grows = scheduler.submit(randomTokens(1, 120), { ...GREEDY, maxTokens: 100 });
      await assert.rejects(read(grows), isTooSmall);
      assert.equal(grows.progress.generatedTokens, 9);
      assert.equal(grows.progress.end, undefined);
      const fits = scheduler.submit(randomTokens(1, 120), { ...GREEDY, maxTokens: 8 });
      assert.equal((await read(fits)).ids.length, 8);
    });
  });

  test('a sequence that just fits does not fail for a block that it shares with the prefix cache', () =>
    withScheduler(
      { kvCacheBytes: 3 * kvCacheBytes(engine.config, 64, engine.kvFormat) },
      async (scheduler) => {
        const prompt = randomTokens(3, 100);
        const first = scheduler.submit([...prompt, 1], { ...GREEDY, maxTokens: 27 });
        const second = scheduler.submit([...prompt, 2], { ...GREEDY, maxTokens: 90 });
        assert.equal((await read(first)).ids.length, 27);
        assert.deepEqual(
          await read(second),
          await generateAlone(engine, [...prompt, 2], { ...GREEDY, maxTokens: 90 }),
        );
      },
    ));

  test('when the machine has no memory, the prefix cache goes first and then the youngest sequence', (t) =>
    withScheduler({}, async (scheduler) => {
      await read(scheduler.submit(randomTokens(5, 200), GREEDY));
      const failure = new BitnetError('memory/exhausted', 'no more');
      const options = { ...GREEDY, maxTokens: 90 };
      const { loaded } = engine;
      const reserve = loaded.pool.reserve.bind(loaded.pool);
      let failures = 0;
      let calls = 0;
      t.mock.method(loaded.pool, 'reserve', (demands: Parameters<typeof reserve>[0]) => {
        if (++calls > 20 && failures < 3) {
          failures++;
          throw failure;
        }
        reserve(demands);
      });
      const prompts = [randomTokens(6, 30), randomTokens(7, 30)];
      const outcomes = await Promise.all(prompts.map((prompt) => drain(scheduler, prompt, options)));
      // Two of three blocks of the prefix cache, the last one of it, and a sequence.
      assert.equal(failures, 3);
      assert.equal(scheduler.statistics.preempted, 1);
      assert.equal((await read(scheduler.submit(randomTokens(5, 200), GREEDY))).ids.length, 8);
      for (const [i, prompt] of prompts.entries()) {
        assert.deepEqual(outcomes[i], (await generateAlone(engine, prompt, options)).ids);
      }
    }));

  test('takes lower numbers first, and whoever has waited longest now and then', () =>
    withScheduler({ maxRunning: 1 }, async (scheduler) => {
      const order: string[] = [];
      const run = async (name: string, priority: number) => {
        await read(scheduler.submit(randomTokens(1, 3), { temperature: 0, maxTokens: 1, priority }));
        order.push(name);
      };
      const low = run('low', 5);
      const all = [low, ...Array.from({ length: 20 }, (_, i) => run(`high ${i}`, 0))];
      await Promise.all(all);
      assert.equal(order.indexOf('low'), 7);
      assert.deepEqual(
        order.filter((name) => name !== 'low'),
        Array.from({ length: 20 }, (_, i) => `high ${i}`),
      );
    }));

  test('refuses what is too much, and says how much that is', () =>
    withScheduler({ maxRunning: 2, maxWaiting: 1 }, async (scheduler) => {
      const submit = () => scheduler.submit(randomTokens(1, 3), GREEDY);
      const sequences = [submit(), submit(), submit()];
      const constraint = randomConstraint(1, 100);
      assert.throws(
        () => scheduler.submit([1], { constraint }),
        (error) => {
          assert.ok(error instanceof BitnetError);
          assert.equal(error.code, 'scheduler/full');
          assert.match(error.message, /at most 2 and 1 may/);
          return true;
        },
      );
      assert.ok(constraint.isDisposed);
      assert.equal(scheduler.statistics.refused, 1);
      await Promise.all(sequences.map(read));
      assert.equal((await read(submit())).ids.length, 8);
    }));

  test('refuses what is wrong at once', () =>
    withScheduler({}, async (scheduler) => {
      const code = (code: string) => ({ code });
      assert.throws(() => scheduler.submit([]), code('tokens/empty'));
      assert.throws(() => scheduler.submit([1, 5000]), code('tokens/bad-id'));
      assert.throws(() => scheduler.submit(randomTokens(1, 513)), ContextLengthExceeded);
      for (const name of ['maxTokens', 'logprobs', 'promptLogprobs', 'priority', 'topK', 'seed']) {
        assert.throws(() => scheduler.submit([1], { [name]: 0.5 }), code(`option/${name}`));
      }
      assert.throws(() => scheduler.submit([1], { logprobs: 21 }), code('option/logprobs'));
      await assert.rejects(scheduler.embed([], 'last'), code('tokens/empty'));
      for (const name of ['maxRunning', 'maxWaiting', 'kvCacheBytes']) {
        assert.throws(() => new Scheduler(engine, { [name]: -1 }), code(`option/${name}`));
      }
      assert.throws(
        () => new Scheduler(engine, { kvCacheBytes: 10 }),
        /one block of 64 tokens takes \d+ bytes/,
      );
    }));

  test('ends a sequence with its signal: waiting, beginning, and generating', () =>
    withScheduler({ maxRunning: 2 }, async (scheduler) => {
      const controllers = Array.from({ length: 4 }, () => new AbortController());
      const constraints = controllers.map((_, i) => randomConstraint(i, 2048));
      const [generating, beginning, waiting, never] = controllers.map(({ signal }, i) =>
        scheduler.submit(randomTokens(i, i === 1 ? 500 : 5), {
          ...GREEDY,
          maxTokens: 400,
          signal: i === 3 ? AbortSignal.abort('never') : signal,
          constraint: constraints[i]!,
        }),
      );
      const events = generating![Symbol.asyncIterator]();
      await events.next();
      assert.equal(scheduler.statistics.running, 2);
      for (const [i, controller] of controllers.entries()) controller.abort(`enough ${i}`);
      await assert.rejects(read(beginning!), (error) => error === 'enough 1');
      await assert.rejects(read(waiting!), (error) => error === 'enough 2');
      await assert.rejects(read(never!), (error) => error === 'never');
      await assert.rejects(
        async () => {
          for (;;) if ((await events.next()).done) return;
        },
        (error) => error === 'enough 0',
      );
      assert.equal(scheduler.statistics.cancelled, 4);
      assert.ok(constraints.every(({ isDisposed }) => isDisposed));
      assert.equal((await read(scheduler.submit([1], GREEDY))).ids.length, 8);
      assert.equal(scheduler.statistics.running, 0);
    }));

  test('a sequence that is left is not computed any further', () =>
    withScheduler({}, async (scheduler, steps) => {
      const sequence = scheduler.submit(randomTokens(1, 5), { ...GREEDY, maxTokens: 400 });
      let seen = 0;
      for await (const _ of sequence) if (++seen === 3) break;
      assert.equal(scheduler.statistics.running, 0);
      assert.equal(scheduler.statistics.cancelled, 1);
      const { length } = steps;
      await read(scheduler.submit([1], { ...GREEDY, maxTokens: 2 }));
      assert.equal(steps.slice(length).flat().length, 2);
    }));

  test('a sequence pauses for a slow reader, and gives up its place meanwhile', () =>
    withScheduler({ maxRunning: 1 }, async (scheduler) => {
      const slow = scheduler.submit(randomTokens(1, 5), { ...GREEDY, maxTokens: 300 });
      const other = await read(scheduler.submit(randomTokens(2, 5), GREEDY));
      assert.equal(other.ids.length, 8);
      assert.equal(slow.progress.generatedTokens, MOST_UNREAD);
      assert.equal(scheduler.statistics.running, 1);
      const expected = await generateAlone(engine, randomTokens(1, 5), { ...GREEDY, maxTokens: 300 });
      assert.deepEqual(await read(slow), expected);
    }));

  test('a sequence that pauses gives its memory up to those that wait', () =>
    withScheduler(
      { kvCacheBytes: 3 * kvCacheBytes(engine.config, 64, engine.kvFormat) },
      async (scheduler) => {
        const options = { ...GREEDY, maxTokens: 100 };
        const slow = scheduler.submit(randomTokens(1, 60), options);
        while (slow.progress.generatedTokens < MOST_UNREAD)
          await new Promise((resolve) => setImmediate(resolve));
        assert.equal((await read(scheduler.submit(randomTokens(2, 130), GREEDY))).ids.length, 8);
        assert.equal(scheduler.statistics.preempted, 1);
        assert.equal(scheduler.statistics.waiting, 1);
        assert.deepEqual(await read(slow), await generateAlone(engine, randomTokens(1, 60), options));
      },
    ));

  test('a fault of one sequence ends that one alone', () =>
    withScheduler({}, async (scheduler) => {
      const nothing = { mask: () => new Int32Array(64), accept() {}, dispose() {} };
      const broken = { ...nothing, mask: () => assert.fail('a broken grammar') };
      const [fine, stuck, faulty, odd] = [
        scheduler.submit(randomTokens(1, 5), GREEDY),
        scheduler.submit(randomTokens(2, 5), { ...GREEDY, constraint: nothing }),
        scheduler.submit(randomTokens(3, 5), { ...GREEDY, constraint: broken }),
        scheduler.submit(randomTokens(4, 5), { ...GREEDY, endsAt: () => assert.fail('an odd end') }),
      ];
      await assert.rejects(read(stuck!), { code: 'sampling/no-token' });
      await assert.rejects(read(faulty!), /a broken grammar/);
      await assert.rejects(read(odd!), /an odd end/);
      assert.equal((await read(fine!)).ids.length, 8);
    }));

  test('a fault of the engine ends all with it', (t) =>
    withScheduler({ maxRunning: 1 }, async (scheduler) => {
      const failure = new BitnetError('team/worker-failed', 'a thread is gone');
      const mocked = t.mock.method(engine, 'step', async () => {
        throw failure;
      });
      const sequences = [1, 2].map((seed) => scheduler.submit(randomTokens(seed, 5), GREEDY));
      for (const sequence of sequences) await assert.rejects(read(sequence), (error) => error === failure);
      mocked.mock.restore();
      assert.equal((await read(scheduler.submit([1], GREEDY))).ids.length, 8);
    }));

  test('vectors wait in line, one at a time, and end with their signal', async () => {
    const calls: number[] = [];
    const open: (() => void)[] = [];
    const embedTokens: SchedulerOptions['embedTokens'] = async (_, tokens, _pooling, { signal }) => {
      calls.push(tokens.length);
      await new Promise<void>((resolve, reject) => {
        open.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
      return Float32Array.of(tokens.length);
    };
    await withScheduler({ embedTokens }, async (scheduler) => {
      const controller = new AbortController();
      const first = scheduler.embed([1, 2, 3], 'last');
      const second = scheduler.embed([1, 2], 'mean', { signal: controller.signal });
      const third = scheduler.embed([1], 'mean');
      assert.equal((await read(scheduler.submit([1], GREEDY))).ids.length, 8);
      assert.deepEqual(calls, [3]);
      open[0]!();
      assert.deepEqual(await first, Float32Array.of(3));
      controller.abort('enough');
      await assert.rejects(second, (error) => error === 'enough');
      const rejected = assert.rejects(third, { code: 'scheduler/disposed' });
      await scheduler.dispose();
      await rejected;
    });
  });

  test('vectors are the same among sequences', () =>
    withScheduler({}, async (scheduler) => {
      const texts = [1, 2, 3].map((seed) => randomTokens(seed, 50 * seed));
      const sequence = read(scheduler.submit(randomTokens(4, 20), { ...GREEDY, maxTokens: 40 }));
      const vectors = await Promise.all(texts.map((text) => scheduler.embed(text, 'mean')));
      for (const [i, text] of texts.entries()) {
        assert.deepEqual(vectors[i], await embedTokens(engine, text, 'mean'));
      }
      assert.equal((await sequence).ids.length, 40);
    }));

  test('disposed of, it ends all and takes no more', () =>
    withScheduler({ maxRunning: 1 }, async (scheduler) => {
      const sequences = [1, 2].map((seed) => scheduler.submit(randomTokens(seed, 5), GREEDY));
      const ends = sequences.map((sequence) =>
        assert.rejects(read(sequence), { code: 'scheduler/disposed' }),
      );
      await new Promise((resolve) => setImmediate(resolve));
      await scheduler.dispose();
      await Promise.all(ends);
      assert.throws(() => scheduler.submit([1]), { code: 'scheduler/disposed' });
      await assert.rejects(scheduler.embed([1], 'last'), { code: 'scheduler/disposed' });
      assert.equal(scheduler.statistics.running, 0);
    }));
});

/** The ids of a sequence, or the error that it ends with. */
async function drain(
  scheduler: Scheduler,
  prompt: readonly number[],
  options: SequenceOptions,
): Promise<unknown> {
  try {
    return (await read(scheduler.submit(prompt, options))).ids;
  } catch (error) {
    return error;
  }
}
