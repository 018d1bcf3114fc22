/**
 * A trained model as a GGUF file that this package, bitnet.cpp (I2_S) and llama.cpp (TQ2_0) run. Key names: ggml,
 * docs/gguf.md; element types and orders of rows: docs/formats.md.
 */
import { type GgufEntry, writeGguf } from '../../formats/gguf/write.ts';
import type { ByteSink, TensorOutput } from '../../formats/tensor-output.ts';
import { type LayerTensor, layerTensorName, MODEL_TENSORS } from '../../model/architecture.ts';
import type { Described } from '../../model/config.ts';
import type { Parameter } from '../model/parameters.ts';
import type { ModelToExport } from './model-to-export.ts';
import { type FloatType, type TernaryType, tensorOf } from './weights.ts';

/** Element types of the matrices of a file. */
export interface GgufTypes {
  readonly projections: 'F32' | 'F16' | TernaryType;
  /** Of the embedding and the head. */
  readonly embedding: 'F32' | 'F16';
}

/** `general.file_type` of llama.cpp and bitnet.cpp. */
const FILE_TYPES = { F32: 0, F16: 1, TQ2_0: 37, I2_S: 40 } as const;

/**
 * Writes the file. Ternary types hold the codes and scales of training, or those of absmean quantisation of a dense
 * model; float types of a ternary model hold what its codes stand for.
 *
 * @param tokenizer the `tokenizer.*` metadata
 * @throws BitnetError `tensor/not-finite`, `tensor/bad-shape`, or as the sink
 */
export async function writeGgufModel(
  sink: ByteSink,
  model: ModelToExport,
  types: GgufTypes,
  name: string,
  tokenizer: readonly GgufEntry[],
): Promise<void> {
  const tensors = model.parameters.list.map((parameter) => ggufTensor(model, parameter, types));
  const metadata = [...modelMetadata(model.described, types, name), ...tokenizer];
  await writeGguf(sink, { metadata, tensors });
}

function ggufTensor(model: ModelToExport, parameter: Parameter, types: GgufTypes): TensorOutput {
  const { architecture } = model.described;
  return tensorOf(model, parameter, {
    name: ggufName(model.described, parameter),
    dtype: typeOf(parameter, types),
    ropeStyle: architecture.ggufRope,
    asQuantised: model.precision === 'ternary',
  });
}

function typeOf(parameter: Parameter, types: GgufTypes): FloatType | TernaryType {
  if (parameter.isProjection) return types.projections;
  return parameter.shape.length === 2 ? types.embedding : 'F32';
}

function ggufName({ architecture }: Described, { role, layer }: Parameter): string {
  if (layer === undefined) return MODEL_TENSORS[role as keyof typeof MODEL_TENSORS].gguf;
  return layerTensorName(architecture.layer[role as LayerTensor], 'gguf', layer);
}

function modelMetadata({ architecture, config }: Described, types: GgufTypes, name: string): GgufEntry[] {
  const u32 = (key: string, value: number): GgufEntry => ({ key, type: 'u32', value });
  const f32 = (key: string, value: number): GgufEntry => ({ key, type: 'f32', value });
  const text = (key: string, value: string): GgufEntry => ({ key, type: 'string', value });
  const own = (key: string): string => `${architecture.name}.${key}`;
  const { headCount, headLength, embeddingLength } = config;
  // Not every reader knows these two, and most models do without.
  const lengths = ['key', 'value'].map((part) => u32(own(`attention.${part}_length`), headLength));
  return [
    text('general.architecture', architecture.name),
    text('general.type', 'model'),
    text('general.name', name),
    u32('general.file_type', FILE_TYPES[types.projections]),
    u32('general.quantization_version', 2),
    u32(own('vocab_size'), config.vocabularySize),
    u32(own('context_length'), config.contextLength),
    u32(own('embedding_length'), embeddingLength),
    u32(own('block_count'), config.blockCount),
    u32(own('feed_forward_length'), config.feedForwardLength),
    u32(own('rope.dimension_count'), headLength),
    u32(own('attention.head_count'), headCount),
    u32(own('attention.head_count_kv'), config.headCountKv),
    ...(headCount * headLength === embeddingLength ? [] : lengths),
    f32(own('attention.layer_norm_rms_epsilon'), config.layerNormRmsEpsilon),
    f32(own('rope.freq_base'), config.ropeFreqBase),
  ];
}
