/** A model described by its dims alone plans the same memory as the file with its tensors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RANDOM_SHAPES, randomShape } from '../cli/random-model/shapes.ts';
import { writeRandomModel } from '../cli/random-model/write-model.ts';
import { checkOptions, planEngine } from '../engine/options.ts';
import { memorySource } from '../formats/sources/memory.ts';
import { selectBackend } from '../kernels/select.ts';
import { takeInventory } from '../model/loading/inventory.ts';
import { openModel } from '../model/open.ts';
import { modelOfFile, shapeOfModel } from './fit-model.ts';

for (const [projection, embedding] of [
  ['I2_S', 'F16'],
  ['TQ2_0', 'Q6_K'],
  ['F16', 'Q8_0'],
] as const) {
  test(`memory of ${projection} with an embedding of ${embedding}, from the file and from its dims`, async () => {
    const pieces: Uint8Array[] = [];
    const shape = randomShape('tiny');
    await writeRandomModel({ shape, projection, embedding, seed: 1 }, async (piece) => {
      pieces.push(piece.slice());
    });
    const opened = await openModel(memorySource(Buffer.concat(pieces), 'tiny'));
    const { backend } = await selectBackend('wasm-simd', true);
    const settings = checkOptions(opened.config, { threads: 2, contextLength: 256 });
    const own = planEngine(takeInventory(opened), opened.config, settings, backend.kernels);
    const model = modelOfFile(opened, 'tiny');
    assert.deepEqual(planEngine(shapeOfModel(model), model.config, settings, backend.kernels), own);
    assert.ok(own.total > 0);
  });
}

test('the shapes that answers are scored with are there', () => {
  for (const name of ['125m', 'bitnet-large', '2b4t']) assert.ok(RANDOM_SHAPES.has(name), name);
});
