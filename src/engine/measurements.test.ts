import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { measureMemoryBandwidth, profilePass } from './measurements.ts';
import { loadModel } from './model.ts';

const MODEL = fileURLToPath(new URL('../../test/golden/tiny-tales/tiny-tales.i2_s.gguf', import.meta.url));

test('memory is read at some speed, and given back', async () => {
  const model = await loadModel(MODEL, { threads: 2 });
  const before = model.engine.usedBytes;
  const bandwidth = await measureMemoryBandwidth(model.engine);
  assert.ok(bandwidth > 1e6 && Number.isFinite(bandwidth), `${bandwidth} bytes per second`);
  assert.equal(model.engine.usedBytes, before);
  await assert.rejects(measureMemoryBandwidth(model.engine, AbortSignal.abort(new Error('stop'))), /stop/);
  assert.equal(model.engine.usedBytes, before);
  await model.dispose();
});

for (const threads of [0, 2]) {
  test(`a profiled pass on ${threads} threads computes the same and says where the time went`, async () => {
    const model = await loadModel(MODEL, { threads });
    const tokens = model.tokenize('Once upon a time');
    const expected = await model.logits(tokens);
    const before = model.engine.usedBytes;
    let logits = new Float32Array(0);
    const { seconds, shares, otherShare } = await profilePass(model.engine, async () => {
      // One token behind a prefix that is kept, then another one: the first needs no more than a step.
      logits = Float32Array.from(await model.logits([...tokens, tokens[0]!]));
    });
    assert.ok(seconds > 0);
    assert.ok(shares.has('ternaryMatmul') && shares.has('attention') && shares.has('rmsNorm'));
    assert.equal(shares.has('packTernary'), false);
    const sum = [...shares.values()].reduce((total, share) => total + share, otherShare);
    assert.ok(sum > 0.99 && sum < 1.01, `shares add up to ${sum}`);
    assert.deepEqual(await model.logits(tokens), expected);
    assert.deepEqual(Float32Array.from(await model.logits([...tokens, tokens[0]!])), logits);
    assert.equal(model.engine.usedBytes, before);
    await model.dispose();
  });
}

test('a pass that fails ends its profile', async () => {
  const model = await loadModel(MODEL, { threads: 0 });
  const before = model.engine.usedBytes;
  await assert.rejects(
    profilePass(model.engine, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(model.engine.usedBytes, before);
  const again = await profilePass(model.engine, () => model.logits([1, 2]));
  assert.ok(again.shares.size > 0);
  await model.dispose();
});
