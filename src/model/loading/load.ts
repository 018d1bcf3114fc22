/**
 * Loads a model's weights onto a backend's heap: reads the file piece by piece into one of two staging buffers while the
 * team packs the other. The result is a plan of addresses.
 */
import { BitnetError } from '../../base/errors.ts';
import type { TensorInfo } from '../../formats/tensor-info.ts';
import type { Backend } from '../../kernels/backend.ts';
import { DenseFormat, denseBytes, denseRowBytes, rowStride } from '../../kernels/kernels.ts';
import type { Team } from '../../kernels/team/team.ts';
import { absmeanScale, scaleInType, sumOfMagnitudes } from '../../tensor/absmean.ts';
import { dequantize } from '../../tensor/dequantize.ts';
import { type DType, I2S_TAIL_BYTES } from '../../tensor/dtype.ts';
import { floatToHalf } from '../../tensor/half.ts';
import { i2sScale } from '../../tensor/i2s.ts';
import { ternaryScale } from '../../tensor/ternary-tensor.ts';
import { LAYER_TENSORS } from '../architecture.ts';
import type { Int4Plane, LayerPlan, Matrix } from '../plan.ts';
import { runFileJobs } from './file-jobs.ts';
import { type FileJob, inFile } from './file-programs.ts';
import type { Inventory, LayerSources, MatrixSource } from './inventory.ts';
import {
  type CheckArgs,
  elementBytes,
  type PackInt4Args,
  type PackInt8Args,
  type PackMastersArgs,
  type PackPackedArgs,
  type PackTernaryArgs,
} from './load-programs.ts';
import { embeddingForm, type HeadForm, type HeadMode, headForm, heapFormat } from './table-form.ts';

/** Dense rows are staged in pieces of about this size; ternary matrices whole. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Reads of at most this are worth no trip to another thread. */
const SMALL_BYTES = 2 ** 16;
/** What loading needs beside the inventory. */
export interface LoadOptions {
  readonly backend: Backend;
  readonly team: Team;
  readonly head: HeadMode;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal | undefined;
  /** Work of the calling thread, done while the team reads and packs where it does so by itself, and first elsewhere. */
  readonly meanwhile: () => void;
}

/** The weights of a model on the heap. */
export interface LoadedWeights {
  readonly embedding: Matrix;
  readonly head: Matrix;
  readonly outputNorm: number;
  readonly layers: readonly LayerPlan[];
  readonly ropeFactors: Float32Array | undefined;
}

/**
 * Reads and packs all weights.
 *
 * @throws BitnetError `memory/limit`, `memory/exhausted`, `tensor/…` for damaged tensors, or as the source's readInto
 */
export async function loadWeights(inventory: Inventory, options: LoadOptions): Promise<LoadedWeights> {
  const readsByItself = inFile(inventory.embedding.info, options.backend.kernels) !== undefined;
  if (!readsByItself) options.meanwhile();
  const loader = new Loader(inventory, options);
  const layers: LayerPlan[] = [];
  for (const layer of inventory.layers) layers.push(await loader.layer(layer));
  const { head: mode } = options;
  const isTied = inventory.head === undefined;
  const form = isTied ? headForm(inventory.embedding, mode) : embeddingForm(mode);
  const embedding = await loader.table(inventory.embedding, form);
  const head = isTied ? embedding : await loader.table(inventory.head, headForm(inventory.head, mode));
  const outputNorm = await loader.vector(inventory.outputNorm);
  const ropeFactors = inventory.ropeFactors && (await loader.floats(inventory.ropeFactors));
  await Promise.all([loader.finish(), readsByItself ? afterMessages().then(options.meanwhile) : undefined]);
  return { embedding, head, outputNorm, layers, ropeFactors };
}

class Loader {
  readonly #options: LoadOptions;
  readonly #stagingBytes: number;
  readonly #staging: readonly [number, number];
  /** Where small reads go. */
  readonly #bounce: number;
  /** Per staging buffer, the work on what it holds. */
  readonly #busy: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  #current: 0 | 1 = 0;
  /** What the team reads by itself, all at the end. */
  readonly #jobs: FileJob[] = [];

  constructor(inventory: Inventory, options: LoadOptions) {
    this.#options = options;
    const matrices = inventory.layers.flatMap((layer) => Object.values(layer.matrices));
    const whole = matrices.filter(({ kind }) => kind !== 'dense').map(({ info }) => info.byteLength);
    this.#stagingBytes = whole.reduce((most, bytes) => Math.max(most, bytes), PIECE_BYTES);
    const { heap } = options.backend;
    this.#staging = [heap.allocate(this.#stagingBytes), heap.allocate(this.#stagingBytes)];
    this.#bounce = heap.allocate(SMALL_BYTES);
  }

