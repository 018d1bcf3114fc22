import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { blobFolder, blobSource } from './blob.ts';
import { memoryFolder, memorySource } from './memory.ts';

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
const hasCode = (code: string) => (error: unknown) => error instanceof BitnetError && error.code === code;

const sources = {
  'a view': memorySource(new Uint8Array([...[0, 0], ...bytes]).subarray(2), 'it'),
  'a buffer': memorySource(bytes.slice().buffer, 'it'),
  'a blob': blobSource(new Blob([bytes]), 'it'),
  'a file': blobSource(new File([bytes], 'it')),
};
for (const [kind, source] of Object.entries(sources)) {
  test(`${kind} gives any span, also into shared memory`, async () => {
    assert.equal(source.name, 'it');
    assert.equal(source.size, 100);
    assert.deepEqual(await readBytes(source, 10, 5), bytes.slice(10, 15));
    assert.deepEqual(await readBytes(source, 100, 0), new Uint8Array(0));
    const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 4);
    await source.readInto(shared, 96);
    assert.deepEqual([...shared], [96, 97, 98, 99]);
  });

  test(`${kind} refuses spans outside and obeys a signal`, async () => {
    await assert.rejects(source.readInto(new Uint8Array(2), 99), hasCode('source/out-of-range'));
    await assert.rejects(source.readInto(new Uint8Array(2), -1), hasCode('source/out-of-range'));
    const reason = new Error('enough');
    await assert.rejects(source.readInto(new Uint8Array(2), 0, AbortSignal.abort(reason)), reason);
    await source.close();
  });
}

test('a file that cannot be read any more is a read error', async () => {
  const broken = new Blob([bytes]);
  broken.slice = () => {
    throw new DOMException('gone', 'NotReadableError');
  };
  await assert.rejects(blobSource(broken).readInto(new Uint8Array(2), 0), hasCode('source/read-failed'));
  const shorter = new Blob([bytes]);
  shorter.slice = () => new Blob(['x']);
  await assert.rejects(blobSource(shorter).readInto(new Uint8Array(2), 0), hasCode('source/read-failed'));
});

test('folders open what they have, and nothing from folders below', async () => {
  const top = new File(['top'], 'config.json');
  const below = new File(['below'], 'config.json');
  Object.defineProperty(top, 'webkitRelativePath', { value: 'model/config.json' });
  Object.defineProperty(below, 'webkitRelativePath', { value: 'model/original/config.json' });
  for (const folder of [
    blobFolder([top, below], 'model'),
    blobFolder([new File(['top'], 'config.json')], 'model'),
    memoryFolder(new Map([['config.json', new TextEncoder().encode('top')]]), 'model'),
  ]) {
    const source = await folder.open('config.json');
    assert.equal(source?.name, 'model/config.json');
    assert.equal(source?.size, 3);
    assert.equal(await folder.open('model.safetensors'), undefined);
  }
});
