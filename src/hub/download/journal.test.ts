import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { openFileTree } from '#platform';
import { PieceJournal, pieceLength, readJournal } from './journal.ts';

const HEADER = {
  repository: 'owner/näme',
  commit: 'c'.repeat(40),
  file: 'a.gguf',
  size: 1050,
  pieceBytes: 100,
};
const HASHES = Array.from({ length: 11 }, (_, i) => i.toString(16).repeat(64).slice(0, 64));
const PIECES = HASHES.map((hash, i) => [i, hash] as const);

async function place(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-journal-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { tree: await openFileTree(folder), path: join(folder, 'journal') };
}

test('what was added is there when the journal is opened again', async (t) => {
  const { tree } = await place(t);
  const journal = await PieceJournal.open(tree, 'journal', HEADER);
  await journal.append(PIECES.slice(9));
  await journal.append(PIECES.slice(0, 2));
  await journal.append([[1, HASHES[5]!]]);
  await journal.close();
  const again = await PieceJournal.open(tree, 'journal', { ...HEADER, pieceBytes: 7 });
  await again.close();
  assert.equal(again.header.pieceBytes, 100, 'the pieces that are there decide');
  assert.deepEqual(
    [...again.pieces].sort(([a], [b]) => a - b),
    [[0, HASHES[0]], [1, HASHES[5]], PIECES[9], PIECES[10]],
  );
  assert.equal((await readJournal(tree, 'journal'))?.doneBytes, 350, 'the last piece is shorter');
  assert.equal(pieceLength(HEADER, 10), 50);
});

test('the journal of a file of another length is begun anew', async (t) => {
  const { tree } = await place(t);
  const journal = await PieceJournal.open(tree, 'journal', HEADER);
  await journal.append(PIECES);
  await journal.close();
  const other = await PieceJournal.open(tree, 'journal', { ...HEADER, size: 2000 });
  await other.close();
  assert.equal(other.pieces.size, 0);
  assert.equal((await readJournal(tree, 'journal'))?.header.size, 2000);
});

test('a journal that was cut anywhere tells what it had told before, and takes more', async (t) => {
  const { tree, path } = await place(t);
  const journal = await PieceJournal.open(tree, 'journal', HEADER);
  await journal.append(PIECES);
  await journal.close();
  const whole = await readFile(path);
  const headerLength = whole.indexOf(10) + 1;
  for (let length = 0; length <= whole.length; length += 13) {
    await writeFile(path, whole.subarray(0, length));
    const cut = await PieceJournal.open(tree, 'journal', HEADER);
    const lines =
      whole.subarray(headerLength, Math.max(headerLength, length)).toString().split('\n').length - 1;
    assert.deepEqual([...cut.pieces], PIECES.slice(0, lines));
    await cut.append([[10, HASHES[10]!]]);
    await cut.close();
    assert.equal((await readJournal(tree, 'journal'))?.pieces.get(10), HASHES[10]);
  }
});

test('bytes of any kind are no journal, or one of pieces inside the file', async (t) => {
  const { tree, path } = await place(t);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map(encode),
        fc.string().map((text) => encode(`${JSON.stringify(HEADER)}\n${text}`)),
      ),
      async (bytes) => {
        await writeFile(path, bytes);
        const found = await readJournal(tree, 'journal');
        for (const index of found?.pieces.keys() ?? []) assert.ok(pieceLength(found!.header, index) > 0);
        assert.ok((found?.length ?? 0) <= bytes.length);
      },
    ),
    { numRuns: 60 },
  );
});

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