  async layer({ matrices, vectors }: LayerSources): Promise<LayerPlan> {
    const plan = Object.fromEntries<Matrix | number>(LAYER_TENSORS.map((tensor) => [tensor, 0]));
    for (const [name, source] of Object.entries(matrices)) plan[name] = await this.#projection(source);
    for (const [name, info] of vectors) plan[name] = await this.vector(info);
    return plan as unknown as LayerPlan;
  }

  /** f32 [rowStride(n)] of a norm or a bias. */
  async vector(info: TensorInfo): Promise<number> {
    const values = await this.floats(info);
    const { heap } = this.#options.backend;
    const address = heap.allocate(4 * rowStride(values.length));
    heap.f32(address, values.length).set(values);
    return address;
  }

  async floats(info: TensorInfo): Promise<Float32Array> {
    const bytes = new Uint8Array(info.byteLength);
    await this.#read(info, bytes, 0);
    const values = dequantize(
      info.dtype,
      bytes,
      bytes.length / elementBytes(info.dtype, 1),
      undefined,
      info.name,
    );
    if (!values.every(Number.isFinite)) {
      throw new BitnetError(
        'tensor/not-finite',
        `${info.name}: a value is infinite or not a number; the file is damaged`,
      );
    }
    return values;
  }

  /** The embedding or the head. */
  async table(source: MatrixSource, form: HeadForm): Promise<Matrix> {
    return form === 'int8' ? this.#int8(source) : this.#dense(source, form === 'fast');
  }

  /** Has the team read what is left, waits for the last piece and gives the staging buffers back. */
  async finish(): Promise<void> {
    await Promise.all([...this.#busy, runFileJobs(this.#jobs, this.#options)]);
    for (const address of [...this.#staging, this.#bounce]) this.#options.backend.heap.free(address);
  }

  async #projection(source: MatrixSource): Promise<Matrix> {
    if (source.kind === 'dense') return this.#dense(source);
    const { info, rows, columns } = source;
    const { backend, team } = this.#options;
    const address = backend.heap.allocate(backend.kernels.ternaryBytes(rows, columns));
    const place = inFile(info, backend.kernels);
    if (place !== undefined && source.kind === 'ternary' && source.dtype === 'I2_S') {
      this.#jobs.push({ kind: 'I2_S', ...place, rows, columns, w: address });
      const tail = new Uint8Array(I2S_TAIL_BYTES);
      await this.#read(info, tail, info.byteLength - tail.length);
      return { kind: 'ternary', address, scale: await this.#ternaryScale(source, tail), rows, columns };
    }
    const staging = await this.#stage(info, 0, info.byteLength);
    const bytes = backend.heap.u8(staging, info.byteLength);
    const args = { name: info.name, source: staging, w: address, columns, row0: 0, row1: rows };
    let scale: number;
    if (source.kind === 'ternary') {
      scale = await this.#ternaryScale(source, bytes);
      this.#pack(team.run('packTernary', { ...args, dtype: source.dtype } satisfies PackTernaryArgs));
    } else if (source.kind === 'packed') {
      scale = await this.#packedScale(source);
      const packedRows = info.shape[0]!;
      this.#pack(team.run('packPacked', { ...args, packedRows } satisfies PackPackedArgs));
    } else {
      const mean = mastersMean(source, bytes);
      scale = scaleInType(info.dtype, mean);
      this.#pack(team.run('packMasters', { ...args, dtype: info.dtype, mean } satisfies PackMastersArgs));
    }
    return { kind: 'ternary', address, scale, rows, columns };
  }

  async #ternaryScale(source: MatrixSource & { kind: 'ternary' }, bytes: Uint8Array): Promise<number> {
    const { dtype, info, extraScale } = source;
    const scale =
      dtype === 'I2_S'
        ? i2sScale(bytes.subarray(bytes.length - I2S_TAIL_BYTES), info.name)
        : ternaryScale(dtype, bytes, source.rows * source.columns, info.name);
    if (extraScale === undefined) return scale;
    const [factor] = await this.floats(extraScale);
    return checkScale(Math.fround(scale * factor!), extraScale.name);
  }

  async #packedScale(source: MatrixSource & { kind: 'packed' }): Promise<number> {
    const [stored] = await this.floats(source.scale);
    return checkScale(source.divide ? Math.fround(1 / stored!) : stored!, source.scale.name);
  }

  /** Dense rows as the kernels read them; types that they do not read become f16. */
  async #dense({ info, rows, columns }: MatrixSource, hasPlane = false): Promise<Matrix> {
    const { team, backend } = this.#options;
    const { heap, kernels } = backend;
    const format = heapFormat(info.dtype);
    const rowBytes = denseRowBytes(format, columns);
    const fileRowBytes = elementBytes(info.dtype, columns);
    const plane = hasPlane ? this.#allocatePlane(rows, columns) : undefined;
    const place = inFile(info, kernels);
    const isDirect = rowBytes === fileRowBytes && isNative(info.dtype);
    // What has a plane is hardly read any more, so the file's own memory will do; every row is checked on the way.
    const mapped = plane && isDirect && format !== DenseFormat.Q8_0 ? this.#map(info) : undefined;
    const address = mapped ?? heap.allocate(denseBytes(format, rows, columns));
    if (place !== undefined && isDirect) {
      const dense = { kind: 'dense', address, format, rows, columns, ...(plane && { plane }) } as const;
      this.#jobs.push({ ...dense, ...place, isMapped: mapped !== undefined });
      return dense;
    }
    // Each piece is packed while the next one is read.
    let packing = Promise.resolve();
    for (const [row0, row1] of this.#rowPieces(rows, fileRowBytes, kernels.rowStep)) {
      const piece = heap.u8(address + row0 * rowBytes, (row1 - row0) * rowBytes);
      if (isDirect) {
        await this.#read(info, piece, row0 * rowBytes);
      } else {
        await this.#readRows(info, piece, row0 * fileRowBytes, columns, rowBytes);
      }
      if (plane === undefined) continue;
      await packing;
      const args = { name: info.name, source: address, w: plane, format, columns, row0, row1 };
      packing = team.run('packInt4', args satisfies PackInt4Args);
      // Its failure is reported to whoever waits for it.
      packing.catch(() => {});
    }
    await packing;
    const dense = { kind: 'dense', address, format, rows, columns } as const;
    if (plane !== undefined) return { ...dense, plane };
    await team.run('checkFinite', { name: info.name, address, format, rows, columns } satisfies CheckArgs);
    return dense;
  }

  #map({ source, offset, byteLength }: TensorInfo): number | undefined {
    return source.file && this.#options.backend.mapFile?.(source.file.descriptor, offset, byteLength);
  }

