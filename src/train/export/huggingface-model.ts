/**
 * A trained model in the layout of Hugging Face: latent weights of a ternary model, which transformers and this package
 * quantise as they load them (`quantization_mode` online), or the weights of a dense one. Field names are those of
 * transformers' BitNetConfig, LlamaConfig and BitNetQuantConfig, and of 1bitLLM's BitnetConfig.
 */
import { BitnetError } from '../../base/errors.ts';
import { writeSafetensors } from '../../formats/safetensors/write.ts';
import type { ByteSink } from '../../formats/tensor-output.ts';
import { Activation } from '../../kernels/activation.ts';
import { RopeStyle } from '../../kernels/kernels.ts';
import { HUGGING_FACE_CLASSES } from '../../model/architecture.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { ModelToExport, TokenizerToExport } from './model-to-export.ts';
import { type FloatType, tensorOf } from './weights.ts';

/** The JSON files of a folder, as objects. */
export interface HuggingFaceJson {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

/** `torch_dtype` by element type. */
const TORCH_TYPES: Readonly<Record<FloatType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };
const ACTIVATIONS: ReadonlyMap<Activation, string> = new Map([
  [Activation.SiLU, 'silu'],
  [Activation.ReLU2, 'relu2'],
]);

/**
 * Writes model.safetensors.
 *
 * @throws BitnetError `tensor/not-finite`, or as the sink
 */
export async function writeMasters(sink: ByteSink, model: ModelToExport, dtype: FloatType): Promise<void> {
  const tensors = model.parameters.list.map((parameter) =>
    tensorOf(model, parameter, {
      name: parameter.name,
      dtype,
      ropeStyle: RopeStyle.Half,
      asQuantised: false,
    }),
  );
  await writeSafetensors(sink, tensors, new Map([['format', 'pt']]));
}

/**
 * config.json and the two files that go with the tokenizer.
 *
 * @param parsed what tokenizer.json describes
 * @throws BitnetError `train/export-tokenizer` when a token is none, `train/export-family`
 */
export function huggingFaceJson(
  model: ModelToExport,
  tokenizer: TokenizerToExport,
  parsed: Tokenizer,
  name: string,
  dtype: FloatType,
): HuggingFaceJson {
  const { bosToken = textOf(parsed, parsed.bosId), eosToken = textOf(parsed, parsed.eosId) } = tokenizer;
  const { stopTokens = [], chatTemplate } = tokenizer;
  const ends = {
    ...(bosToken === undefined ? {} : { bos_token_id: idOf(parsed, bosToken) }),
    ...(eosToken === undefined ? {} : { eos_token_id: idOf(parsed, eosToken) }),
  };
  const stopTexts = [...(eosToken === undefined ? [] : [eosToken]), ...stopTokens];
  const stops = [...new Set(stopTexts.map((text) => idOf(parsed, text)))];
  return {
    config: { ...modelConfig(model, name, dtype), ...ends },
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      model_max_length: model.described.config.contextLength,
      clean_up_tokenization_spaces: false,
      add_bos_token: bosToken !== undefined,
      add_eos_token: false,
      ...(bosToken === undefined ? {} : { bos_token: bosToken }),
      ...(eosToken === undefined ? {} : { eos_token: eosToken }),
      ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
    },
    generationConfig: { ...ends, ...(stops.length > 1 ? { eos_token_id: stops } : {}) },
  };
}

function modelConfig(model: ModelToExport, name: string, dtype: FloatType): Record<string, unknown> {
  const { architecture, config } = model.described;
  const className = [...HUGGING_FACE_CLASSES].find(([, family]) => family === architecture.name)?.[0];
  const activation = ACTIVATIONS.get(config.activation);
  if (className === undefined || activation === undefined) {
    throw new BitnetError(
      'train/export-family',
      `models of the architecture ${architecture.name} have no class in transformers, so there is no layout to write`,
    );
  }
  return {
    _name_or_path: name,
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
    tie_word_embeddings: !model.parameters.list.some(({ role }) => role === 'head'),
    torch_dtype: TORCH_TYPES[dtype],
    ...quantizationConfig(model),
  };
}

/** How projections are to be read: see src/model/loading/inventory.ts. */
function quantizationConfig({ precision, described }: ModelToExport): Record<string, unknown> {
  const { isAlwaysTernary, name } = described.architecture;
  if (precision === 'f32') return isAlwaysTernary ? { weight_bits: 16 } : {};
  // 1bitLLM's own class quantises by itself and knows no quantization_config.
  if (name === 'bitnet') return { weight_bits: 1, input_bits: 8 };
  return {
    quantization_config: {
      quant_method: 'bitnet',
      linear_class: 'autobitlinear',
      quantization_mode: 'online',
      modules_to_not_convert: ['lm_head'],
    },
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

function textOf(tokenizer: Tokenizer, id: number | undefined): string | undefined {
  return id === undefined ? undefined : tokenizer.tokenText(id);
}

function idOf(tokenizer: Tokenizer, text: string): number {
  const id = tokenizer.idOf(text);
  if (id !== undefined) return id;
  throw new BitnetError(
    'train/export-tokenizer',
    `${JSON.stringify(text)} is to begin or end a text, but the tokenizer has no such token`,
  );
}
