import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memorySource } from '../../formats/sources/memory.ts';
import type { Backend } from '../../kernels/backend.ts';
import { selectBackend } from '../../kernels/select.ts';
import { createTeam } from '../../kernels/team/team.ts';
import { openModel } from '../open.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import { type LoadedWeights, loadWeights } from './load.ts';
import { PACK_PROGRAMS } from './load-programs.ts';
import { tinyTalesBytes } from './rewritten-model.test.ts';
import { findModelFault } from './self-test.ts';

async function load(
  name: 'reference' | 'wasm-simd',
): Promise<{ backend: Backend; inventory: Inventory; weights: LoadedWeights }> {
  const opened = await openModel(memorySource(tinyTalesBytes()));
  const { backend } = await selectBackend(name, false);
  const team = await createTeam({
    backend,
    workers: 0,
    spawn: () => assert.fail('no workers'),
    programs: PACK_PROGRAMS,
    scratchBytes: 1 << 16,
  });
  const inventory = takeInventory(opened);
  const weights = await loadWeights(inventory, {
    backend,
    team,
    head: 'auto',
    onBytes: () => {},
    signal: undefined,
    meanwhile: () => {},
  });
  return { backend, inventory, weights };
}

for (const name of ['reference', 'wasm-simd'] as const) {
  describe(`the test of loaded weights on ${name}`, () => {
    test('finds nothing in weights that were loaded right', async () => {
      const { backend, inventory, weights } = await load(name);
      const before = backend.heap.usedBytes;
      assert.equal(await findModelFault(backend, inventory, weights), undefined);
      assert.equal(backend.heap.usedBytes, before, 'its own memory is given back');
    });

    test('finds one damaged byte in the first rows and in the last ones, and names the tensor', async () => {
      for (const [layer, matrix, tensor, end] of [
        [0, 'k', 'blk.0.attn_k.weight', false],
        [2, 'v', 'blk.2.attn_v.weight', true],
      ] as const) {
        const { backend, inventory, weights } = await load(name);
        const { address, rows, columns } = weights.layers[layer]![matrix];
        const bytes = backend.kernels.ternaryBytes(rows, columns);
        // One code becomes its neighbour: 0 or -1 turns into the next one, +1 into 0.
        const at = backend.heap.u8(end ? address + bytes - 1 : address, 1);
        at[0] = name === 'reference' ? (at[0] === 1 ? 0 : 1) : at[0]! ^ ((at[0]! & 3) === 2 ? 3 : 1);
        const fault = await findModelFault(backend, inventory, weights);
        assert.ok(fault?.startsWith(`${tensor}: row `), String(fault));
        assert.match(fault ?? '', new RegExp(`on ${name} and .* on the reference`));
      }
    });

    test('finds kernels that err', async () => {
      const { backend, inventory, weights } = await load(name);
      const broken: Backend = {
        ...backend,
        kernels: {
          ...backend.kernels,
          ternaryMatmul(out, ...rest) {
            backend.kernels.ternaryMatmul(out, ...rest);
            backend.heap.u8(out, 1)[0]! ^= 1;
          },
        },
      };
      assert.match((await findModelFault(broken, inventory, weights))!, /blk\.0\.attn_k\.weight: row 0/);
    });
  });
}
