/** The measurement runs the real kernels on a small pool; what it finds is finite, and no head falls back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectBackend } from '../kernels/select.ts';
import { ARCHITECTURES } from '../model/architecture.ts';
import { measureMachine } from './measure-machine.ts';
import { fillPool, Rehearsal } from './rehearsal.ts';

test('without threads to measure only facts are told', async () => {
  const { machine, kernels } = await measureMachine({ backend: 'wasm-simd', threads: [] });
  assert.deepEqual(machine.rates, []);
  assert.equal(machine.backend, 'wasm-simd');
  assert.ok(machine.usableThreads > 0 && machine.totalMemoryBytes! > 0);
  assert.ok(machine.addressableBytes > 2 ** 31);
  assert.ok(kernels.ternaryBytes(64, 256) > 0);
});

test('a measurement gives positive rates for the threads that were asked for', async () => {
  const { machine } = await measureMachine({ threads: [1] });
  assert.equal(machine.rates.length, 1);
  const [rates] = machine.rates;
  assert.equal(rates!.threads, 1);
  const positive = [
    rates!.decodeBytesPerSecond,
    rates!.readBytesPerSecond,
    rates!.prefillMacsPerSecond,
    rates!.denseMacsPerSecond,
    rates!.secondsPerElement,
    rates!.loadSecondsPerTernaryByte,
    rates!.loadSecondsPerDenseByte,
    ...[...rates!.decodeCurve, ...rates!.headCurve].map(({ bytesPerSecond }) => bytesPerSecond),
  ];
  for (const value of positive) assert.ok(Number.isFinite(value) && value > 0, `${value}`);
  for (const value of [rates!.secondsPerLayer, rates!.secondsPerStep, rates!.secondsPerHead]) {
    assert.ok(Number.isFinite(value) && value >= 0, `${value}`);
  }
  const sizes = rates!.decodeCurve.map(({ bytes }) => bytes);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
});

for (const threads of [0, 2]) {
  test(`a rehearsed head is screened as a real one is, ${threads} threads`, async () => {
    const { backend } = await selectBackend('wasm-simd', true);
    const poolBytes = 2 ** 21;
    const rehearsal = await Rehearsal.start(backend, threads, fillPool(backend, poolBytes), poolBytes);
    try {
      const { activation, ggufRope } = ARCHITECTURES.get('bitnet-b1.58')!;
      const config = {
        architecture: 'bitnet-b1.58',
        vocabularySize: 1024,
        contextLength: 1024,
        embeddingLength: 256,
        feedForwardLength: 256,
        blockCount: 1,
        headCount: 4,
        headCountKv: 4,
        headLength: 64,
        ropeFreqBase: 10000,
        layerNormRmsEpsilon: 1e-5,
        activation,
        ropeStyle: ggufRope,
      };
      const head = await rehearsal.model(config, 1024);
      assert.ok((await head.seconds({ tokens: 1, position: 1, hasLogits: true }, 1)) > 0);
      assert.equal(head.fallbacks, 0);
      const layers = await rehearsal.model({ ...config, blockCount: 2 });
      assert.ok((await layers.seconds({ tokens: 8, position: 100, hasLogits: false }, 1)) > 0);
    } finally {
      await rehearsal.dispose();
    }
  });
}
