/** Every native variant that this processor runs, where there is a compiled module; and errors where one cannot run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '#src/base/errors.js';
import { NATIVE_VARIANTS } from '#src/kernels/backend-name.js';
import { usableVariants, variantFault } from '#src/kernels/native/load.js';
import { selectBackend } from '#src/kernels/select.js';
import { type Candidate, runFileConformance, runKernelConformance } from './kernels.ts';

const usable = usableVariants();
const names = typeof usable === 'object' ? usable : [];

for (const name of names) {
  const candidate: Candidate = { name, make: async () => (await selectBackend(name, true)).backend };
  runKernelConformance(candidate);
  runFileConformance(candidate);
}

test('a variant that cannot run here says why in one sentence', async () => {
  const missing = NATIVE_VARIANTS.filter((name) => !names.includes(name));
  assert.ok(missing.length > 0, 'no processor has the instructions of two families');
  for (const name of missing) {
    await assert.rejects(selectBackend(name, true), (error) => {
      assert.ok(error instanceof BitnetError);
      assert.equal(error.code, 'backend/unavailable');
      assert.ok(error.message.startsWith(`the backend "${name}" does not work here (${name}: `));
      assert.ok(error.message.includes(variantFault(name)!));
      return true;
    });
  }
});

test('the best variant runs where nothing else is asked for, or one sentence says why none does', async () => {
  const { backend, passedOver } = await selectBackend(undefined, true);
  if (names.length > 0) {
    assert.equal(backend.name, names[0]);
    assert.equal((await selectBackend('native', true)).backend.name, names[0]);
    assert.deepEqual(passedOver, []);
  } else {
    assert.match(passedOver[0]!, /^native: /);
    assert.match(backend.name, /^wasm-/);
    await assert.rejects(selectBackend('native', true), { code: 'backend/unavailable' });
  }
});
