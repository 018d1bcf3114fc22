import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readCatalogue } from './catalogue.ts';
import { parameterCount, publishedSize } from './published-size.ts';

const catalogue = await readCatalogue();

test('the catalogue is as its schema says', () => {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(new URL(`../../../models/${name}`, import.meta.url), 'utf8'));
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  const validate = ajv.compile(read('catalog.schema.json') as object);
  assert.ok(validate(read('catalog.json')), ajv.errorsText(validate.errors));
});

test('every name is of one model only', () => {
  const seen = new Map<string, string>();
  for (const { name, aliases } of [...catalogue.models, ...catalogue.unsupported]) {
    for (const known of [name, ...aliases]) {
      assert.equal(seen.get(known), undefined, `${known} is ${name} and ${seen.get(known)}`);
      seen.set(known, name);
    }
  }
});

test('every repository and file is of one model only', () => {
  const seen = new Set<string>();
  for (const { repository, revision, path } of catalogue.models.flatMap(({ files }) => files)) {
    const key = `${repository.toLowerCase()}@${revision}:${path}`;
    assert.ok(!seen.has(key), key);
    seen.add(key);
  }
});

test('dims agree with each other', () => {
  for (const { name, architecture, shape } of catalogue.models) {
    assert.equal(shape.headCount % shape.headCountKv, 0, name);
    assert.equal(shape.headLength % 2, 0, name);
    assert.equal(shape.tiedHead, architecture !== 'llama', name);
  }
});

test('weights add up to what is published', () => {
  const counts = new Map(catalogue.models.map((entry) => [entry.name, parameterCount(entry)]));
  assert.equal(counts.get('2b4t'), 2_412_820_480);
  // By the names that their authors gave them.
  for (const [name, billions] of [
    ['bitnet-large', 0.73],
    ['bitnet-xl', 1.27],
    ['bitnet-3b', 3.3],
    ['llama3-8b', 8.0],
    ['falcon3-7b', 7.5],
    ['falcon3-10b', 10.3],
  ] as const) {
    assert.ok(Math.abs(counts.get(name)! / 1e9 - billions) < 0.06, `${name}: ${counts.get(name)}`);
  }
});

test('lengths that are known are those that the dims give, and a header', () => {
  for (const entry of catalogue.models) {
    for (const file of entry.files) {
      const { bytes: _, ...unknown } = file;
      const computed = publishedSize(entry, unknown);
      assert.equal(computed.isExact, false);
      if (file.bytes === undefined) continue;
      assert.deepEqual(publishedSize(entry, file), { bytes: file.bytes, isExact: true });
      const header = file.bytes - computed.bytes;
      const most = file.path === undefined ? 200_000 : 12_000_000;
      assert.ok(header > 0 && header < most, `${entry.name} ${file.format}: ${header} bytes of header`);
    }
  }
});
