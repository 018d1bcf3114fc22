/**
 * Opens a model, GGUF file or Hugging Face folder, as far as its headers: family, config and where every tensor lies.
 * No weights are read.
 */
import type { ByteSource, SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import { type GgufFile, readGguf } from '../formats/gguf/read.ts';
import { type Checkpoint, readCheckpoint } from '../formats/huggingface.ts';
import type { TensorInfo } from '../formats/tensor-info.ts';
import { MODEL_TENSORS } from './architecture.ts';
import { configFromGguf, configFromHuggingFace, type Described } from './config.ts';

/** A model whose headers have been read. */
export type OpenedModel = Described & {
  /** What to call it in messages. */
  readonly name: string;
  /** Length of the files that hold tensors, in bytes. */
  readonly fileBytes: number;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Closes the files; weights cannot be read afterwards. */
  close(): Promise<void>;
} & (
    | { readonly format: 'gguf'; readonly file: GgufFile }
    | { readonly format: 'huggingFace'; readonly checkpoint: Checkpoint }
  );

/**
 * Reads the headers of a model.
 *
 * @throws BitnetError as readGguf and readCheckpoint, `model/unsupported-architecture`, `model/bad-config`,
 *   `model/missing-tensor` without an embedding
 */
export async function openModel(
  source: ByteSource | SourceFolder,
  signal?: AbortSignal,
): Promise<OpenedModel> {
  return 'open' in source ? openFolder(source, signal) : openGguf(source, signal);
}

async function openGguf(source: ByteSource, signal?: AbortSignal): Promise<OpenedModel> {
  const file = await readGguf(source, signal === undefined ? {} : { signal });
  const embedding = file.tensors.get(MODEL_TENSORS.embedding.gguf);
  if (embedding === undefined) {
    throw new BitnetError(
      'model/missing-tensor',
      `${source.name}: there is no ${MODEL_TENSORS.embedding.gguf}; the file holds no language model, or only a part of one`,
    );
  }
  return {
    ...configFromGguf(file.metadata, embedding.shape[0] ?? 0),
    name: source.name,
    fileBytes: source.size,
    tensors: file.tensors,
    format: 'gguf',
    file,
    close: () => source.close(),
  };
}

async function openFolder(folder: SourceFolder, signal?: AbortSignal): Promise<OpenedModel> {
  const checkpoint = await readCheckpoint(folder, signal);
  try {
    const sources = new Set([...checkpoint.tensors.values()].map(({ source }) => source));
    return {
      ...configFromHuggingFace(checkpoint.config),
      name: folder.name,
      fileBytes: [...sources].reduce((sum, { size }) => sum + size, 0),
      tensors: checkpoint.tensors,
      format: 'huggingFace',
      checkpoint,
      close: () => checkpoint.close(),
    };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
