/** The numbers that define a model, read from GGUF metadata or a Hugging Face config.json, checked against each other. */
import { BitnetError } from '../base/errors.ts';
import { findNumber, findString, type GgufMetadata } from '../formats/gguf/metadata.ts';
import { describeJson } from '../formats/json.ts';
import { Activation } from '../kernels/activation.ts';
import { LONGEST_ROW } from '../kernels/backend.ts';
import { RopeStyle } from '../kernels/kernels.ts';
import { ARCHITECTURES, type Architecture, HUGGING_FACE_CLASSES } from './architecture.ts';

/** Dims and constants of a model; names are GGUF's keys in camel case. */
export interface ModelConfig {
  /** GGUF's `general.architecture`. */
  readonly architecture: string;
  readonly name?: string;
  readonly vocabularySize: number;
  /** Positions that the model was trained for. */
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly blockCount: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  /** Elements of a head; heads need not fill the embedding. */
  readonly headLength: number;
  readonly ropeFreqBase: number;
  readonly layerNormRmsEpsilon: number;
  readonly activation: Activation;
  readonly ropeStyle: RopeStyle;
}

/** A config with the family it belongs to. */
export interface Described {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
}

/**
 * Bounds against absurd files: generous for every model that could run here. They also keep every matrix below 2^32
 * weights, so that its packed size is a number that wasm32 can tell.
 */
const LIMITS: Partial<Record<keyof ModelConfig, number>> = {
  vocabularySize: 1 << 21,
  contextLength: 1 << 24,
  embeddingLength: 1 << 15,
  blockCount: 1024,
  feedForwardLength: LONGEST_ROW,
  headCount: 1024,
  headCountKv: 1024,
  headLength: 1024,
};

/**
 * The config of a GGUF file.
 *
 * @param vocabularySize rows of the embedding, which counts when the metadata does not say
 * @throws BitnetError `model/unsupported-architecture`, `model/bad-config`
 */
export function configFromGguf(metadata: GgufMetadata, vocabularySize: number): Described {
  const name = findString(metadata, 'general.architecture');
  const architecture = ARCHITECTURES.get(name ?? '');
  if (architecture === undefined) throw unsupported(name ?? 'none given');
  const number = (key: string) => findNumber(metadata, `${architecture.name}.${key}`);
  const headCount = need(number('attention.head_count'), 'attention.head_count');
  const embeddingLength = need(number('embedding_length'), 'embedding_length');
  const headLength = number('attention.key_length') ?? embeddingLength / headCount;
  const scaling = findString(metadata, `${architecture.name}.rope.scaling.type`) ?? 'none';
  if (scaling !== 'none') throw bad(`rope scaling "${scaling}" is not supported`);
  if ((number('attention.value_length') ?? headLength) !== headLength) {
    throw bad('keys and values of different lengths are not supported');
  }
  if ((number('rope.dimension_count') ?? headLength) !== headLength) {
    throw bad('rotation of a part of each head is not supported');
  }
  const modelName = findString(metadata, 'general.name');
  return {
    architecture,
    config: checked({
      architecture: architecture.name,
      ...(modelName === undefined ? {} : { name: modelName }),
      vocabularySize: number('vocab_size') ?? vocabularySize,
      contextLength: need(number('context_length'), 'context_length'),
      embeddingLength,
      blockCount: need(number('block_count'), 'block_count'),
      feedForwardLength: need(number('feed_forward_length'), 'feed_forward_length'),
      headCount,
      headCountKv: number('attention.head_count_kv') ?? headCount,
      headLength,
      ropeFreqBase: number('rope.freq_base') ?? 10000,
      layerNormRmsEpsilon: need(
        number('attention.layer_norm_rms_epsilon'),
        'attention.layer_norm_rms_epsilon',
      ),
      activation: architecture.activation,
      ropeStyle: architecture.ggufRope,
    }),
  };
}

const HIDDEN_ACTS: ReadonlyMap<string, Activation> = new Map([
  ['silu', Activation.SiLU],
  ['swish', Activation.SiLU],
  ['relu2', Activation.ReLU2],
  ['gelu_pytorch_tanh', Activation.GeluTanh],
]);

/**
 * The config of a Hugging Face config.json.
 *
 * @throws BitnetError `model/unsupported-architecture`, `model/bad-config`
 */
