import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelOfEntry } from '../../fit/fit-model.ts';
import type { MeasuredMachine } from '../../fit/measure-machine.ts';
import { measureMachine } from '../../fit/measure-machine.ts';
import { readCatalogue } from '../../hub/catalogue/catalogue.ts';
import type { LocalModel } from '../../hub/hub.ts';
import { stylesOf } from '../terminal.ts';
import { checkMemory } from './check-memory.ts';
import { listOf } from './model-rows.ts';
import { modelsTable } from './models-table.ts';

const catalogue = await readCatalogue();
const styles = stylesOf({ write: () => true });

async function machineWith(gigabytes: number): Promise<MeasuredMachine> {
  const { machine, kernels } = await measureMachine({ threads: [] });
  const bytes = gigabytes * 1e9;
  return {
    kernels,
    machine: { ...machine, programBytes: 80e6, totalMemoryBytes: bytes, availableMemoryBytes: bytes },
  };
}

const local: LocalModel = {
  repository: 'Tiiuae/falcon-e-1b-instruct-GGUF',
  revision: '0'.repeat(40),
  file: 'ggml-model-i2_s.gguf',
  path: '/cache/ggml-model-i2_s.gguf',
  bytes: 666_324_256,
  open: () => Promise.reject(new Error('nobody opens it')),
};

test('the bundled model and every published one is there, with what is here and what runs', async () => {
  const { models } = await listOf(catalogue, [local], await machineWith(2));
  assert.deepEqual(
    models.map(({ name }) => name),
    ['tales', ...catalogue.models.map(({ name }) => name)],
  );
  const row = (name: string) => models.find((model) => model.name === name)!;
  assert.equal(row('tales').here, 'bundled');
  assert.ok(row('tales').parameters > 3e6 && row('tales').parameters < 4e6, `${row('tales').parameters}`);
  assert.equal(row('falcon-e-1b').here, 'yes');
  assert.equal(row('2b4t').here, 'no');
  assert.equal(row('2b4t').runs, 'yes');
  const large = row('llama3-8b');
  assert.equal(large.runs, 'no');
  assert.match(large.reason ?? '', /GB of memory, and this machine has 2\.00 GB/);
});

test('the table fits 80 columns, and a wide terminal shows more', async () => {
  const list = await listOf(catalogue, [], await machineWith(8));
  for (const all of [false, true]) {
    const text = modelsTable(list, styles, 80, all);
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    assert.ok(!text.includes('BitNet b1.58 2B4T'));
  }
  const wide = modelsTable(list, styles, 120, false);
  assert.match(wide, /^2b4t .*BitNet b1\.58 2B4T$/m);
});

test('what is not supported is named, and with --all the reason', async () => {
  const list = await listOf(catalogue, [], await machineWith(8));
  const brief = modelsTable(list, styles, 80, false);
  const full = modelsTable(list, styles, 80, true).replace(/\s+/g, ' ');
  for (const { name, unsupported } of catalogue.unsupported) {
    assert.ok(brief.includes(name), name);
    assert.ok(full.includes(unsupported), name);
  }
});

test('a model that cannot fit is refused before the download, with what would help', async () => {
  const model = modelOfEntry(catalogue.models.find(({ name }) => name === 'llama3-8b')!);
  const small = await machineWith(2);
  await assert.rejects(() => checkMemory(model, 'llama3-8b', undefined, small), {
    code: 'memory/too-large',
    message: /^llama3-8b does not fit, so it is not downloaded: it takes .* has 2\.00 GB; .+/,
  });
  await checkMemory(model, 'llama3-8b', undefined, await machineWith(64));
});
