/**
 * Writes a GGUF file of the exact shape of a published model with random weights, for benchmarks and tests. The bytes
 * depend on the choice alone, so two machines that make a file compare the same thing. Memory use does not grow with
 * the file.
 */

import { type GgufEntry, writeGguf } from '../../formats/gguf/write.ts';
import type { ByteSink, TensorOutput } from '../../formats/tensor-output.ts';
import { byteLengthOf } from '../../tensor/dtype.ts';
import { BITNET_2B4T_TEMPLATE } from '../../tokenizer/chat/known-templates.ts';
import type { RandomShape } from './shapes.ts';
import { type EmbeddingType, type ProjectionType, randomTensors } from './tensors.ts';
import { randomVocabulary } from './vocabulary.ts';

/** What to make. */
export interface RandomModelChoice {
  readonly shape: RandomShape;
  readonly projection: ProjectionType;
  readonly embedding: EmbeddingType;
  readonly seed: number;
}

/** `general.file_type` of bitnet.cpp and llama.cpp. */
const FILE_TYPES: Readonly<Record<ProjectionType, number>> = { F16: 1, TQ1_0: 36, TQ2_0: 37, I2_S: 40 };

/**
 * Writes the file and answers its length in bytes.
 *
 * @param onProgress called with the share of tensor bytes that were written
 * @throws whatever the sink throws
 */
export async function writeRandomModel(
  choice: RandomModelChoice,
  sink: ByteSink,
  onProgress: (share: number) => void = () => {},
): Promise<number> {
  const { shape, projection, embedding, seed } = choice;
  const tensors = randomTensors(shape, projection, embedding, seed);
  const total = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  let done = 0;
  return writeGguf(
    async (bytes) => {
      await sink(bytes);
      done += bytes.byteLength;
      onProgress(Math.min(1, done / total));
    },
    { metadata: metadataOf(choice), tensors },
  );
}

function bytesOf({ dtype, shape, name }: TensorOutput): number {
  return byteLengthOf(dtype, shape, name);
}

function metadataOf({ shape, projection }: RandomModelChoice): GgufEntry[] {
  const { architecture, control, headLength } = shape;
  const vocabulary = randomVocabulary(shape.vocabularySize, control);
  const u32 = (key: string, value: number): GgufEntry => ({ key, type: 'u32', value });
  const f32 = (key: string, value: number): GgufEntry => ({ key, type: 'f32', value });
  const text = (key: string, value: string): GgufEntry => ({ key, type: 'string', value });
  const own = (key: string): string => `${architecture}.${key}`;
  const isBitnet = architecture === 'bitnet-b1.58';
  return [
    text('general.architecture', architecture),
    text('general.name', `${shape.name} with random weights`),
    u32('general.file_type', FILE_TYPES[projection]),
    u32('general.quantization_version', 2),
    u32(own('vocab_size'), shape.vocabularySize),
    u32(own('context_length'), shape.contextLength),
    u32(own('embedding_length'), shape.embeddingLength),
    u32(own('block_count'), shape.blockCount),
    u32(own('feed_forward_length'), shape.feedForwardLength),
    u32(own('rope.dimension_count'), headLength),
    u32(own('attention.head_count'), shape.headCount),
    u32(own('attention.head_count_kv'), shape.headCountKv),
    f32(own('attention.layer_norm_rms_epsilon'), shape.layerNormRmsEpsilon),
    f32(own('rope.freq_base'), shape.ropeFreqBase),
    text('tokenizer.ggml.model', 'gpt2'),
    text('tokenizer.ggml.pre', 'llama-bpe'),
    { key: 'tokenizer.ggml.tokens', type: 'string[]', value: vocabulary.tokens },
    { key: 'tokenizer.ggml.token_type', type: 'i32[]', value: vocabulary.types },
    { key: 'tokenizer.ggml.merges', type: 'string[]', value: vocabulary.merges },
    ...(control.bosId === undefined ? [] : [u32('tokenizer.ggml.bos_token_id', control.bosId)]),
    u32('tokenizer.ggml.eos_token_id', control.eosId),
    { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: control.bosId !== undefined },
    ...(isBitnet ? [text('tokenizer.chat_template', BITNET_2B4T_TEMPLATE)] : []),
  ];
}
