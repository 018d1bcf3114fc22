/**
 * A trained model in the layout of Hugging Face: latent weights of a ternary model, which transformers and this package
 * quantise as they load them (`quantization_mode` online), or the weights of a dense one. Field names are those of
 * transformers' BitNetConfig, LlamaConfig and BitNetQuantConfig, and of 1bitLLM's BitnetConfig.
 */
import { BitnetError } from '../../base/errors.ts';
import { writeSafetensors } from '../../formats/safetensors/write.ts';
import type { ByteSink } from '../../formats/tensor-output.ts';
import { RopeStyle } from '../../kernels/kernels.ts';
import { huggingFaceConfig } from '../../model/writing/huggingface-config.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { ModelToExport, TokenizerToExport } from './model-to-export.ts';
import { type FloatType, tensorOf } from './weights.ts';

/** The JSON files of a folder, as objects. */
export interface HuggingFaceJson {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
}

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
  const isTied = !model.parameters.list.some(({ role }) => role === 'head');
  const config = huggingFaceConfig(model.described, { name, isTied, dtype });
  if (config !== undefined) return { ...config, ...quantizationConfig(model) };
  throw new BitnetError(
    'train/export-family',
    `models of the architecture ${model.described.architecture.name} have no class in transformers, so there is no layout to write`,
  );
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
