import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ByteSource } from '../base/byte-source.ts';
import { readGguf } from '../formats/gguf/read.ts';
import { memorySource } from '../formats/sources/memory.ts';
import { tinyTalesBytes } from '../model/loading/rewritten-model.test.ts';
import { openModel } from '../model/open.ts';
import { loadEngine } from './load-engine.ts';
import type { EngineOptions } from './options.ts';
import { Session } from './session.ts';

const K = 'blk.0.attn_k.weight';
/** I2_S bytes of four weights 0. */
const ZEROS = 0x55;

/**
 * The bundled model on a medium that gives wrong bytes for the start of one tensor the first times it is asked: what
 * loading sees then is not what the test of the loaded weights reads after it.
 */
async function unreliable(wrongReads: number): Promise<ByteSource> {
  const inner = memorySource(tinyTalesBytes());
  const { offset } = (await readGguf(inner)).tensors.get(K)!;
  let reads = 0;
  return {
    ...inner,
    async readInto(target, at, signal) {
      await inner.readInto(target, at, signal);
      // Each backend reads the tensor once to load and once to test it.
      if (at === offset && reads++ < 2 * wrongReads && reads % 2 === 1) target.fill(ZEROS, 0, 512);
    },
  };
}

async function loadOn(wrongReads: number, options: EngineOptions) {
  return loadEngine(await openModel(await unreliable(wrongReads)), { threads: 0, ...options });
}

describe('a backend that gives wrong numbers for the loaded model', () => {
  test('is passed over for the next, which computes right, and a warning says so', async () => {
    const right = await loadOn(0, {});
    const other = await loadOn(1, {});
    const tokens = [2047, 5, 9, 100];
    const expected = await new Session(right).sync(tokens);
    assert.deepEqual(await new Session(other).sync(tokens), expected);
    assert.notEqual(other.backendName, right.backendName);
    const warning = `${right.backendName} gave wrong numbers on this machine and was not used: ${K}: row 0`;
    assert.ok(
      other.warnings.some((sentence) => sentence.startsWith(warning)),
      other.warnings.join('\n'),
    );
    await Promise.all([right.dispose(), other.dispose()]);
  });

  test('is an error when it was asked for by name', async () => {
    for (const backend of ['wasm-simd', 'reference'] as const) {
      await assert.rejects(loadOn(1, { backend, threads: 2 }), {
        code: 'backend/self-test-failed',
        message: new RegExp(`^${backend} gave wrong numbers`),
      });
    }
  });

  test('is an error when no other is left', async () => {
    for (const options of [{}, { backend: 'wasm' }] as const) {
      await assert.rejects(loadOn(9, options), {
        code: 'backend/unavailable',
        message: /\(.*wasm-simd: gave wrong numbers/,
      });
    }
  });
});
