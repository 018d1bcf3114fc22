import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Backend } from './backend.ts';
import { NATIVE_VARIANTS } from './backend-name.ts';
import type { Kernels } from './kernels.ts';
import { selectBackend } from './select.ts';
import { findKernelFault } from './self-test.ts';

/** A right backend whose ternary product is then changed. */
async function broken(change: (out: Float32Array, row: number) => void): Promise<Backend> {
  const { backend } = await selectBackend('wasm-simd', false);
  const ternaryMatmul: Kernels['ternaryMatmul'] = (out, outStride, q, w, scale, K, T, accumulate, r0, r1) => {
    backend.kernels.ternaryMatmul(out, outStride, q, w, scale, K, T, accumulate, r0, r1);
    for (let t = 0; t < T; t++) {
      for (let r = r0; r < r1; r++) change(backend.heap.f32(out + 4 * (t * outStride + r), 1), r);
    }
  };
  return { ...backend, kernels: { ...backend.kernels, ternaryMatmul } };
}

describe('the test of kernels', () => {
  for (const name of ['reference', 'wasm-simd'] as const) {
    test(`passes ${name} and gives its memory back`, async () => {
      const { backend } = await selectBackend(name, false);
      const before = backend.heap.usedBytes;
      assert.equal(findKernelFault(backend), undefined);
      assert.equal(backend.heap.usedBytes, before);
    });
  }

  test('finds a product that is off by one', async () => {
    const fault = findKernelFault(
      await broken((value, row) => {
        if (row === 3) value[0]! += 1;
      }),
    );
    assert.match(fault!, /^its ternary product gave -?\d+ where -?\d+ is right$/);
  });

  test('finds sums that saturate at 16 bits, as a wrong relaxed dot product does', async () => {
    const saturated = await broken((value) => {
      value[0] = Math.max(-32768, Math.min(32767, value[0]!));
    });
    assert.match(findKernelFault(saturated)!, /gave 32767 where 268224 is right/);
  });
});

describe('choosing a backend', () => {
  test('one that is not known is refused', async () => {
    await assert.rejects(selectBackend('fast' as 'wasm', true), { code: 'backend/unknown' });
  });

  test('excluded ones are passed over, and when none is left it says so', async () => {
    const wasm = new Set<string>(['wasm-relaxed', 'wasm-simd', ...NATIVE_VARIANTS]);
    assert.equal((await selectBackend(undefined, false, wasm)).backend.name, 'reference');
    await assert.rejects(selectBackend('wasm', false, wasm), { code: 'backend/unavailable' });
  });

  test('what is asked for by name is what runs, on memory of the kind asked for', async () => {
    for (const isShared of [true, false]) {
      for (const name of ['reference', 'wasm-simd'] as const) {
        const { backend, passedOver } = await selectBackend(name, isShared);
        assert.deepEqual([backend.name, backend.kernels.name, backend.isShared], [name, name, isShared]);
        assert.deepEqual(passedOver, []);
        const { buffer } = backend.heap.u8(64, 1);
        assert.equal(buffer instanceof SharedArrayBuffer, isShared);
      }
    }
  });
});