export function configFromHuggingFace(json: Readonly<Record<string, unknown>>): Described {
  const className: unknown = Array.isArray(json.architectures) ? json.architectures[0] : undefined;
  const family = typeof className === 'string' ? HUGGING_FACE_CLASSES.get(className) : undefined;
  const architecture = ARCHITECTURES.get(family ?? '');
  if (architecture === undefined) throw unsupported(describeJson(className));
  const number = (key: string): number | undefined => {
    const value = json[key] ?? undefined;
    if (value === undefined || typeof value === 'number') return value;
    throw bad(`${key} is ${describeJson(value)}, not a number`);
  };
  const headCount = need(number('num_attention_heads'), 'num_attention_heads');
  const embeddingLength = need(number('hidden_size'), 'hidden_size');
  const act =
    (json.hidden_act ?? undefined) === undefined
      ? architecture.activation
      : HIDDEN_ACTS.get(json.hidden_act as string);
  if (act === undefined) throw bad(`hidden_act ${describeJson(json.hidden_act)} is not supported`);
  if ((json.rope_scaling ?? undefined) !== undefined) throw bad('rope_scaling is not supported');
  if (json.mlp_bias === true || (json.attention_bias === true && !architecture.vectors.includes('qBias'))) {
    throw bad(`the architecture ${architecture.name} has no biases, and this model does`);
  }
  return {
    architecture,
    config: checked({
      architecture: architecture.name,
      ...(typeof json._name_or_path === 'string' && json._name_or_path !== ''
        ? { name: json._name_or_path }
        : {}),
      vocabularySize: need(number('vocab_size'), 'vocab_size'),
      contextLength: need(number('max_position_embeddings'), 'max_position_embeddings'),
      embeddingLength,
      blockCount: need(number('num_hidden_layers'), 'num_hidden_layers'),
      feedForwardLength: need(number('intermediate_size'), 'intermediate_size'),
      headCount,
      headCountKv: number('num_key_value_heads') ?? headCount,
      headLength: number('head_dim') ?? embeddingLength / headCount,
      // GGUF holds the next two as f32; the same model from either file must give the same bits.
      ropeFreqBase: Math.fround(ropeBaseOf(json.rope_parameters) ?? number('rope_theta') ?? 10000),
      layerNormRmsEpsilon: Math.fround(need(number('rms_norm_eps'), 'rms_norm_eps')),
      activation: act,
      ropeStyle: RopeStyle.Half,
    }),
  };
}

/** The base in `rope_parameters`, where newer files have what `rope_theta` and `rope_scaling` said. */
function ropeBaseOf(parameters: unknown): number | undefined {
  if (parameters === undefined || parameters === null) return undefined;
  const { rope_theta: base, rope_type: type = 'default', ...more } = parameters as Record<string, unknown>;
  if (typeof base === 'number' && type === 'default' && Object.keys(more).length === 0) return base;
  throw bad('rope_parameters other than rope_theta are not supported');
}

function checked(config: ModelConfig): ModelConfig {
  for (const [key, limit] of Object.entries(LIMITS)) {
    const value = config[key as keyof ModelConfig] as number;
    if (!Number.isInteger(value) || value < 1 || value > limit) {
      throw bad(`${key} is ${value}, and must be a whole number from 1 to ${limit}`);
    }
  }
  if (config.headCount % config.headCountKv !== 0) {
    throw bad(`${config.headCount} heads cannot share ${config.headCountKv} key/value heads evenly`);
  }
  if (config.headLength % 2 !== 0)
    throw bad(`a head of ${config.headLength} elements cannot be rotated in pairs`);
  if (config.headCount * config.headLength > LONGEST_ROW) {
    throw bad(
      `${config.headCount} heads of ${config.headLength} elements are more than ${LONGEST_ROW} together`,
    );
  }
  const { ropeFreqBase, layerNormRmsEpsilon } = config;
  // Below 1 the frequencies would grow with the element instead of falling, beyond what sines can be taken of.
  if (!(ropeFreqBase >= 1 && ropeFreqBase < 1e12)) throw bad(`the rope base is ${ropeFreqBase}`);
  if (!(layerNormRmsEpsilon >= 0 && layerNormRmsEpsilon < 1)) {
    throw bad(`the norm's epsilon is ${layerNormRmsEpsilon}`);
  }
  return config;
}

function need(value: number | undefined, key: string): number {
  if (value === undefined) throw bad(`${key} is missing`);
  return value;
}

function bad(what: string): BitnetError {
  return new BitnetError('model/bad-config', `the model's configuration cannot be used: ${what}`);
}

function unsupported(name: string): BitnetError {
  return new BitnetError(
    'model/unsupported-architecture',
    `the model's architecture is ${name}; supported are ${[...ARCHITECTURES.keys()].join(', ')} ` +
      `(Hugging Face: ${[...HUGGING_FACE_CLASSES.keys()].join(', ')})`,
  );
}
