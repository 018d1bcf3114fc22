import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../base/errors.ts';
import { createRandom } from '../../base/random.ts';
import { sha256Hex } from '../../base/sha256.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { openTokenRows } from './open-token-rows.ts';
import type { ShardHeader } from './shard-format.ts';
import { type ShardSummary, ShardWriter } from './shard-writer.ts';
import { NO_TOKEN } from './token-rows.ts';

const HASH = sha256Hex('tokenizer');

async function writeFile(
  header: ShardHeader,
  rows: readonly Int32Array[],
): Promise<{ bytes: Uint8Array<ArrayBuffer>; summary: ShardSummary }> {
  const parts: Uint8Array[] = [];
  const writer = new ShardWriter(async (part) => void parts.push(part.slice()), header);
  await writer.begin();
  for (const row of rows) {
    writer.add(row);
    await writer.flush();
  }
  const summary = await writer.end();
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, summary };
}

/** Rows of random ids, the largest one among them, some with padding. */
function randomRows(count: number, rowLength: number, vocabularySize: number, seed = 1): Int32Array[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const used = 1 + random.below(rowLength);
    return Int32Array.from({ length: rowLength }, (_, i) =>
      i >= used ? NO_TOKEN : i === 0 ? vocabularySize - 1 : random.below(vocabularySize),
    );
  });
}

for (const vocabularySize of [300, 65535, 65536, 200_000]) {
  test(`rows with a vocabulary of ${vocabularySize} come back in any order`, async () => {
    const rows = randomRows(50, 9, vocabularySize);
    const header = { rowLength: 9, vocabularySize, tokenizerHash: HASH };
    const { bytes, summary } = await writeFile(header, rows);
    assert.equal(summary.bytes, bytes.length);
    assert.equal(summary.sha256, sha256Hex(bytes));
    const tokens = rows.reduce((sum, row) => sum + row.filter((id) => id !== NO_TOKEN).length, 0);
    assert.equal(summary.tokens, tokens);
    const file = await openTokenRows(memorySource(bytes), { tokenizerHash: HASH, rowLength: 9 });
    assert.equal(file.rows, 50);
    assert.equal(file.targets, tokens - 50);
    assert.equal(file.vocabularySize, vocabularySize);
    const out = new Int32Array(3 * 9);
    await file.read([49, 0, 7], out);
    assert.deepEqual([...out], [...rows[49]!, ...rows[0]!, ...rows[7]!]);
  });
}

test('a file of many blocks is written as it is', async () => {
  const rows = randomRows(3000, 257, 2048);
  const { bytes } = await writeFile({ rowLength: 257, vocabularySize: 2048, tokenizerHash: HASH }, rows);
  const file = await openTokenRows(memorySource(bytes));
  const out = new Int32Array(257);
  for (const index of [0, 2047, 2999]) {
    await file.read([index], out);
    assert.deepEqual(out, rows[index]);
  }
});

test('another tokenizer and another context are refused by name', async () => {
  const header = { rowLength: 9, vocabularySize: 300, tokenizerHash: HASH };
  const { bytes } = await writeFile(header, randomRows(3, 9, 300));
  let closed = 0;
  const source = { ...memorySource(bytes, 'train.tokens'), close: async () => void closed++ };
  const other = { tokenizerHash: sha256Hex('another') };
  await assert.rejects(openTokenRows(source, other), {
    code: 'train/wrong-tokenizer',
    message: /train\.tokens/,
  });
  await assert.rejects(openTokenRows(source, { rowLength: 17 }), {
    code: 'train/wrong-row-length',
    message: /rows of 9 tokens, but a context of 16 needs 17/,
  });
  assert.equal(closed, 2);
});

test('files that are cut, lengthened or changed are refused or give only tokens', async () => {
  const vocabularySize = 300;
  const header = { rowLength: 9, vocabularySize, tokenizerHash: HASH };
  const { bytes } = await writeFile(header, randomRows(20, 9, vocabularySize));
  const edit = fc.tuple(
    fc.nat(bytes.length - 1),
    fc.nat(255),
    fc.integer({ min: 0, max: bytes.length + 40 }),
  );
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(edit, fc.boolean(), async ([at, value, length], isCut) => {
      const damaged = new Uint8Array(isCut ? length : bytes.length);
      damaged.set(bytes.subarray(0, damaged.length));
      if (at < damaged.length) damaged[at] = value;
      try {
        const file = await openTokenRows(memorySource(damaged));
        const out = new Int32Array(file.rowLength);
        for (let row = 0; row < file.rows; row++) {
          await file.read([row], out);
          assert.ok(out.every((id) => id >= NO_TOKEN && id < file.vocabularySize));
          assert.ok(out[0] !== NO_TOKEN);
        }
        assert.equal(damaged.length, bytes.length, 'a file of another length was read');
      } catch (error) {
        assert.ok(error instanceof BitnetError, String(error));
        assert.equal(error.code, 'train/bad-shard', error.message);
        refused++;
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(refused > 100);
});

test('a hole in a row and rows that do not exist are told', async () => {
  const row = Int32Array.of(5, 6, NO_TOKEN, NO_TOKEN);
  const { bytes } = await writeFile({ rowLength: 4, vocabularySize: 300, tokenizerHash: HASH }, [row]);
  bytes[64 + 6] = 7;
  bytes[64 + 7] = 0;
  const file = await openTokenRows(memorySource(bytes, 'x.tokens'));
  const out = new Int32Array(4);
  await assert.rejects(file.read([0], out), { code: 'train/bad-shard', message: /token 3 of row 0 is 7/ });
  await assert.rejects(file.read([1], out), { code: 'train/bad-shard', message: /row 1 is asked for of 1/ });
});
