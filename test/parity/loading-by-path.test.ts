/**
 * A model's file given by its path loads as its bytes do: the same logits with either head, and the same errors wherever
 * the file is damaged. Native threads read such a file themselves, and map a table that has a plane; other backends read
 * it piece by piece. src/model/loading/file-programs.test.ts has who reads what.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openPath } from '#platform';
import { BitnetError } from '#src/base/errors.js';
import { loadEngine } from '#src/engine/load-engine.js';
import { loadModel } from '#src/engine/model.js';
import type { EngineOptions } from '#src/engine/options.js';
import { readGguf } from '#src/formats/gguf/read.js';
import { memorySource } from '#src/formats/sources/memory.js';
import { rewriteGguf, tensorOf, tinyTalesBytes } from '#src/model/loading/rewritten-model.test.js';
import { openModel } from '#src/model/open.js';
import { dequantize } from '#src/tensor/dequantize.js';
import { floatToBfloat16 } from '#src/tensor/half.js';
import { someTokens } from '../fixtures/golden-models.ts';
import { usableBackends } from '../fixtures/usable-backends.ts';

const TABLE = 'token_embd.weight';
const HEAD = 'output.weight';
const HEADS = ['exact', 'fast'] as const;
const WORDS = 2048;
const WIDTH = 256;

const folder = mkdtempSync(join(tmpdir(), 'bitnet-path-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const { main, others } = await usableBackends();
const backends = [...main, ...others];

/** The bundled model with its table in another type. */
function withTable(dtype: 'BF16' | 'F32'): Promise<Uint8Array> {
  return rewriteGguf(tinyTalesBytes(), {
    tensor: (tensor, bytes) => {
      if (tensor.name !== TABLE) return tensor;
      const values = dequantize('F16', bytes, WORDS * WIDTH, undefined, TABLE);
      const elements = dtype === 'F32' ? values : Uint16Array.from(values, floatToBfloat16);
      return tensorOf(TABLE, dtype, tensor.shape, new Uint8Array(elements.buffer.slice(0)));
    },
  });
}

/** The bundled model with a head of its own behind all other tensors: its table, the last row first. */
async function withHead(): Promise<Uint8Array> {
  const bytes = tinyTalesBytes();
  const { offset, byteLength, shape } = (await readGguf(memorySource(bytes))).tensors.get(TABLE)!;
  const rows = new Uint16Array(bytes.slice(offset, offset + byteLength).buffer);
  const turned = rows.map((_, i) => rows[(WORDS - 1 - Math.floor(i / WIDTH)) * WIDTH + (i % WIDTH)]!);
  return rewriteGguf(bytes, { added: [tensorOf(HEAD, 'F16', shape, new Uint8Array(turned.buffer))] });
}

const TIED = tinyTalesBytes();
const UNTIED = await withHead();

