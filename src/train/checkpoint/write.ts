/**
 * Saves the state of a run as one safetensors file, whole or not at all, and removes those that are no longer kept. Names
 * of checkpoints: `checkpoints/step-00000400.safetensors`.
 */

import { writeSafetensors } from '../../formats/safetensors/write.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import type { RunFolder } from '../run-folder.ts';
import { createChecksum } from './checksum.ts';
import type { RunIdentity, RunProgress } from './run-identity.ts';
import { CHECKSUM_TENSOR, pieces, type SavedModel, savedTensors } from './tensors.ts';

/** What a checkpoint says that it is. */
export const CHECKPOINT_FORMAT = 'bitnet.ts checkpoint 1';

const FOLDER = 'checkpoints';
const NAME = /^checkpoints\/step-(\d{8,15})\.safetensors$/;

/** A checkpoint by its name alone. */
export interface CheckpointFile {
  readonly file: string;
  readonly step: number;
}

/** The checkpoints of a run, newest first. */
export async function listCheckpoints(folder: RunFolder): Promise<readonly CheckpointFile[]> {
  const found = (await folder.list(FOLDER)).flatMap((file) => {
    const step = NAME.exec(file)?.[1];
    return step === undefined ? [] : [{ file, step: Number(step) }];
  });
  return found.sort((a, b) => b.step - a.step);
}

/**
 * Saves a checkpoint and answers its name in the folder.
 *
 * @param keep  how many of the newest up to this one stay
 * @throws BitnetError `output/failed`; all older checkpoints are then still there
 */
export async function saveCheckpoint(
  folder: RunFolder,
  model: SavedModel,
  identity: RunIdentity,
  progress: RunProgress,
  keep: number,
): Promise<string> {
  const file = `${FOLDER}/step-${String(progress.step).padStart(8, '0')}.safetensors`;
  const metadata = metadataOf(identity, progress);
  await folder.write(file, async (sink) => {
    await writeSafetensors(sink, outputsOf(model, metadata), metadata);
  });
  const kept = (await listCheckpoints(folder)).filter(({ step }) => step <= progress.step);
  for (const old of kept.slice(keep)) await folder.remove(old.file);
  return file;
}

function metadataOf(identity: RunIdentity, progress: RunProgress): ReadonlyMap<string, string> {
  return new Map([
    ['format', CHECKPOINT_FORMAT],
    ['step', String(progress.step)],
    ['seconds', String(progress.seconds)],
    ['tokens', String(progress.tokens)],
    ['tokenizerHash', identity.tokenizerHash],
    ['datasetHash', identity.datasetHash],
    ['config', JSON.stringify(identity.config)],
  ]);
}

/** What the checksum begins with, so that it covers the header. */
export function checksumSeed(metadata: ReadonlyMap<string, string>): string {
  return JSON.stringify([...metadata].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The checksum comes last and is asked for last: by then it has seen all the others. */
function outputsOf(model: SavedModel, metadata: ReadonlyMap<string, string>): TensorOutput[] {
  const checksum = createChecksum(checksumSeed(metadata));
  const { heap } = model.backend;
  const outputs = savedTensors(model).map((tensor): TensorOutput => {
    const { name, parameter } = tensor;
    return {
      name,
      dtype: 'F32',
      shape: parameter.shape,
      *data() {
        for (const piece of pieces(heap, tensor)) {
          // Out of memory that threads share, which not every sink takes.
          const bytes = piece.slice();
          checksum.add(new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
          yield bytes;
        }
      },
    };
  });
  return [
    ...outputs,
    {
      name: CHECKSUM_TENSOR,
      dtype: 'U32',
      shape: [1],
      *data() {
        yield new Uint8Array(Int32Array.of(checksum.value()).buffer);
      },
    },
  ];
}
