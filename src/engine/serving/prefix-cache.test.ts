import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KvCache } from '../../model/kv-cache.ts';
import type { Engine } from '../engine.ts';
import { PrefixCache } from './prefix-cache.ts';
import { randomTokens, tinyEngine } from './reference-sequence.test.ts';

const NONE = { has: () => false };

describe('the prefix cache', () => {
  let engine: Engine;
  let baseline: number;
  before(async () => {
    engine = await tinyEngine();
    baseline = engine.usedBytes;
  });
  after(() => engine.dispose());

  /** A cache that holds so many positions, of which the first are another's. */
  function cacheOf(positions: number, from?: { cache: KvCache; positions: number }): KvCache {
    const cache = from === undefined ? engine.allocateCache() : engine.forkCache(from.cache, from.positions);
    const position = from?.positions ?? 0;
    engine.loaded.pool.reserve([{ cache, position, count: positions - position }]);
    return cache;
  }

  test('finds the longest run of full blocks, shared by all that begin with it', () => {
    const prefixes = new PrefixCache(engine);
    const tokens = randomTokens(1, 200);
    assert.equal(prefixes.find(tokens, 200), undefined);
    prefixes.add(cacheOf(200), tokens);
    assert.equal(prefixes.size, 3);
    assert.equal(prefixes.find(tokens, 200)?.positions, 192);
    assert.equal(prefixes.find(tokens, 191)?.positions, 128);
    assert.equal(prefixes.find([...tokens.slice(0, 150), ...randomTokens(2, 50)], 200)?.positions, 128);
    assert.equal(prefixes.find(tokens.slice(1), 199), undefined);

    const branch = [...tokens.slice(0, 130), ...randomTokens(3, 130)];
    prefixes.add(cacheOf(260, prefixes.find(branch, 260)), branch);
    assert.equal(prefixes.size, 5);
    assert.equal(prefixes.find(branch, 260)?.positions, 256);
    assert.equal(prefixes.find(tokens, 200)?.positions, 192);
    // What is here already, and what fills no block, is given back.
    const used = engine.usedBytes;
    prefixes.add(cacheOf(200), tokens);
    prefixes.add(cacheOf(60), randomTokens(4, 60));
    assert.equal(engine.usedBytes, used);
    prefixes.clear();
    assert.equal(engine.usedBytes, baseline);
    assert.equal(prefixes.find(tokens, 200), undefined);
  });

  test('least recently used blocks go first, from the end of their texts', () => {
    const prefixes = new PrefixCache(engine);
    const [a, b] = [randomTokens(1, 192), randomTokens(2, 192)];
    const branch = [...a.slice(0, 64), ...randomTokens(3, 64)];
    prefixes.add(cacheOf(192), a);
    prefixes.add(cacheOf(192), b);
    prefixes.add(cacheOf(128, prefixes.find(branch, 128)), branch);
    assert.equal(prefixes.size, 7);
    const positions = () => [a, b, branch].map((tokens) => prefixes.find(tokens, 192)?.positions ?? 0);
    assert.deepEqual(positions(), [192, 192, 128]);
    assert.equal(prefixes.evict(1, NONE), 1);
    assert.deepEqual(positions(), [128, 192, 128]);
    prefixes.use(a, 128);
    assert.equal(prefixes.evict(2, NONE), 2);
    assert.deepEqual(positions(), [128, 64, 128]);
    // Blocks that somebody holds are no use to forget.
    const held = new Set(prefixes.find(b, 64)!.cache.blocks);
    assert.equal(prefixes.evict(1, held), 1);
    assert.deepEqual(positions(), [128, 64, 64]);
    assert.equal(prefixes.evict(100, NONE), 3);
    assert.deepEqual(positions(), [0, 0, 0]);
    assert.equal(prefixes.size, 0);
    assert.equal(engine.usedBytes, baseline);
  });
});