  #allocatePlane(rows: number, columns: number): Int4Plane {
    const { heap, kernels } = this.#options.backend;
    return {
      address: heap.allocate(kernels.int4Bytes(rows, columns)),
      scales: heap.allocate(4 * rows),
      errors: heap.allocate(4 * rows),
    };
  }

  /** Reads whole rows to `target`, each padded to `rowBytes`, as halves where the kernels do not know their type. */
  async #readRows(
    info: TensorInfo,
    target: Uint8Array,
    from: number,
    columns: number,
    rowBytes: number,
  ): Promise<void> {
    const fileRowBytes = elementBytes(info.dtype, columns);
    const count = target.length / rowBytes;
    const bytes = new Uint8Array(count * fileRowBytes);
    await this.#read(info, bytes, from);
    for (let row = 0; row < count; row++) {
      const values = bytes.subarray(row * fileRowBytes, (row + 1) * fileRowBytes);
      target.set(isNative(info.dtype) ? values : halvesOf(info, values, columns), row * rowBytes);
    }
  }

  async #int8({ info, rows, columns }: MatrixSource): Promise<Matrix> {
    const { backend, team } = this.#options;
    const address = backend.heap.allocate(rows * rowStride(columns));
    const scales = backend.heap.allocate(4 * rows);
    const isDirect = isNative(info.dtype) && columns % 16 === 0;
    const format = isDirect ? heapFormat(info.dtype) : DenseFormat.F32;
    const fileRowBytes = elementBytes(info.dtype, columns);
    const stagedRowBytes = denseRowBytes(format, columns);
    for (const [row0, row1] of this.#rowPieces(rows, Math.max(fileRowBytes, stagedRowBytes))) {
      const source = isDirect
        ? await this.#stage(info, row0 * fileRowBytes, (row1 - row0) * fileRowBytes)
        : await this.#stageFloats(info, row0, row1, columns);
      const args = { name: info.name, source, w: address, scales, format, columns, row0, row1 };
      this.#pack(team.run('packInt8', args satisfies PackInt8Args));
    }
    return { kind: 'int8', address, scales, rows, columns };
  }

  /** Stages dense rows of any type as f32 [row1 - row0][rowStride(columns)]. */
  async #stageFloats(info: TensorInfo, row0: number, row1: number, columns: number): Promise<number> {
    const rowBytes = elementBytes(info.dtype, columns);
    const bytes = new Uint8Array((row1 - row0) * rowBytes);
    await this.#read(info, bytes, row0 * rowBytes);
    const { heap } = this.#options.backend;
    const staging = await this.#nextStaging();
    const values = new Float32Array(rowStride(columns));
    for (let row = 0; row < row1 - row0; row++) {
      dequantize(
        info.dtype,
        bytes.subarray(row * rowBytes, (row + 1) * rowBytes),
        columns,
        values,
        info.name,
      );
      heap.f32(staging + 4 * row * values.length, values.length).set(values);
    }
    return staging;
  }

  /** Reads a span of a tensor into the next staging buffer. */
  async #stage(info: TensorInfo, from: number, bytes: number): Promise<number> {
    const staging = await this.#nextStaging();
    await this.#read(info, this.#options.backend.heap.u8(staging, bytes), from);
    return staging;
  }

  async #nextStaging(): Promise<number> {
    this.#current = this.#current === 0 ? 1 : 0;
    await this.#busy[this.#current];
    return this.#staging[this.#current];
  }

  async #read(info: TensorInfo, target: Uint8Array, from: number): Promise<void> {
    if (target.length <= SMALL_BYTES && this.#readSmall(info, target, from)) return;
    // In pieces, so that progress moves and an abort is seen within a large tensor.
    for (let done = 0; done < target.length; done += PIECE_BYTES) {
      const piece = target.subarray(done, done + PIECE_BYTES);
      await info.source.readInto(piece, info.offset + from + done, this.#options.signal);
      this.#options.onBytes(piece.length);
    }
  }

  /** Reads a few bytes at once where that can be done: there are hundreds of norms and scales. False when it cannot. */
  #readSmall(info: TensorInfo, target: Uint8Array, from: number): boolean {
    const { heap, kernels } = this.#options.backend;
    const place = inFile(info, kernels);
    if (place === undefined) return false;
    const count = kernels.readFile!(place.descriptor, place.offset + from, this.#bounce, target.length);
    if (count !== target.length) return false;
    target.set(heap.u8(this.#bounce, count));
    this.#options.onBytes(count);
    return true;
  }

  /** Notes the work on what was just staged; it goes on while the other buffer is read into. */
  #pack(work: Promise<void>): void {
    this.#busy[this.#current] = work;
    // Its failure is reported to whoever waits for the buffer; it must not count as unhandled until then.
    work.catch(() => {});
  }

  /** Pieces of about {@link PIECE_BYTES} that start at multiples of `align` rows. */
  #rowPieces(rows: number, rowBytes: number, align = 1): [row0: number, row1: number][] {
    const step = Math.max(1, Math.floor(PIECE_BYTES / rowBytes / align)) * align;
    return Array.from({ length: Math.ceil(rows / step) }, (_, i) => [
      i * step,
      Math.min((i + 1) * step, rows),
    ]);
  }
}

