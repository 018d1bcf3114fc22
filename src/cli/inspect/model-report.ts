/**
 * Everything that can be told about a model without reading its weights, as plain data: `bitnet inspect --json` prints it
 * as it is, print-report.ts makes it readable. A part of the file that cannot be used is a sentence under `problems`; the
 * rest is told all the same.
 */
import { BitnetError } from '../../base/errors.ts';
import { checkOptions, type KvCacheType, planEngine } from '../../engine/options.ts';
import { type ModelText, readModelText } from '../../engine/text.ts';
import type { TensorInfo } from '../../formats/tensor-info.ts';
import { TextList } from '../../formats/text-list.ts';
import { Activation } from '../../kernels/activation.ts';
import { RopeStyle } from '../../kernels/kernels.ts';
import type { ModelConfig } from '../../model/config.ts';
import { type Inventory, type MatrixSource, takeInventory } from '../../model/loading/inventory.ts';
import type { MemoryPlan, SizeKernels } from '../../model/loading/memory-plan.ts';
import type { OpenedModel } from '../../model/open.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';

/** A token by id, as the vocabulary writes it. */
export interface NamedToken {
  readonly id: number;
  readonly text: string;
}

/** Tensors of one element type. */
export interface TypeSummary {
  readonly type: string;
  readonly tensors: number;
  readonly bytes: number;
}

/** What the tokenizer is. */
export interface TokenizerReport {
  readonly kind: string;
  readonly vocabularySize: number;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  readonly bos: NamedToken | null;
  readonly eos: NamedToken | null;
  /** Tokens that end a generation. */
  readonly stopTokens: readonly NamedToken[];
  readonly specialTokens: readonly NamedToken[];
}

/** How many weights a model has. */
export interface ParameterCounts {
  readonly total: number;
  readonly ternary: number;
  readonly embedding: number;
  /** 0 when the embedding is the head. */
  readonly head: number;
}

