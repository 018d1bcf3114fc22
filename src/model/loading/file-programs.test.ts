/**
 * Who reads which bytes of a file that is loaded by its path, where native kernels run (test/parity/loading-by-path.test.ts
 * has what comes of it).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPath } from '#platform';
import type { ByteSource } from '../../base/byte-source.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import type { Backend } from '../../kernels/backend.ts';
import { usableVariants } from '../../kernels/native/load.ts';
import { selectBackend } from '../../kernels/select.ts';
import { createTeam } from '../../kernels/team/team.ts';
import { openModel } from '../open.ts';
import { FILE_PROGRAMS, loadScratchBytes } from './file-programs.ts';
import { takeInventory } from './inventory.ts';
import { loadWeights } from './load.ts';
import { PACK_PROGRAMS } from './load-programs.ts';
import { tinyTalesBytes } from './rewritten-model.test.ts';

const PATH = fileURLToPath(new URL('../../../test/golden/tiny-tales/tiny-tales.i2_s.gguf', import.meta.url));
const TABLE = 'token_embd.weight';
const WORDS = 2048;
const WIDTH = 256;
const variants = usableVariants();

interface Span {
  readonly start: number;
  readonly length: number;
}

/** Spans in order, those that touch made one; fails when two overlap. */
function joined(spans: readonly Span[]): Span[] {
  const whole: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const last = whole.at(-1);
    const end = last && last.start + last.length;
    assert.ok(end === undefined || end <= span.start, `byte ${span.start} is there twice`);
    if (last && end === span.start) whole.splice(-1, 1, { ...last, length: last.length + span.length });
    else whole.push(span);
  }
  return whole;
}

/** Loads the bundled model on one thread, and answers what was asked of the backend. */
async function load(source: ByteSource, head: 'exact' | 'fast', mapsFiles = true) {
  const opened = await openModel(source);
  const { backend: plain } = await selectBackend('native', true);
  const reads: Span[] = [];
  const left: Span[] = [];
  const maps: (Span & { address: number | undefined })[] = [];
  let unpackedRows = 0;
  const backend: Backend = {
    ...plain,
    kernels: {
      ...plain.kernels,
      readFile(descriptor, start, address, length) {
        reads.push({ start, length });
        return plain.kernels.readFile!(descriptor, start, address, length);
      },
      leavePages(start, length) {
        left.push({ start, length });
        return plain.kernels.leavePages!(start, length);
      },
      unpackTernary(...args) {
        unpackedRows++;
        return plain.kernels.unpackTernary!(...args);
      },
    },
    mapFile(descriptor, start, length) {
      const address = mapsFiles ? plain.mapFile!(descriptor, start, length) : undefined;
      maps.push({ start, length, address });
      return address;
    },
  };
  const team = await createTeam({
    backend,
    workers: 0,
    spawn: () => assert.fail('no workers'),
    programs: { ...PACK_PROGRAMS, ...FILE_PROGRAMS },
    scratchBytes: loadScratchBytes(backend.kernels, 512),
  });
  const inventory = takeInventory(opened);
  const weights = await loadWeights(inventory, {
    backend,
    team,
    head,
    onBytes: () => {},
    signal: undefined,
    meanwhile: () => {},
  });
  await opened.close();
  const tensors = [...opened.tensors.values()].map(({ name, offset, byteLength }) => ({
    name,
    start: offset,
    length: byteLength,
  }));
  const projections = inventory.layers.flatMap(({ matrices }) => Object.values(matrices));
  const projectionRows = projections.reduce((sum, { rows }) => sum + rows, 0);
  return { backend, weights, tensors, reads, left, maps, unpackedRows, projectionRows };
}

/** The table's plane: codes, scales and errors. */
function planeBytes({ backend: { heap, kernels }, weights: { head } }: Awaited<ReturnType<typeof load>>) {
  assert.ok(head.kind === 'dense' && head.plane !== undefined);
  const { address, scales, errors } = head.plane;
  return [
    heap.u8(address, kernels.int4Bytes(WORDS, WIDTH)).slice(),
    heap.u8(scales, 4 * WORDS).slice(),
    heap.u8(errors, 4 * WORDS).slice(),
  ];
}

const openFile = async () => (await openPath(PATH)) as ByteSource;
const spansOf = (tensors: readonly (Span & { name: string })[]) =>
  joined(tensors.map(({ start, length }) => ({ start, length })));

if (typeof variants !== 'object' || process.platform === 'win32') {
  test('without native kernels that read files, a file offers itself or not, and nothing depends on it', async () => {
    const source = await openFile();
    assert.equal(source.file === undefined, process.platform === 'win32');
    await source.close?.();
  });
} else {
  describe('a file that native threads read', () => {
    test('with a whole head: every byte of the tensors is read once, and nothing is mapped', async () => {
      const { tensors, reads, maps, left, unpackedRows, projectionRows } = await load(
        await openFile(),
        'exact',
      );
      assert.deepEqual(joined(reads), spansOf(tensors));
      assert.deepEqual([maps, left], [[], []]);
      assert.equal(unpackedRows, projectionRows);
    });

    test('with a screened head: the table is mapped in place of being read, and its pages are left', async () => {
      const { weights, tensors, reads, maps, left, unpackedRows, projectionRows } = await load(
        await openFile(),
        'fast',
      );
      const { start, length } = tensors.find(({ name }) => name === TABLE)!;
      assert.deepEqual(joined(reads), spansOf(tensors.filter(({ name }) => name !== TABLE)));
      assert.deepEqual(maps, [{ start, length, address: weights.head.address }]);
      assert.deepEqual(joined(left), [{ start: weights.head.address, length }]);
      assert.equal(unpackedRows, projectionRows);
    });

    test('with a screened head where the system does not map it: the table is read, to the same plane', async () => {
      const [read, mapped] = [
        await load(await openFile(), 'fast', false),
        await load(await openFile(), 'fast'),
      ];
      assert.deepEqual(joined(read.reads), spansOf(read.tensors));
      assert.deepEqual(read.left, []);
      assert.deepEqual(planeBytes(read), planeBytes(mapped));
      const { heap } = read.backend;
      const table = read.tensors.find(({ name }) => name === TABLE)!;
      assert.deepEqual(
        heap.u8(read.weights.head.address, table.length),
        tinyTalesBytes().subarray(table.start, table.start + table.length),
      );
    });

    test('bytes in memory are not', async () => {
      const { reads, maps, left, unpackedRows, projectionRows } = await load(
        memorySource(tinyTalesBytes()),
        'fast',
      );
      assert.deepEqual([reads, maps, left], [[], [], []]);
      assert.equal(unpackedRows, projectionRows);
    });
  });
}