/** Waits until messages that were posted are on their way. */
function afterMessages(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * The scale of a matrix, or an error for one that is not finite.
 *
 * @param name  of the tensor that it comes from
 * @throws BitnetError `tensor/bad-scale`
 */
export function checkScale(scale: number, name: string): number {
  if (Number.isFinite(scale)) return scale;
  throw new BitnetError(
    'tensor/bad-scale',
    `${name}: it makes the scale of its matrix ${scale}, with which nothing can be computed; the file is damaged`,
    { details: { tensor: name } },
  );
}

/** Float32 mean of |w| of master weights, summed row by row in double precision. */
export function mastersMean({ info, rows, columns }: MatrixSource, bytes: Uint8Array): number {
  const rowBytes = elementBytes(info.dtype, columns);
  const weights = new Float32Array(columns);
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const from = bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
    sum += sumOfMagnitudes(dequantize(info.dtype, from, columns, weights, info.name));
  }
  return absmeanScale(sum, rows * columns, info.name);
}

/** Any dense elements as f16 bytes, rounded to nearest even. */
function halvesOf(info: TensorInfo, bytes: Uint8Array, count: number): Uint8Array {
  const values = dequantize(info.dtype, bytes, count, undefined, info.name);
  return new Uint8Array(Uint16Array.from(values, floatToHalf).buffer);
}

function isNative(dtype: DType): boolean {
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16' || dtype === 'Q8_0';
}
