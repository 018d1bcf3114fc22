import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BitnetError, ContextLengthExceeded } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { memorySource } from '../formats/sources/memory.ts';
import { Heap } from '../kernels/heap.ts';
import { tinyTalesBytes } from '../model/loading/rewritten-model.test.ts';
import { openModel } from '../model/open.ts';
import type { Engine } from './engine.ts';
import { loadEngine } from './load-engine.ts';
import { Session } from './session.ts';

const CONTEXT = 100;
const random = createRandom(3);
const TOKENS = Array.from({ length: 90 }, () => random.below(2000));

describe('a session', () => {
  let engine: Engine;
  before(async () => {
    const opened = await openModel(memorySource(tinyTalesBytes()));
    engine = await loadEngine(opened, { threads: 0, contextLength: CONTEXT, batchTokens: 16 });
  });
  after(() => engine.dispose());

  /** The logits after `tokens` of a session that knows nothing else. */
  async function fresh(tokens: readonly number[]): Promise<Float32Array> {
    const session = new Session(engine);
    const logits = await session.sync(tokens);
    session.dispose();
    return logits;
  }

  /** How many tokens each step computes while `use` runs. */
  async function countSteps(use: () => Promise<unknown>): Promise<number[]> {
    const counts: number[] = [];
    const { step } = engine;
    engine.step = (items) => {
      counts.push(items.reduce((sum, { tokens }) => sum + tokens.length, 0));
      return step.call(engine, items);
    };
    try {
      await use();
    } finally {
      engine.step = step;
    }
    return counts;
  }

  test('computes only what follows the longest common prefix', async () => {
    const session = new Session(engine);
    assert.deepEqual(await countSteps(() => session.sync(TOKENS.slice(0, 40))), [16, 16, 8]);
    assert.deepEqual(await countSteps(() => session.sync(TOKENS.slice(0, 43))), [3]);
    const branch = [...TOKENS.slice(0, 30), 1, 2];
    assert.equal(session.commonPrefix(branch), 30);
    assert.deepEqual(await countSteps(() => session.sync(branch)), [2]);
    assert.deepEqual(session.tokens, branch);
    // The same again is at hand; a shorter one needs its last token once more.
    assert.deepEqual(await countSteps(() => session.sync(branch)), []);
    assert.deepEqual(await countSteps(() => session.sync(branch.slice(0, 20))), [1]);
    assert.deepEqual(await session.sync(branch.slice(0, 20)), await fresh(branch.slice(0, 20)));
    session.dispose();
  });

  test('answers copies: what a caller does to them changes nothing', async () => {
    const session = new Session(engine);
    const first = await session.sync(TOKENS.slice(0, 5));
    const kept = first.slice();
    first.fill(0);
    assert.deepEqual(await session.sync(TOKENS.slice(0, 5)), kept);
    session.dispose();
  });

  test('syncEach visits every position from the given one on, in order', async () => {
    const session = new Session(engine);
    for (const first of [0, 7, 39]) {
      const positions: number[] = [];
      const rows: Float32Array[] = [];
      await session.syncEach(TOKENS.slice(0, 40), first, (position, logits) => {
        positions.push(position);
        rows.push(logits);
      });
      assert.deepEqual(
        positions,
        Array.from({ length: 40 - first }, (_, i) => first + i),
      );
      for (const position of [first, 39]) {
        assert.deepEqual(rows[position - first], await fresh(TOKENS.slice(0, position + 1)));
      }
    }
    session.dispose();
  });

  test('after an abort it holds what was computed, and goes on from there', async () => {
    const session = new Session(engine);
    await session.sync(TOKENS.slice(0, 20));
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = session.syncEach(TOKENS, 20, () => controller.abort(reason), controller.signal);
    await assert.rejects(aborted, (error) => error === reason);
    assert.deepEqual(session.tokens, TOKENS.slice(0, 36));
    // Logits of an earlier position must not pass for those of the last one.
    assert.deepEqual(await session.sync(TOKENS.slice(0, 36)), await fresh(TOKENS.slice(0, 36)));
    assert.deepEqual(await session.sync(TOKENS), await fresh(TOKENS));
    session.dispose();
  });

  test('an aborted sync computes nothing', async () => {
    const session = new Session(engine);
    const steps = await countSteps(() =>
      assert.rejects(session.sync(TOKENS, AbortSignal.abort('no')), (error) => error === 'no'),
    );
    assert.deepEqual(steps, []);
    session.dispose();
  });

  test('more tokens than the context are refused, with the numbers', async () => {
    const session = new Session(engine);
    const tokens = [...TOKENS, ...TOKENS];
    for (const call of [() => session.sync(tokens), () => session.syncEach(tokens, 0, () => {})]) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof ContextLengthExceeded);
        assert.equal(error.requestedTokens, 180);
        assert.equal(error.contextLength, CONTEXT);
        assert.match(error.message, /180 tokens do not fit in a context of 100/);
        return true;
      });
    }
    assert.equal((await session.sync(tokens.slice(0, CONTEXT))).length, engine.config.vocabularySize);
    session.dispose();
  });

  test('tokens outside of the vocabulary and no tokens at all are refused', async () => {
    const session = new Session(engine);
    for (const bad of [-1, 2048, 1.5, Number.NaN]) {
      await assert.rejects(session.sync([1, bad]), (error) => {
        assert.ok(error instanceof BitnetError);
        assert.equal(error.code, 'tokens/bad-id');
        assert.match(error.message, /^token 1 is /);
        return true;
      });
    }
    await assert.rejects(session.sync([]), { code: 'tokens/empty' });
    assert.deepEqual(session.tokens, []);
    session.dispose();
  });

  test('a fork has the first tokens, shares their memory, and both go their own way', async () => {
    const before = engine.usedBytes;
    const parent = new Session(engine);
    const logits = await parent.sync(TOKENS.slice(0, 80));
    const held = engine.usedBytes;
    const [whole, inBlock, atEdge, empty] = [parent.fork(), parent.fork(70), parent.fork(64), parent.fork(0)];
    assert.ok(engine.usedBytes - held < 1000, 'tables alone');
    assert.deepEqual(inBlock.tokens, TOKENS.slice(0, 70));
    assert.deepEqual(await countSteps(() => whole.sync(TOKENS.slice(0, 80))), [], 'its logits are at hand');
    assert.deepEqual(await whole.sync(TOKENS.slice(0, 80)), logits);

    // Every one goes on differently, the parent as well, and none sees what the others write.
    const ways = [parent, whole, inBlock, atEdge, empty].map((session, i) => ({
      session,
      tokens: [...session.tokens, ...TOKENS.slice(i, i + 12)],
    }));
    for (const { session, tokens } of ways) {
      for (const length of [tokens.length - 11, tokens.length]) {
        assert.deepEqual(await session.sync(tokens.slice(0, length)), await fresh(tokens.slice(0, length)));
      }
    }
    for (const { session, tokens } of ways) {
      const next = [...tokens, 7];
      assert.deepEqual(await session.sync(next), await fresh(next), 'after the others went on');
    }
    parent.dispose();
    const grandchild = inBlock.fork(66);
    inBlock.dispose();
    const tokens = [...TOKENS.slice(0, 66), 5, 6];
    assert.deepEqual(await grandchild.sync(tokens), await fresh(tokens), 'its parents are gone');
    for (const session of [whole, atEdge, empty, grandchild]) session.dispose();
    assert.equal(engine.usedBytes, before);
  });

  test('a fork of tokens that are not there is refused', async () => {
    const session = new Session(engine);
    await session.sync(TOKENS.slice(0, 5));
    for (const length of [6, -1, 1.5])
      assert.throws(() => session.fork(length), { code: 'session/bad-length' });
    session.dispose();
    assert.throws(() => session.fork(), { code: 'session/disposed' });
  });

  test('takes memory as it grows, and gives back what it rewinds over', async () => {
    const session = new Session(engine);
    const used = engine.usedBytes;
    await session.sync(TOKENS.slice(0, 64));
    const block = engine.usedBytes - used;
    assert.ok(block > 0);
    await session.sync(TOKENS.slice(0, 65));
    assert.equal(engine.usedBytes - used, 2 * block);
    await session.sync(TOKENS.slice(0, 20));
    assert.equal(engine.usedBytes - used, block);
    session.dispose();
  });

  test('when memory runs out, a step fails as a whole and the session goes on from where it was', async (t) => {
    const session = new Session(engine);
    await session.sync(TOKENS.slice(0, 60));
    const fork = session.fork();
    const used = engine.usedBytes;
    const failure = new BitnetError('memory/exhausted', 'no more');
    const { allocate } = Heap.prototype;
    let left = 1;
    const mocked = t.mock.method(Heap.prototype, 'allocate', function (this: Heap, bytes: number): number {
      if (left-- <= 0) throw failure;
      return allocate.call(this, bytes);
    });
    // One block for its own copy of the shared one, and then one too many.
    await assert.rejects(
      fork.sync([...TOKENS.slice(0, 60), ...TOKENS.slice(0, 16)]),
      (error) => error === failure,
    );
    mocked.mock.restore();
    assert.deepEqual(fork.tokens, TOKENS.slice(0, 60));
    for (const other of [fork, session]) {
      const tokens = [...TOKENS.slice(0, 60), ...TOKENS.slice(0, 20)];
      assert.deepEqual(await other.sync(tokens), await fresh(tokens));
    }
    session.dispose();
    fork.dispose();
    assert.ok(engine.usedBytes < used);
  });

  test('disposed of during a step, it gives its memory back after it', async () => {
    const before = engine.usedBytes;
    const session = new Session(engine);
    const step = session.sync(TOKENS.slice(0, 10));
    session.dispose();
    assert.ok(engine.usedBytes > before);
    await step;
    assert.equal(engine.usedBytes, before);
  });

  test('gives its memory back once, and is of no more use', async () => {
    const before = engine.usedBytes;
    const session = new Session(engine);
    await session.sync(TOKENS);
    assert.ok(engine.usedBytes > before);
    session.dispose();
    session.dispose();
    assert.equal(engine.usedBytes, before);
    await assert.rejects(session.sync([1]), { code: 'session/disposed' });
  });
});
