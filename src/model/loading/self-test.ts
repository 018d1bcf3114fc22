/**
 * Proof, once weights are loaded, that this backend reads and multiplies this very file right: a few rows of some of its
 * matrices go through the chosen kernels and, from the file's bytes by another path, through the reference. A backend
 * that differs in one bit is not used; it never generates text from wrong numbers.
 */
import { createRandom } from '../../base/random.ts';
import { readTensor } from '../../formats/tensor-info.ts';
import { type Backend, createReferenceBackend } from '../../kernels/backend.ts';
import { rowStride } from '../../kernels/kernels.ts';
import { absmeanCodes } from '../../tensor/absmean.ts';
import { dequantize } from '../../tensor/dequantize.ts';
import { unpackPackedRows } from '../../tensor/packed-rows.ts';
import { unpackTernary } from '../../tensor/ternary-tensor.ts';
import type { Matrix } from '../plan.ts';
import type { Inventory, MatrixSource } from './inventory.ts';
import { type LoadedWeights, mastersMean } from './load.ts';

/** Rows compared at the start and, from a tile's first row on, at the end of a matrix. */
const ROWS = 8;
const TOKENS = 5;

/** A sentence on the first difference from the reference, or undefined when there is none. */
export async function findModelFault(
  backend: Backend,
  inventory: Inventory,
  weights: LoadedWeights,
): Promise<string | undefined> {
  const last = inventory.layers.length - 1;
  const pairs = [
    [inventory.layers[0]!.matrices.k, weights.layers[0]!.k],
    [inventory.layers[last]!.matrices.v, weights.layers[last]!.v],
  ] as const;
  for (const [source, matrix] of pairs) {
    if (source.kind === 'dense' || matrix.kind !== 'ternary') continue;
    const codes = await readCodes(source);
    const { rowStep } = backend.kernels;
    for (const first of [0, Math.max(0, Math.floor((matrix.rows - ROWS) / rowStep) * rowStep)]) {
      const fault = compareRows(backend, codes, matrix, first);
      if (fault !== undefined) return `${source.info.name}: ${fault}`;
    }
  }
  return undefined;
}

/** All codes of a matrix, by the plain readers of rank 1. */
async function readCodes(source: MatrixSource): Promise<Uint8Array> {
  const { info, rows, columns } = source;
  const bytes = await readTensor(info);
  const codes = new Uint8Array(rows * columns);
  if (source.kind === 'ternary') unpackTernary(source.dtype, bytes, codes.length, codes, info.name);
  else if (source.kind === 'packed')
    unpackPackedRows(bytes, info.shape[0]!, columns, 0, rows, codes, info.name);
  else {
    const weights = dequantize(info.dtype, bytes, codes.length, undefined, info.name);
    absmeanCodes(weights, mastersMean(source, bytes), codes);
  }
  return codes;
}

function compareRows(
  backend: Backend,
  codes: Uint8Array,
  matrix: Matrix & { kind: 'ternary' },
  first: number,
): string | undefined {
  const { columns, scale } = matrix;
  const end = Math.min(first + ROWS, matrix.rows);
  const random = createRandom(first + columns);
  const x = Float32Array.from({ length: TOKENS * rowStride(columns) }, (_, i) =>
    i % rowStride(columns) < columns ? (random.next() - 0.5) * 8 : 0,
  );
  const reference = createReferenceBackend(false);
  const own = reference.heap.allocate(reference.kernels.ternaryBytes(end - first, columns));
  const rowCodes = reference.heap.allocate((end - first) * columns);
  reference.heap.u8(rowCodes, (end - first) * columns).set(codes.subarray(first * columns, end * columns));
  reference.kernels.packTernary(own, rowCodes, columns, 0, end - first);
  const expected = multiply(reference, x, own, scale, columns, 0, end - first, end - first);
  const found = multiply(backend, x, matrix.address, scale, columns, first, end, end);
  for (let t = 0; t < TOKENS; t++) {
    for (let r = first; r < end; r++) {
      const a = found[t * end + r];
      const b = expected[t * (end - first) + r - first];
      if (a !== b)
        return `row ${r} times test vector ${t} is ${a} on ${backend.name} and ${b} on the reference`;
    }
  }
  return undefined;
}

/** f32 [TOKENS][stride] = rows [r0, r1) of w · x. */
function multiply(
  { heap, kernels }: Backend,
  x: Float32Array,
  w: number,
  scale: number,
  columns: number,
  r0: number,
  r1: number,
  stride: number,
): Float32Array {
  const input = heap.allocate(4 * x.length);
  const quantized = heap.allocate(TOKENS * kernels.activationBytes(columns));
  const out = heap.allocate(4 * TOKENS * stride);
  heap.f32(input, x.length).set(x);
  kernels.quantize(quantized, input, columns, 0, TOKENS);
  kernels.ternaryMatmul(out, stride, quantized, w, scale, columns, TOKENS, 0, r0, r1);
  const result = heap.f32(out, TOKENS * stride).slice();
  for (const address of [input, quantized, out]) heap.free(address);
  return result;
}
