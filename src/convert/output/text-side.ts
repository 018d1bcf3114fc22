/**
 * What the result says about text: tokenizer, chat template, and the tokens that begin and end a text. Known defects of
 * the source are put right here once, so that programs which do not know of them run the result as they should.
 */
import { BitnetError } from '../../base/errors.ts';
import { type ModelText, readModelText } from '../../engine/text.ts';
import type { GgufNumbers, MetadataValue } from '../../formats/gguf/metadata.ts';
import type { GgufValueType } from '../../formats/gguf/value-type.ts';
import type { GgufEntry } from '../../formats/gguf/write.ts';
import { TextList } from '../../formats/text-list.ts';
import type { OpenedModel } from '../../model/open.ts';
import { tokenizerMetadata } from '../../tokenizer/conversion/gguf-metadata.ts';
import { endIds, huggingFaceTokenizer } from '../../tokenizer/conversion/huggingface-files.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';

/** Metadata of a GGUF file about text. */
export interface GgufTextSide {
  readonly entries: readonly GgufEntry[];
  /** What was put right, and what GGUF cannot say. */
  readonly notes: readonly string[];
}

/** Files of a folder about text. */
export interface FolderTextSide {
  /** Texts by file name. */
  readonly files: ReadonlyMap<string, string>;
  /** `bos_token_id` and `eos_token_id` for config.json. */
  readonly ends: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
}

/**
 * The `tokenizer.*` entries of a GGUF file.
 *
 * @throws BitnetError `tokenizer/…`, `template/…`
 */
export function ggufTextSide(model: OpenedModel): GgufTextSide {
  const text = readModelText(model);
  if (model.format === 'gguf') {
    return { entries: correctedEntries(model, text), notes: text.corrections };
  }
  const { checkpoint } = model;
  const files = {
    tokenizerJson: checkpoint.tokenizer,
    tokenizerConfig: checkpoint.tokenizerConfig,
    generationConfig: { ...checkpoint.generationConfig, eos_token_id: [...text.tokenizer.stopIds] },
    config: checkpoint.config,
  };
  const { entries, notes } = tokenizerMetadata(files, text.template?.source);
  const padId = padOf(model, text.tokenizer);
  return {
    entries: [
      ...entries,
      ...(padId === undefined
        ? []
        : [{ key: 'tokenizer.ggml.padding_token_id', type: 'u32', value: padId } as const]),
    ],
    notes: [...text.corrections, ...notes],
  };
}

/** The source's own entries, with what is missing or wrong put right. */
function correctedEntries(model: OpenedModel & { format: 'gguf' }, text: ModelText): GgufEntry[] {
  const values = new Map<string, MetadataValue>(
    [...model.file.metadata].filter(([key]) => key.startsWith('tokenizer.')),
  );
  // Only files of families that are cut by this rule may lack it.
  if (values.get('tokenizer.ggml.model') === 'gpt2' && !values.has('tokenizer.ggml.pre')) {
    values.set('tokenizer.ggml.pre', 'llama-bpe');
  }
  const { tokenizer, template } = text;
  if (template !== undefined) values.set('tokenizer.chat_template', template.source);
  values.set('tokenizer.ggml.add_bos_token', tokenizer.addsBos);
  const named = new Set(['eos', 'eot', 'eom'].map((role) => values.get(`tokenizer.ggml.${role}_token_id`)));
  for (const id of tokenizer.stopIds) {
    const free = ['eos', 'eot', 'eom'].find((role) => !values.has(`tokenizer.ggml.${role}_token_id`));
    if (named.has(id) || free === undefined) continue;
    values.set(`tokenizer.ggml.${free}_token_id`, id);
  }
  return [...values].map(([key, value]) => ({ key, type: valueType(key, value), value }));
}

/** The type in which a value read from a GGUF file is written again. */
export function valueType(key: string, value: MetadataValue): GgufValueType {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return value < 0n ? 'i64' : 'u64';
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return 'f32';
    if (value < 0) return value < -(2 ** 31) ? 'i64' : 'i32';
    return value < 2 ** 32 ? 'u32' : 'u64';
  }
  if (value instanceof TextList) return 'string[]';
  if (Array.isArray(value)) return 'bool[]';
  const found = ARRAY_TYPES.find(([type]) => value instanceof type)?.[1];
  if (found !== undefined) return found;
  throw new BitnetError(
    'gguf/write-value',
    `the metadata key "${key}" has a value that cannot be written again`,
  );
}

const ARRAY_TYPES: readonly (readonly [new (length: number) => GgufNumbers, GgufValueType])[] = [
  [Uint8Array, 'u8[]'],
  [Int8Array, 'i8[]'],
  [Uint16Array, 'u16[]'],
  [Int16Array, 'i16[]'],
  [Uint32Array, 'u32[]'],
  [Int32Array, 'i32[]'],
  [Float32Array, 'f32[]'],
  [Float64Array, 'f64[]'],
  [BigUint64Array, 'u64[]'],
  [BigInt64Array, 'i64[]'],
];

/** The token that fills up batches, where the folder names one. */
function padOf(model: OpenedModel & { format: 'huggingFace' }, tokenizer: Tokenizer): number | undefined {
  const named = model.checkpoint.tokenizerConfig?.pad_token ?? undefined;
  const text = typeof named === 'object' ? (named as { content?: unknown }).content : named;
  return typeof text === 'string' ? tokenizer.idOf(text) : undefined;
}

/**
 * The tokenizer's files of a folder; chat_template.jinja is the template that tokenizer_config.json has too.
 *
 * @throws BitnetError `tokenizer/…`, `template/…`
 */
export function folderTextSide(model: OpenedModel): FolderTextSide {
  const text = readModelText(model);
  const { tokenizer } = text;
  const chatTemplate = text.template?.source;
  const files = new Map<string, string>();
  const put = (name: string, value: object) => files.set(name, jsonText(value));
  if (model.format === 'gguf') {
    const { architecture, contextLength } = model.config;
    const made = huggingFaceTokenizer(model.file.metadata, {
      architecture,
      contextLength,
      ...(chatTemplate === undefined ? {} : { chatTemplate }),
    });
    files.set('tokenizer.json', made.tokenizerJson);
    put('tokenizer_config.json', made.tokenizerConfig);
    put('special_tokens_map.json', made.specialTokensMap);
    put('generation_config.json', made.generationConfig);
  } else {
    const { checkpoint } = model;
    files.set('tokenizer.json', `${JSON.stringify(checkpoint.tokenizer)}\n`);
    put('tokenizer_config.json', {
      ...checkpoint.tokenizerConfig,
      add_bos_token: tokenizer.addsBos,
      ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
    });
    if (checkpoint.specialTokensMap !== undefined)
      put('special_tokens_map.json', checkpoint.specialTokensMap);
    put('generation_config.json', { ...checkpoint.generationConfig, ...endIds(tokenizer) });
  }
  if (chatTemplate !== undefined) files.set('chat_template.jinja', chatTemplate);
  const { bosId, eosId } = tokenizer;
  const ends = {
    ...(bosId === undefined ? {} : { bos_token_id: bosId }),
    ...(eosId === undefined ? {} : { eos_token_id: eosId }),
  };
  return { files, ends, notes: text.corrections };
}

/** JSON as people read it. */
export function jsonText(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
