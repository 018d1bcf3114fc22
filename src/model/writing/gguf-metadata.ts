/**
 * The metadata by which a GGUF file describes its model, without the tokenizer's (src/tokenizer/conversion/). Key names:
 * ggml, docs/gguf.md; `file_type` is the number that llama.cpp and bitnet.cpp print, and nothing is read by it.
 */
import type { GgufEntry } from '../../formats/gguf/write.ts';
import { Activation } from '../../kernels/activation.ts';
import type { Described } from '../config.ts';

/** Element types of projections that a file can have. */
export type GgufProjectionType = keyof typeof FILE_TYPES;

const FILE_TYPES = { F32: 0, F16: 1, BF16: 32, TQ1_0: 36, TQ2_0: 37, I2_S: 40 } as const;

/** What Hugging Face calls the activations. */
export const ACTIVATION_NAMES: ReadonlyMap<Activation, string> = new Map([
  [Activation.SiLU, 'silu'],
  [Activation.ReLU2, 'relu2'],
]);

/** The entries `general.*` and `ARCHITECTURE.*` of a file. */
export function modelMetadata(
  { architecture, config }: Described,
  projections: GgufProjectionType,
  name: string,
): GgufEntry[] {
  const u32 = (key: string, value: number): GgufEntry => ({ key, type: 'u32', value });
  const f32 = (key: string, value: number): GgufEntry => ({ key, type: 'f32', value });
  const text = (key: string, value: string): GgufEntry => ({ key, type: 'string', value });
  const own = (key: string): string => `${architecture.name}.${key}`;
  const { headCount, headLength, embeddingLength } = config;
  // Not every reader knows these two, and most models do without.
  const lengths = ['key', 'value'].map((part) => u32(own(`attention.${part}_length`), headLength));
  // Runtimes took SiLU for squared ReLU where no file said which (microsoft/BitNet #588).
  const activation = architecture.isAlwaysTernary ? ACTIVATION_NAMES.get(config.activation) : undefined;
  return [
    text('general.architecture', architecture.name),
    text('general.type', 'model'),
    text('general.name', name),
    u32('general.file_type', FILE_TYPES[projections]),
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
    ...(activation === undefined ? [] : [text(own('hidden_activation'), activation)]),
  ];
}