/** The whole report. */
export interface ModelReport {
  readonly name: string;
  readonly format: 'gguf' | 'huggingFace';
  readonly ggufVersion: number | null;
  readonly fileBytes: number;
  readonly architecture: string;
  readonly config: Omit<ModelConfig, 'activation' | 'ropeStyle'> & {
    readonly activation: string;
    readonly ropeStyle: string;
  };
  readonly parameters: ParameterCounts | null;
  readonly tensorTypes: readonly TypeSummary[];
  /** Bytes that the model takes when it is loaded here with these settings. */
  readonly memory: (MemoryPlan & { readonly contextLength: number; readonly kvType: KvCacheType }) | null;
  readonly tokenizer: TokenizerReport | null;
  /** Jinja source; null for a base model. */
  readonly chatTemplate: string | null;
  /** Known defects of the file that are put right when it is loaded. */
  readonly corrections: readonly string[];
  readonly warnings: readonly string[];
  /** Why the model cannot be loaded. */
  readonly problems: readonly string[];
  /** GGUF metadata or config.json; a long array is given as its length. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorReport[];
}

/** One tensor of the file. */
export interface TensorReport {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
  readonly file: string;
}

/** What to assume for the memory needs. */
export interface MemoryAssumptions {
  readonly contextLength?: number;
  readonly kvCache?: KvCacheType;
  /** Of the backend that would run. */
  readonly kernels: SizeKernels;
}

const LONG_ARRAY = 32;

/** Reports on a model whose headers have been read. */
export function reportOn(model: OpenedModel, assumptions: MemoryAssumptions): ModelReport {
  const problems: string[] = [];
  const inventory = attempt(problems, () => takeInventory(model));
  const text = attempt(problems, () => readModelText(model));
  const { config } = model;
  return {
    name: model.name,
    format: model.format,
    ggufVersion: model.format === 'gguf' ? model.file.version : null,
    fileBytes: model.fileBytes,
    architecture: model.architecture.name,
    config: {
      ...config,
      activation: nameOf(Activation, config.activation),
      ropeStyle: nameOf(RopeStyle, config.ropeStyle),
    },
    parameters: inventory === undefined ? null : countParameters(inventory),
    tensorTypes: summariseTypes(model.tensors.values()),
    memory: inventory === undefined ? null : planMemory(inventory, config, assumptions),
    tokenizer: text === undefined ? null : reportOnTokenizer(model, text),
    chatTemplate: text?.template?.source ?? null,
    corrections: text?.corrections ?? [],
    warnings: inventory?.warnings ?? [],
    problems,
    metadata: metadataOf(model),
    tensors: [...model.tensors.values()].map(({ name, dtype, shape, offset, byteLength, source }) => ({
      name,
      type: dtype,
      shape,
      offset,
      bytes: byteLength,
      file: source.name,
    })),
  };
}

function planMemory(
  inventory: Inventory,
  config: ModelConfig,
  { contextLength, kvCache = 'f16', kernels }: MemoryAssumptions,
): NonNullable<ModelReport['memory']> {
  const options = { kvCache, ...(contextLength === undefined ? {} : { contextLength }) };
  const settings = checkOptions(config, options);
  return {
    ...planEngine(inventory, config, settings, kernels),
    contextLength: settings.contextLength,
    kvType: kvCache,
  };
}

function attempt<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BitnetError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

function countParameters(inventory: Inventory): ParameterCounts {
  const weights = ({ rows, columns }: MatrixSource) => rows * columns;
  const matrices = inventory.layers.flatMap((layer) => Object.values(layer.matrices));
  const vectors = [inventory.outputNorm, ...inventory.layers.flatMap((layer) => [...layer.vectors.values()])];
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const embedding = weights(inventory.embedding);
  const head = inventory.head === undefined ? 0 : weights(inventory.head);
  const ternary = sum(matrices.filter(({ kind }) => kind !== 'dense').map(weights));
  const vectorWeights = sum(vectors.map(({ shape }) => shape[0] ?? 1));
  return { total: embedding + head + sum(matrices.map(weights)) + vectorWeights, ternary, embedding, head };
}

function summariseTypes(tensors: Iterable<TensorInfo>): TypeSummary[] {
  const types = new Map<string, { type: string; tensors: number; bytes: number }>();
  for (const { dtype, byteLength } of tensors) {
    const entry = types.get(dtype) ?? { type: dtype, tensors: 0, bytes: 0 };
    entry.tensors++;
    entry.bytes += byteLength;
    types.set(dtype, entry);
  }
  return [...types.values()].sort((a, b) => b.bytes - a.bytes);
}

function reportOnTokenizer(model: OpenedModel, { tokenizer }: ModelText): TokenizerReport {
  const named = (id: number): NamedToken => ({ id, text: tokenizer.tokenText(id) });
  const { bosId, eosId } = tokenizer;
  return {
    kind: tokenizerKind(model, tokenizer),
    vocabularySize: tokenizer.vocabSize,
    addsBos: tokenizer.addsBos,
    addsEos: tokenizer.addsEos,
    bos: bosId === undefined ? null : named(bosId),
    eos: eosId === undefined ? null : named(eosId),
    stopTokens: [...tokenizer.stopIds].map(named),
    specialTokens: specialTokensOf(tokenizer),
  };
}

function specialTokensOf(tokenizer: Tokenizer): NamedToken[] {
  const tokens = tokenizer.specialTexts.map((text) => ({ id: tokenizer.idOf(text) ?? -1, text }));
  return tokens.filter(({ id }) => id >= 0).sort((a, b) => a.id - b.id);
}

function tokenizerKind(model: OpenedModel, tokenizer: Tokenizer): string {
  if (model.format === 'gguf') {
    const { metadata } = model.file;
    const parts = [metadata.get('tokenizer.ggml.model'), metadata.get('tokenizer.ggml.pre')];
    return parts.filter((part) => typeof part === 'string').join(', ');
  }
  return tokenizer.addsSpacePrefix ? 'SentencePiece, tokenizer.json' : 'byte-level BPE, tokenizer.json';
}

function metadataOf(model: OpenedModel): Record<string, unknown> {
  if (model.format === 'huggingFace') return { ...model.checkpoint.config };
  return Object.fromEntries([...model.file.metadata].map(([key, value]) => [key, plainValue(value)]));
}

/** What JSON can hold of a metadata value. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  const isList = value instanceof TextList || Array.isArray(value) || ArrayBuffer.isView(value);
  if (!isList) return value;
  const { length } = value as ArrayLike<unknown>;
  return length > LONG_ARRAY ? { length } : Array.from(value as Iterable<unknown>, plainValue);
}
