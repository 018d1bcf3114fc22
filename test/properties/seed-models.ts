/** The models that fuzz-load.test.ts damages: between them every architecture, weight type and kind of tokenizer. */
import { type GgufEntry, writeGguf } from '#src/formats/gguf/write.js';
import type { FolderDraft } from './draft-folder.js';
import { seededRandom } from './mutate.js';
import { architectureOf, type Dims, filled, type Types, tinyTensors } from './tiny-models.js';
import {
  BYTE_LEVEL_SIZE,
  byteLevelMetadata,
  huggingFaceText,
  SENTENCE_PIECE_SIZE,
  sentencePieceMetadata,
} from './tiny-text.js';

interface GgufSpec {
  readonly architecture: string;
  readonly dims: Dims;
  readonly types: Types;
  readonly text?: 'byte-level' | 'sentencepiece';
  readonly hasRopeFactors?: boolean;
}

const CONTEXT_LENGTH = 48;

/** A GGUF file of a tiny model. */
export async function tinyGguf(spec: GgufSpec): Promise<Uint8Array> {
  const random = seededRandom(7);
  const { dims, types } = spec;
  const architecture = architectureOf(spec.architecture);
  const tensors = tinyTensors(architecture, dims, types, 'gguf', random);
  if (spec.hasRopeFactors === true) {
    tensors.push(filled('rope_freqs.weight', 'F32', [dims.headLength / 2], random, 2));
  }
  const text = spec.text === 'sentencepiece' ? sentencePieceMetadata() : byteLevelMetadata();
  const parts: Uint8Array[] = [];
  await writeGguf(async (part) => void parts.push(part.slice()), {
    metadata: [...configMetadata(spec.architecture, dims), ...text],
    tensors,
  });
  return new Uint8Array(Buffer.concat(parts));
}

function configMetadata(name: string, dims: Dims): GgufEntry[] {
  const number = (key: string, value: number): GgufEntry => ({ key: `${name}.${key}`, type: 'u32', value });
  const float = (key: string, value: number): GgufEntry => ({ key: `${name}.${key}`, type: 'f32', value });
  return [
    { key: 'general.architecture', type: 'string', value: name },
    { key: 'general.alignment', type: 'u32', value: 32 },
    number('vocab_size', dims.vocabularySize),
    number('context_length', CONTEXT_LENGTH),
    number('embedding_length', dims.embeddingLength),
    number('block_count', dims.blockCount),
    number('feed_forward_length', dims.feedForwardLength),
    number('attention.head_count', dims.headCount),
    number('attention.head_count_kv', dims.headCountKv),
    number('attention.key_length', dims.headLength),
    number('attention.value_length', dims.headLength),
    number('rope.dimension_count', dims.headLength),
    float('rope.freq_base', 10000),
    float('attention.layer_norm_rms_epsilon', 1e-5),
  ];
}

const GGUF_SPECS: readonly GgufSpec[] = [
  {
    architecture: 'bitnet-b1.58',
    dims: dims(128, 4, 2, 32, 256, BYTE_LEVEL_SIZE),
    types: { projections: 'I2_S', embedding: 'F16' },
  },
  {
    architecture: 'bitnet',
    dims: dims(256, 4, 4, 64, 256, SENTENCE_PIECE_SIZE),
    types: { projections: 'TQ2_0', embedding: 'F32' },
    text: 'sentencepiece',
  },
  {
    architecture: 'llama',
    dims: dims(256, 8, 2, 32, 256, BYTE_LEVEL_SIZE),
    types: { projections: 'TQ1_0', embedding: 'Q6_K', head: 'Q6_K' },
  },
  {
    architecture: 'llama',
    dims: dims(50, 3, 1, 18, 70, BYTE_LEVEL_SIZE),
    types: { projections: 'F16', embedding: 'F16' },
    hasRopeFactors: true,
  },
  {
    architecture: 'llama',
    dims: dims(36, 6, 3, 2, 41, BYTE_LEVEL_SIZE),
    types: { projections: 'BF16', embedding: 'BF16', head: 'F32' },
  },
  {
    architecture: 'llama',
    dims: dims(64, 2, 2, 32, 96, BYTE_LEVEL_SIZE),
    types: { projections: 'Q8_0', embedding: 'Q4_0', head: 'Q8_0' },
  },
];

function dims(
  embeddingLength: number,
  headCount: number,
  headCountKv: number,
  headLength: number,
  feedForwardLength: number,
  vocabularySize: number,
): Dims {
  return {
    embeddingLength,
    headCount,
    headCountKv,
    headLength,
    feedForwardLength,
    blockCount: 2,
    vocabularySize,
  };
}

/** GGUF models by what they are. */
export const GGUF_MODELS: readonly { name: string; make: () => Promise<Uint8Array> }[] = GGUF_SPECS.map(
  (spec) => ({
    name: `a GGUF ${spec.architecture} model with ${spec.types.projections} weights`,
    make: () => tinyGguf(spec),
  }),
);

/** A Hugging Face folder of a tiny model. */
export function tinyFolder(
  architecture: 'bitnet-b1.58' | 'llama',
  size: Dims,
  types: Types,
  config: Readonly<Record<string, unknown>>,
  shards: 1 | 2,
): FolderDraft {
  const tensors = tinyTensors(architectureOf(architecture), size, types, 'huggingFace', seededRandom(7));
  return {
    json: {
      'config.json': {
        architectures: [architecture === 'llama' ? 'LlamaForCausalLM' : 'BitNetForCausalLM'],
        vocab_size: size.vocabularySize,
        max_position_embeddings: CONTEXT_LENGTH,
        hidden_size: size.embeddingLength,
        num_hidden_layers: size.blockCount,
        intermediate_size: size.feedForwardLength,
        num_attention_heads: size.headCount,
        num_key_value_heads: size.headCountKv,
        head_dim: size.headLength,
        hidden_act: architecture === 'llama' ? 'silu' : 'relu2',
        rope_theta: 10000,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: types.head === undefined,
        ...config,
      },
      ...huggingFaceText(),
    },
    tensors: tensors.map(({ name, dtype, shape, bytes }) => ({ name, dtype, shape, bytes })),
    shards,
  };
}

const PACKED = { quant_method: 'bitnet', linear_class: 'autobitlinear', quantization_mode: 'offline' };

/** Hugging Face folders by what they are. */
export const FOLDER_MODELS: readonly { name: string; draft: FolderDraft }[] = [
  {
    name: 'a packed folder in two shards',
    draft: tinyFolder(
      'bitnet-b1.58',
      dims(100, 3, 1, 14, 54, BYTE_LEVEL_SIZE),
      { projections: 'packed', embedding: 'BF16' },
      { quantization_config: PACKED },
      2,
    ),
  },
  {
    name: 'a folder of BF16 masters',
    draft: tinyFolder(
      'llama',
      dims(48, 4, 2, 12, 60, BYTE_LEVEL_SIZE),
      { projections: 'BF16', embedding: 'BF16', head: 'BF16' },
      { quantization_config: { ...PACKED, quantization_mode: 'online' } },
      1,
    ),
  },
  {
    name: 'a folder of F16 weights',
    draft: tinyFolder(
      'llama',
      dims(40, 4, 4, 10, 56, BYTE_LEVEL_SIZE),
      { projections: 'F16', embedding: 'F16' },
      {},
      1,
    ),
  },
];