function fileOf(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.gguf`);
  writeFileSync(path, bytes);
  return path;
}

/**
 * All logits of some positions. Next to each, the logits of its likely tokens are asked for, for which a screened head
 * reads single rows: they must be the same.
 */
async function logitsOf(source: string | Uint8Array, options: EngineOptions): Promise<Float32Array[]> {
  const opened = await openModel(typeof source === 'string' ? await openPath(source) : memorySource(source));
  const engine = await loadEngine(opened, { contextLength: 16, batchTokens: 8, ...options });
  try {
    assert.equal(engine.headKind, options.head);
    const tokens = someTokens(8, WORDS);
    const outputs = tokens.flatMap((_, index) => [{ index }, { index, top: 4 }]);
    const rows = await engine.step([{ cache: engine.allocateCache(), position: 0, tokens, outputs }]);
    const whole = rows.filter((_, i) => i % 2 === 0).map(({ logits }) => logits);
    for (const [i, { logits, ids }] of rows.filter((_, i) => i % 2 === 1).entries()) {
      const expected = ids === undefined ? whole[i] : Float32Array.from(ids, (id) => whole[i]![id]!);
      assert.deepEqual(logits, expected);
    }
    return whole;
  } finally {
    await engine.dispose();
    await opened.close();
  }
}

describe('the same logits by path and by bytes', () => {
  const models = {
    'an F16 table': () => TIED,
    'a BF16 table': () => withTable('BF16'),
    'an F32 table': () => withTable('F32'),
    'a head of its own': () => UNTIED,
  };
  for (const [name, make] of Object.entries(models)) {
    test(name, async () => {
      const bytes = await make();
      const path = fileOf(bytes);
      const expected = await logitsOf(bytes, { head: 'exact', backend: backends[0]!, threads: 0 });
      assert.ok(expected.every((logits) => logits.length === WORDS && logits.every(Number.isFinite)));
      for (const backend of backends) {
        for (const head of HEADS) {
          for (const threads of bytes === TIED ? [0, 2] : [2]) {
            const found = await logitsOf(path, { head, backend, threads });
            assert.deepEqual(found, expected, `${backend}, ${head} head, ${threads} workers`);
          }
        }
        assert.deepEqual(await logitsOf(bytes, { head: 'fast', backend, threads: 0 }), expected, backend);
      }
    });
  }
});

/** The bundled model with a change at a byte of a tensor, counted from its end when negative. */
async function damaged(tensor: string, at: number, change: (view: DataView) => void): Promise<Uint8Array> {
  const bytes = TIED.slice();
  const { offset, byteLength } = (await readGguf(memorySource(bytes))).tensors.get(tensor)!;
  change(new DataView(bytes.buffer, offset + (at < 0 ? byteLength + at : at), 2));
  return bytes;
}

/**
 * Loads on every backend, with either head, with and without workers: each must refuse. The file is cut to `cutTo` bytes
 * once it is open.
 */
async function assertRefused(
  bytes: Uint8Array,
  code: string,
  message: RegExp,
  cutTo?: number,
): Promise<void> {
  const path = fileOf(bytes);
  for (const backend of backends) {
    for (const head of HEADS) {
      for (const threads of [0, 2]) {
        const opened = await openModel(await openPath(path));
        if (cutTo !== undefined) truncateSync(path, cutTo);
        await assert.rejects(loadEngine(opened, { backend, head, threads }), (error) => {
          assert.ok(error instanceof BitnetError, String(error));
          assert.equal(error.code, code, `${backend}, ${head} head: ${error.message}`);
          assert.match(error.message, message);
          return true;
        });
        await opened.close();
        if (cutTo !== undefined) writeFileSync(path, bytes);
      }
    }
  }
}

describe('a damaged file by path', () => {
  for (const [what, half, rows] of [
    // Threads read this table in four pieces of 512 rows.
    ['infinite', 0xfc00, [0, 1501, WORDS - 1]],
    ['not a number', 0x7e01, [600]],
  ] as const) {
    test(`a value of the table that is ${what}`, async () => {
      for (const row of rows) {
        const bytes = await damaged(TABLE, 2 * (row * WIDTH + 77), (view) => view.setUint16(0, half, true));
        const message = new RegExp(`^token_embd\\.weight: row ${row} has a value that is infinite`);
        await assertRefused(bytes, 'tensor/not-finite', message);
      }
    });
  }

  test('a ternary code that is none', async () => {
    // The first code of a matrix, and the last one before the scale and its pad.
    for (const [tensor, at] of [
      ['blk.0.attn_q.weight', 0],
      ['blk.2.ffn_down.weight', -33],
    ] as const) {
      const bytes = await damaged(tensor, at, (view) => view.setUint8(0, view.getUint8(0) | 3));
      await assertRefused(bytes, 'tensor/bad-code', new RegExp(`^${tensor.replaceAll('.', '\\.')}: `));
    }
  });

  test('cut before it is opened', async () => {
    for (const length of [UNTIED.length - 1, UNTIED.length - 2 ** 20, 2 ** 20, 2 ** 16]) {
      const path = fileOf(UNTIED.subarray(0, length));
      await assert.rejects(loadModel(path), (error) => {
        assert.ok(error instanceof BitnetError && error.code.startsWith('gguf/'), String(error));
        return true;
      });
    }
  });

  test('cut between the reading of its header and that of its tensors', async () => {
    const { tensors } = await readGguf(memorySource(UNTIED));
    // In the head, which is last, in a ternary matrix, and in the table, which is first.
    for (const tensor of [HEAD, 'blk.1.ffn_up.weight', TABLE]) {
      const { offset, byteLength } = tensors.get(tensor)!;
      await assertRefused(UNTIED, 'source/read-failed', /cut while open/, offset + byteLength / 2);
    }
  });
});
