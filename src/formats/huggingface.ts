/**
 * A model folder as Hugging Face lays it out: configuration and tokenizer files as JSON, weights as safetensors. Files are
 * read and checked for form here; what their fields mean is known to the model and the tokenizer.
 */
import type { SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import { type JsonObject, readJsonFile, readSmallFile, readTextFile } from './json.ts';
import { readFolderTensors } from './safetensors/shards.ts';
import type { TensorInfo } from './tensor-info.ts';

const MEBIBYTE = 1024 * 1024;
const MAX_CONFIG_BYTES = 4 * MEBIBYTE;
const MAX_TEMPLATE_BYTES = MEBIBYTE;
/** The largest vocabularies (256 thousand tokens) take about 35 MB. */
const MAX_TOKENIZER_BYTES = 128 * MEBIBYTE;
/** 32 thousand tokens take half a megabyte. */
const MAX_SENTENCEPIECE_BYTES = 32 * MEBIBYTE;

/** Everything a folder holds, as far as this package reads it. */
export interface Checkpoint {
  /** What to call it in messages. */
  readonly name: string;
  /** config.json */
  readonly config: JsonObject;
  /** generation_config.json */
  readonly generationConfig: JsonObject | undefined;
  /** tokenizer.json */
  readonly tokenizer: JsonObject | undefined;
  /** tokenizer_config.json */
  readonly tokenizerConfig: JsonObject | undefined;
  /** special_tokens_map.json */
  readonly specialTokensMap: JsonObject | undefined;
  /** chat_template.jinja */
  readonly chatTemplate: string | undefined;
  /** tokenizer.model (SentencePiece), read where there is no tokenizer.json. */
  readonly sentencePieceModel: Uint8Array<ArrayBuffer> | undefined;
  /** added_tokens.json, read with it. */
  readonly addedTokens: JsonObject | undefined;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Closes the weight files; tensors cannot be read afterwards. */
  close(): Promise<void>;
}

/**
 * Reads the configuration of a model folder and the headers of its weight files, which stay open.
 *
 * @throws BitnetError `checkpoint/missing-config`, `checkpoint/file-too-large`, `checkpoint/not-text`, `json/invalid`,
 *   `json/repeated-key`, or as {@link readFolderTensors}
 */
export async function readCheckpoint(folder: SourceFolder, signal?: AbortSignal): Promise<Checkpoint> {
  const readConfig = (name: string): Promise<JsonObject | undefined> =>
    readJsonFile(folder, name, MAX_CONFIG_BYTES, signal);
  const config = await readConfig('config.json');
  if (config === undefined) {
    throw new BitnetError(
      'checkpoint/missing-config',
      `${folder.name}: there is no config.json; a model folder needs it beside its .safetensors files`,
    );
  }
  const tokenizer = await readJsonFile(folder, 'tokenizer.json', MAX_TOKENIZER_BYTES, signal);
  const hasOther = tokenizer === undefined;
  const rest = {
    generationConfig: await readConfig('generation_config.json'),
    tokenizer,
    tokenizerConfig: await readConfig('tokenizer_config.json'),
    specialTokensMap: await readConfig('special_tokens_map.json'),
    chatTemplate: await readTextFile(folder, 'chat_template.jinja', MAX_TEMPLATE_BYTES, signal),
    sentencePieceModel: hasOther
      ? await readSmallFile(folder, 'tokenizer.model', MAX_SENTENCEPIECE_BYTES, signal)
      : undefined,
    addedTokens: hasOther ? await readConfig('added_tokens.json') : undefined,
  };
  const { tensors, sources } = await readFolderTensors(folder, signal);
  return {
    name: folder.name,
    config,
    ...rest,
    tensors,
    async close() {
      for (const source of sources) await source.close();
    },
  };
}
