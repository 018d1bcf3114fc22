/** The build with relaxed SIMD; a runtime that does not know its instructions has to say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '#src/base/errors.js';
import { NATIVE_VARIANTS } from '#src/kernels/backend-name.js';
import { selectBackend } from '#src/kernels/select.js';
import { runKernelConformance } from './kernels.ts';

/** (module (func (drop (i16x8.relaxed_dot_i8x16_i7x16_s (v128.const 0) (v128.const 0))))) */
const RELAXED_DOT = new Uint8Array([
  0,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  1,
  4,
  1,
  0x60,
  0,
  0,
  3,
  2,
  1,
  0,
  10,
  44,
  1,
  42,
  0,
  ...[0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[0xfd, 0x92, 0x02, 0x1a, 0x0b],
]);

if (WebAssembly.validate(RELAXED_DOT)) {
  runKernelConformance({
    name: 'wasm-relaxed',
    make: async () => (await selectBackend('wasm-relaxed', true)).backend,
  });
} else {
  test('a runtime without relaxed SIMD refuses the backend by name', async () => {
    await assert.rejects(selectBackend('wasm-relaxed', true), (error) => {
      assert.ok(error instanceof BitnetError);
      assert.equal(error.code, 'backend/unavailable');
      assert.match(error.message, /wasm-relaxed: this runtime lacks its instructions/);
      return true;
    });
  });

  test('among wasm builds the next one runs and the first is named', async () => {
    const natives = new Set<string>(NATIVE_VARIANTS);
    for (const requested of ['wasm', undefined] as const) {
      const { backend, passedOver } = await selectBackend(requested, true, natives);
      assert.equal(backend.name, 'wasm-simd');
      assert.match(passedOver.at(-1)!, /^wasm-relaxed: /);
    }
  });
}
