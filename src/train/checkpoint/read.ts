/**
 * Opens checkpoints and puts the newest whole one back into a model. Everything in the file is checked, to its last
 * byte, before any of it is believed; the codes of ternary weights are not in it, since they follow from the weights.
 */
import { type ByteSource, readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { readSafetensors } from '../../formats/safetensors/read.ts';
import type { TensorInfo } from '../../formats/tensor-info.ts';
import type { RunFolder } from '../run-folder.ts';
import { createChecksum } from './checksum.ts';
import { checkSameRun, type RunIdentity, type RunProgress } from './run-identity.ts';
import { CHECKSUM_TENSOR, pieces, type SavedModel, savedTensors } from './tensors.ts';
import { CHECKPOINT_FORMAT, checksumSeed, listCheckpoints } from './write.ts';

/** A whole checkpoint. */
export interface Checkpoint {
  readonly progress: RunProgress;
  readonly tokenizerHash: string;
  readonly datasetHash: string;
  /** The recipe of its run, as JSON out of the file. */
  readonly config: unknown;
  /** Weights by their Hugging Face names, all F32, and the moments. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** Where a run goes on. */
export interface Resumption {
  readonly progress: RunProgress;
  /** The checkpoint. */
  readonly file: string;
  /** A sentence for each newer one that is damaged. */
  readonly notes: readonly string[];
}

/** Bytes that are summed at once, a multiple of 4. */
const PIECE_BYTES = 1 << 20;

/**
 * Reads a checkpoint; its source stays open, and belongs to the caller.
 *
 * @throws BitnetError `train/bad-checkpoint` when it is damaged or none
 */
export async function readCheckpoint(source: ByteSource): Promise<Checkpoint> {
  try {
    const { tensors, metadata } = await readSafetensors(source);
    if (metadata.get('format') !== CHECKPOINT_FORMAT) throw damaged(source.name, 'it says so nowhere');
    const checksum = tensors.get(CHECKSUM_TENSOR);
    const isLast = checksum !== undefined && checksum.offset + checksum.byteLength === source.size;
    if (!isLast || checksum.byteLength !== 4) throw damaged(source.name, 'its checksum is missing');
    const start = [...tensors.values()].reduce(
      (least, { offset }) => Math.min(least, offset),
      checksum.offset,
    );
    const sum = await sumOf(source, start, checksum.offset, checksumSeed(metadata));
    const found = new DataView((await readBytes(source, checksum.offset, 4)).buffer).getInt32(0, true);
    if (sum !== found) throw damaged(source.name, 'its checksum is not that of its bytes');
    return {
      progress: {
        step: countOf(source.name, metadata, 'step'),
        seconds: numberOf(source.name, metadata, 'seconds'),
        tokens: countOf(source.name, metadata, 'tokens'),
      },
      tokenizerHash: metadata.get('tokenizerHash') ?? '',
      datasetHash: metadata.get('datasetHash') ?? '',
      config: parsed(source.name, metadata.get('config') ?? ''),
      tensors,
    };
  } catch (error) {
    if (!(error instanceof BitnetError) || error.code === 'train/bad-checkpoint') throw error;
    throw damaged(source.name, error.message, error);
  }
}

/**
 * Puts the newest whole checkpoint of a run into its model; undefined when the run has none yet.
 *
 * @throws BitnetError `train/other-run` when the checkpoint belongs to another recipe, tokenizer or text,
 *   `train/bad-checkpoint` when there are checkpoints and none is whole
 */
export async function resumeRun(
  folder: RunFolder,
  model: SavedModel,
  identity: RunIdentity,
): Promise<Resumption | undefined> {
  const notes: string[] = [];
  for (const { file } of await listCheckpoints(folder)) {
    const source = await folder.open(file);
    if (source === undefined) continue;
    try {
      const checkpoint = await readCheckpoint(source);
      checkSameRun(checkpoint, identity, source.name);
      await restore(checkpoint, model, source.name);
      return { progress: checkpoint.progress, file, notes };
    } catch (error) {
      if (!(error instanceof BitnetError) || error.code !== 'train/bad-checkpoint') throw error;
      notes.push(error.message);
    } finally {
      await source.close();
    }
  }
  if (notes.length === 0) return undefined;
  throw new BitnetError(
    'train/bad-checkpoint',
    `${folder.name}: no checkpoint can be read (${notes.join('; ')}); remove them to begin anew`,
  );
}

/**
 * Puts one checkpoint into a model of its shape, whatever recipe it was made with.
 *
 * @param tokenizerHash of the tokenizer that the model is to go on with
 * @throws BitnetError `train/bad-checkpoint`, `train/wrong-tokenizer`
 */
export async function loadCheckpoint(
  folder: RunFolder,
  file: string,
  model: SavedModel,
  tokenizerHash: string,
): Promise<RunProgress> {
  const source = await folder.open(file);
  if (source === undefined) throw damaged(`${folder.name}/${file}`, 'it is gone');
  try {
    const checkpoint = await readCheckpoint(source);
    if (checkpoint.tokenizerHash !== tokenizerHash) {
      throw new BitnetError(
        'train/wrong-tokenizer',
        `${source.name} was trained with another tokenizer than the one in its folder; put that tokenizer.json back`,
      );
    }
    await restore(checkpoint, model, source.name);
    return checkpoint.progress;
  } finally {
    await source.close();
  }
}

async function restore(checkpoint: Checkpoint, model: SavedModel, name: string): Promise<void> {
  const tensors = savedTensors(model);
  for (const { name: tensor, parameter } of tensors) {
    const info = checkpoint.tensors.get(tensor);
    const isRight = info?.dtype === 'F32' && String(info.shape) === String(parameter.shape);
    if (!isRight) throw damaged(name, `its tensor ${tensor} is missing or of another shape`);
  }
  for (const tensor of tensors) {
    const info = checkpoint.tensors.get(tensor.name)!;
    let { offset } = info;
    for (const piece of pieces(model.backend.heap, tensor)) {
      await info.source.readInto(piece, offset);
      offset += piece.byteLength;
    }
  }
}

async function sumOf(source: ByteSource, start: number, end: number, seed: string): Promise<number> {
  const checksum = createChecksum(seed);
  for (let at = start; at < end; at += PIECE_BYTES) {
    const bytes = await readBytes(source, at, Math.min(PIECE_BYTES, end - at));
    checksum.add(new Int32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / 4)));
  }
  return checksum.value();
}

function numberOf(name: string, metadata: ReadonlyMap<string, string>, key: string): number {
  const value = Number(metadata.get(key) ?? Number.NaN);
  if (Number.isFinite(value) && value >= 0) return value;
  throw damaged(name, `it does not say its ${key}`);
}

function countOf(name: string, metadata: ReadonlyMap<string, string>, key: string): number {
  const count = numberOf(name, metadata, key);
  if (Number.isSafeInteger(count)) return count;
  throw damaged(name, `its ${key} are ${count}`);
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(name, 'the recipe in it is no JSON', cause);
  }
}

function damaged(name: string, why: string, cause?: unknown): BitnetError {
  return new BitnetError('train/bad-checkpoint', `${name} is no whole checkpoint: ${why}`, { cause });
}
