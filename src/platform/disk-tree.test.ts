import assert from 'node:assert/strict';
import { mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BitnetError } from '../base/errors.ts';
import type { FileTree } from '../base/file-tree.ts';
import { openFileTree } from './node.ts';

async function emptyTree(t: TestContext): Promise<{ tree: FileTree; folder: string }> {
  const outside = await mkdtemp(join(tmpdir(), 'bitnet-tree-'));
  t.after(() => rm(outside, { recursive: true, force: true }));
  const folder = join(outside, 'not', 'there', 'yet');
  return { tree: await openFileTree(folder), folder };
}

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);
const bytesOf = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);

test('an empty tree has nothing, and tells how much would go into it', async (t) => {
  const { tree, folder } = await emptyTree(t);
  assert.deepEqual(await tree.namesIn(''), []);
  assert.equal(await tree.entryOf('a'), undefined);
  assert.equal(await tree.read('a', 10), undefined);
  assert.ok((await tree.freeBytes())! > 0);
  await tree.remove('a/b');
  assert.equal(tree.pathOf('a/b'), join(folder, 'a', 'b'));
});

test('files are written whole, read up to a length, moved and removed', async (t) => {
  const { tree } = await emptyTree(t);
  await tree.write('a/b/one', bytesOf('first'));
  await tree.write('a/b/one', bytesOf('second'));
  assert.equal(text(await tree.read('a/b/one', 6)), 'second');
  assert.equal(await tree.read('a/b/one', 5), undefined);
  await tree.write('two', bytesOf('old'));
  await tree.move('a/b/one', 'two');
  assert.deepEqual(await tree.namesIn(''), ['a', 'two']);
  assert.equal(text(await tree.read('two', 100)), 'second');
  const folder = await tree.entryOf('a/b');
  assert.equal(folder?.isFolder, true);
  await tree.remove('a');
  assert.deepEqual(await tree.namesIn(''), ['two']);
});

test('a link is another name of a file, relative to its folder', async (t) => {
  const { tree, folder } = await emptyTree(t);
  await tree.write('blobs/x', bytesOf('content'));
  await tree.link('blobs/x', 'snapshots/1/name');
  await tree.link('blobs/x', 'snapshots/1/name');
  assert.equal(await readlink(join(folder, 'snapshots', '1', 'name')), join('..', '..', 'blobs', 'x'));
  const [file, link] = [await tree.entryOf('blobs/x'), await tree.entryOf('snapshots/1/name')];
  assert.deepEqual(link, file);
  assert.equal(link?.size, 7);
  const source = await tree.openSource('snapshots/1/name');
  assert.equal(source.size, 7);
  await source.close();
  await tree.remove('snapshots/1/name');
  assert.equal(text(await tree.read('blobs/x', 100)), 'content');
  await tree.link('blobs/none', 'dangling');
  assert.equal(await tree.entryOf('dangling'), undefined);
  await symlink('loop', join(folder, 'loop'));
  assert.equal(await tree.entryOf('loop'), undefined);
});

test('a file is changed anywhere, and grows with what is put behind its end', async (t) => {
  const { tree, folder } = await emptyTree(t);
  const file = await tree.openFile('deep/er');
  assert.equal(file.size, 0);
  await file.truncate(10);
  await file.write(bytesOf('xyz'), 4);
  await file.flush();
  const middle = new Uint8Array(5);
  await file.read(middle, 3);
  assert.equal(text(middle), '\0xyz\0');
  await assert.rejects(file.read(new Uint8Array(8), 5), isFault('files/failed', /ends at byte 10/));
  await file.close();
  const again = await tree.openFile('deep/er');
  assert.equal(again.size, 10);
  await again.close();
  assert.equal((await readFile(join(folder, 'deep', 'er'))).length, 10);
});

test('a lock has one holder; who waits is told, and may give up', async (t) => {
  const { tree } = await emptyTree(t);
  const never = (): void => assert.fail('nobody has it');
  const first = await tree.lock('locks/one', never, undefined);
  let told = '';
  const controller = new AbortController();
  const given = tree.lock('locks/one', () => controller.abort(new Error('enough')), controller.signal);
  await assert.rejects(given, /enough/);
  const second = tree.lock(
    'locks/one',
    (holder) => {
      told = holder;
      void first.release();
    },
    undefined,
  );
  await (await second).release();
  assert.equal(told, `process ${process.pid}`);
  await (await tree.lock('locks/one', never, undefined)).release();
});

test('the lock of another machine cannot be watched, which is told of', async (t) => {
  const { tree, folder } = await emptyTree(t);
  await tree.write('placeholder', bytesOf(''));
  await writeFile(join(folder, 'lock'), JSON.stringify({ pid: 7, host: 'elsewhere', began: '' }));
  await assert.rejects(
    tree.lock('lock', () => {}, undefined),
    isFault('files/locked', /process 7 on elsewhere .* remove that file/),
  );
});

test('what stands in the way is told of in one sentence', async (t) => {
  const { tree } = await emptyTree(t);
  await tree.write('file', bytesOf('x'));
  await assert.rejects(
    tree.write('file/below', bytesOf('x')),
    isFault('files/failed', /cannot be read or written/),
  );
  await assert.rejects(tree.openFile('file/below'), isFault('files/failed', /file/));
  await assert.rejects(tree.openSource('absent'), isFault('source/read-failed', /absent/));
});

function isFault(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof BitnetError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}
