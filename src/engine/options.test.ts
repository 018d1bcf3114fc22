import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memorySource } from '../formats/sources/memory.ts';
import { createReferenceBackend } from '../kernels/backend.ts';
import { takeInventory } from '../model/loading/inventory.ts';
import { tinyTalesBytes } from '../model/loading/rewritten-model.test.ts';
import { openModel } from '../model/open.ts';
import { loadEngine } from './load-engine.ts';
import { checkOptions, fitHead, planEngine } from './options.ts';

const opened = await openModel(memorySource(tinyTalesBytes()));
const inventory = takeInventory(opened);
const { config } = opened;
const { kernels } = createReferenceBackend(false);

test('a head becomes int8 where the model does not fit otherwise, with a warning, and only when it may choose', () => {
  const auto = checkOptions(config, {});
  const { total } = planEngine(inventory, config, auto, kernels);
  assert.deepEqual(fitHead(inventory, config, auto, kernels, total), { settings: auto, warnings: [] });
  const { settings, warnings } = fitHead(inventory, config, auto, kernels, total - 1);
  assert.deepEqual(settings, { ...auto, head: 'int8' });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /held as int8 rows/);
  for (const head of ['exact', 'fast'] as const) {
    const chosen = checkOptions(config, { head });
    assert.deepEqual(fitHead(inventory, config, chosen, kernels, 1), { settings: chosen, warnings: [] });
  }
});

test('the plan of memory counts a plane and its screen as they are allocated', async () => {
  const used = { exact: 0, fast: 0 };
  const planned = { exact: 0, fast: 0 };
  for (const head of ['exact', 'fast'] as const) {
    const options = { backend: 'reference', threads: 0, head } as const;
    const engine = await loadEngine(opened, options);
    used[head] = engine.usedBytes;
    planned[head] = planEngine(inventory, config, checkOptions(config, options), kernels).total;
    await engine.dispose();
  }
  const difference = used.fast - used.exact - (planned.fast - planned.exact);
  // Each of the ten blocks is rounded up to a cache line.
  assert.ok(difference >= 0 && difference < 10 * 64, `${difference} bytes`);
});
