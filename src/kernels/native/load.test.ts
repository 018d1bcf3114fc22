/** A compiled module that was built from other sources: it is named in one sentence, and nothing of it is called. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { selectBackend } from '../select.ts';
import { NATIVE_INTERFACE } from './exports.ts';
import { loadNative, usableVariants, variantFault } from './load.ts';

/** What the system's loader gives in place of a module; it is asked once in a process. */
const planted = {
  interfaceVersion: NATIVE_INTERFACE as number | undefined,
  variants: () => [{ name: 'native-avx2', missing: 'an instruction that is made up' }],
};
// Any file that exists will do.
process.env.BITNET_NATIVE = fileURLToPath(import.meta.url);
process.dlopen = (module: object) => Object.assign(module, { exports: planted });

const OTHER_VERSION =
  'the compiled module is of another version of bitnet.ts; build it again (npm run build:native) or remove it';

test('a module of this version is used', () => {
  planted.interfaceVersion = NATIVE_INTERFACE;
  assert.equal(loadNative(), planted);
  assert.equal(usableVariants(), 'this processor lacks an instruction that is made up');
  assert.equal(variantFault('native-avx2'), 'this processor lacks an instruction that is made up');
  assert.equal(variantFault('native-neon'), 'the compiled module for this system does not have it');
});

for (const [what, version] of [
  ['an older', NATIVE_INTERFACE - 1],
  ['a newer', NATIVE_INTERFACE + 1],
  ['no', undefined],
] as const) {
  test(`a module of ${what} version is left out, and refused by name`, async () => {
    planted.interfaceVersion = version;
    assert.equal(loadNative(), OTHER_VERSION);
    assert.equal(usableVariants(), OTHER_VERSION);
    assert.equal(variantFault('native-avx2'), OTHER_VERSION);

    const { backend, passedOver } = await selectBackend(undefined, false);
    assert.match(backend.name, /^wasm-/);
    assert.equal(passedOver[0], `native: ${OTHER_VERSION}`);
    for (const requested of ['native', 'native-avx2'] as const) {
      await assert.rejects(selectBackend(requested, false), {
        code: 'backend/unavailable',
        message: `the backend "${requested}" does not work here (${requested}: ${OTHER_VERSION}); leave it out to run the fastest that does`,
      });
    }
  });
}
