/**
 * The config.json of a model, as transformers' BitNetConfig and LlamaConfig and 1bitLLM's BitnetConfig name its fields.
 * How projections are stored (`quantization_config`, `weight_bits`) is added by who stores them.
 */
import { HUGGING_FACE_CLASSES } from '../architecture.ts';
import type { Described } from '../config.ts';
import { ACTIVATION_NAMES } from './gguf-metadata.ts';

/** Element types of safetensors files. */
export type TorchType = keyof typeof TORCH_TYPES;

const TORCH_TYPES = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** `torch_dtype`. */
export function torchTypeName(dtype: TorchType): string {
  return TORCH_TYPES[dtype];
}

/** The fields, or undefined when no class of transformers is a model of this family. */
export function huggingFaceConfig(
  { architecture, config }: Described,
  options: { readonly name: string; readonly isTied: boolean; readonly dtype: TorchType },
): Record<string, unknown> | undefined {
  const family = architecture.name === 'bitnet-25' ? 'bitnet-b1.58' : architecture.name;
  const className = [...HUGGING_FACE_CLASSES].find(([, name]) => name === family)?.[0];
  const activation = ACTIVATION_NAMES.get(config.activation);
  if (className === undefined || activation === undefined) return undefined;
  return {
    _name_or_path: options.name,
    architectures: [className],
    model_type: className === 'BitNetForCausalLM' ? 'bitnet' : 'llama',
    hidden_act: activation,
    hidden_size: config.embeddingLength,
    intermediate_size: config.feedForwardLength,
    num_hidden_layers: config.blockCount,
    num_attention_heads: config.headCount,
    num_key_value_heads: config.headCountKv,
    head_dim: config.headLength,
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.contextLength,
    rope_theta: shortestFloat(config.ropeFreqBase),
    rms_norm_eps: shortestFloat(config.layerNormRmsEpsilon),
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: options.isTied,
    torch_dtype: torchTypeName(options.dtype),
  };
}

/** The number with the fewest digits that is the same float32: 1e-5 for what float32 makes of it. */
function shortestFloat(value: number): number {
  const float = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
}
