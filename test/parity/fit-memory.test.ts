/** A model described by its dims alone plans the same memory as the file with its tensors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RANDOM_SHAPES, randomShape } from '#src/cli/random-model/shapes.js';
import { writeRandomModel } from '#src/cli/random-model/write-model.js';
import { checkOptions, planEngine } from '#src/engine/options.js';
import { modelOfFile, shapeOfModel } from '#src/fit/fit-model.js';
import { memorySource } from '#src/formats/sources/memory.js';
import { selectBackend } from '#src/kernels/select.js';
import { takeInventory } from '#src/model/loading/inventory.js';
import { openModel } from '#src/model/open.js';

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
