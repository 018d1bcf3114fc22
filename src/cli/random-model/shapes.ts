/**
 * The dims of published models, for files that have them and random weights. Sources: the models' config.json and GGUF
 * metadata (docs/models.md). Three shapes are no published model: `125m` is a small one of the family, `mini` is four
 * layers of 2B4T with a small vocabulary, which every engine can hold, and `tiny` is for tests.
 */
import { BitnetError } from '../../base/errors.ts';

/** Control tokens of a shape's vocabulary. */
export interface ControlTokens {
  /** Token texts by id. */
  readonly texts: ReadonlyMap<number, string>;
  /** Put before every text; undefined for models that expect none. */
  readonly bosId: number | undefined;
  readonly eosId: number;
}

/** The dims of a model; names are those of ModelConfig. */
export interface RandomShape {
  readonly name: string;
  /** Which model it is the shape of. */
  readonly title: string;
  /** GGUF's `general.architecture`. */
  readonly architecture: string;
  readonly blockCount: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headLength: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly ropeFreqBase: number;
  readonly layerNormRmsEpsilon: number;
  /** The output head is a tensor of its own, not the embedding. */
  readonly hasHead: boolean;
  readonly control: ControlTokens;
}

/** Llama 3's 256 control tokens, by the ids that they have there, counted from `first`. */
function llama3Control(first: number): ControlTokens {
  const named = new Map([
    [0, '<|begin_of_text|>'],
    [1, '<|end_of_text|>'],
    [6, '<|start_header_id|>'],
    [7, '<|end_header_id|>'],
    [9, '<|eot_id|>'],
  ]);
  const texts = new Map<number, string>();
  let reserved = 0;
  for (let i = 0; i < 256; i++) {
    texts.set(first + i, named.get(i) ?? `<|reserved_special_token_${reserved++}|>`);
  }
  return { texts, bosId: first, eosId: first + 1 };
}

/** Falcon3 puts nothing before a text, Falcon-E its token 1. */
function falconControl(hasBos: boolean): ControlTokens {
  const texts = new Map([[11, '<|endoftext|>']]);
  if (hasBos) texts.set(1, '<|beginoftext|>');
  return { texts, bosId: hasBos ? 1 : undefined, eosId: 11 };
}

const BITNET_2B4T: RandomShape = {
  name: '2b4t',
  title: 'microsoft/bitnet-b1.58-2B-4T',
  architecture: 'bitnet-b1.58',
  blockCount: 30,
  embeddingLength: 2560,
  feedForwardLength: 6912,
  headCount: 20,
  headCountKv: 5,
  headLength: 128,
  vocabularySize: 128256,
  contextLength: 4096,
  ropeFreqBase: 500000,
  layerNormRmsEpsilon: 1e-5,
  hasHead: false,
  control: llama3Control(128000),
};

const FALCON_E_1B: RandomShape = {
  name: 'falcon-e-1b',
  title: 'tiiuae/Falcon-E-1B',
  architecture: 'llama',
  blockCount: 24,
  embeddingLength: 2048,
  feedForwardLength: 9216,
  headCount: 16,
  headCountKv: 2,
  headLength: 128,
  vocabularySize: 32768,
  contextLength: 32768,
  ropeFreqBase: 1000000,
  layerNormRmsEpsilon: 1e-5,
  hasHead: true,
  control: falconControl(true),
};

const FALCON3_1B: RandomShape = {
  name: 'falcon3-1b',
  title: 'tiiuae/Falcon3-1B-Instruct-1.58bit',
  architecture: 'llama',
  blockCount: 18,
  embeddingLength: 2048,
  feedForwardLength: 8192,
  headCount: 8,
  headCountKv: 4,
  headLength: 256,
  vocabularySize: 131072,
  contextLength: 8192,
  ropeFreqBase: 1000042,
  layerNormRmsEpsilon: 1e-6,
  hasHead: true,
  control: falconControl(false),
};

const LLAMA3_8B: RandomShape = {
  name: 'llama3-8b',
  title: 'HF1BitLLM/Llama3-8B-1.58-100B-tokens',
  architecture: 'llama',
  blockCount: 32,
  embeddingLength: 4096,
  feedForwardLength: 14336,
  headCount: 32,
  headCountKv: 8,
  headLength: 128,
  vocabularySize: 128256,
  contextLength: 8192,
  ropeFreqBase: 500000,
  layerNormRmsEpsilon: 1e-5,
  hasHead: true,
  control: { ...llama3Control(128000), eosId: 128009 },
};

const BITNET_LARGE: RandomShape = {
  name: 'bitnet-large',
  title: '1bitLLM/bitnet_b1_58-large',
  architecture: 'bitnet',
  blockCount: 24,
  embeddingLength: 1536,
  feedForwardLength: 4096,
  headCount: 16,
  headCountKv: 16,
  headLength: 96,
  vocabularySize: 32002,
  contextLength: 2048,
  ropeFreqBase: 10000,
  layerNormRmsEpsilon: 1e-5,
  hasHead: false,
  control: {
    texts: new Map([
      [0, '<unk>'],
      [1, '<s>'],
      [2, '</s>'],
      [32000, '<pad>'],
      [32001, '</line>'],
    ]),
    bosId: 1,
    eosId: 2,
  },
};

const TINY: RandomShape = {
  ...BITNET_2B4T,
  name: 'tiny',
  title: 'a model for tests, below 1 MB',
  blockCount: 2,
  embeddingLength: 256,
  feedForwardLength: 512,
  headCount: 4,
  headCountKv: 2,
  headLength: 64,
  vocabularySize: 640,
  contextLength: 512,
  control: llama3Control(384),
};

/** All shapes by name. */
export const RANDOM_SHAPES: ReadonlyMap<string, RandomShape> = new Map(
  [
    BITNET_2B4T,
    FALCON_E_1B,
    {
      ...FALCON_E_1B,
      name: 'falcon-e-3b',
      title: 'tiiuae/Falcon-E-3B',
      blockCount: 32,
      feedForwardLength: 13312,
    },
    FALCON3_1B,
    {
      ...FALCON3_1B,
      name: 'falcon3-3b',
      title: 'tiiuae/Falcon3-3B-Instruct-1.58bit',
      blockCount: 22,
      embeddingLength: 3072,
      feedForwardLength: 9216,
      headCount: 12,
      contextLength: 32768,
    },
    LLAMA3_8B,
    BITNET_LARGE,
    {
      ...BITNET_LARGE,
      name: '125m',
      title: 'a small model of the BitNet family, 125 million weights',
      blockCount: 11,
      embeddingLength: 768,
      feedForwardLength: 3072,
      headCount: 12,
      headCountKv: 12,
      headLength: 64,
    },
    {
      ...BITNET_2B4T,
      name: 'mini',
      title: 'four layers of 2B4T with a vocabulary of 32000',
      blockCount: 4,
      vocabularySize: 32000,
      control: llama3Control(31744),
    },
    TINY,
  ].map((shape) => [shape.name, shape]),
);

/** What may replace a shape's own dims and names. */
export interface ShapeChanges {
  /** Another number of layers. */
  readonly layers?: number | undefined;
  /** GGUF's `general.architecture`, of the same family: see {@link BITNET_NAMES}. */
  readonly architecture?: string | undefined;
}

/**
 * Names of the architectures that have the same tensors: a shape of one can be written as another. llama.cpp knows only
 * `bitnet`, which has SiLU in place of the squared ReLU and costs the same.
 */
export const BITNET_NAMES: readonly string[] = ['bitnet-b1.58', 'bitnet'];

/**
 * A shape by name.
 *
 * @throws BitnetError `option/shape`, `option/architecture` when the shape is of another family
 */
export function randomShape(name: string, { layers, architecture }: ShapeChanges = {}): RandomShape {
  const shape = RANDOM_SHAPES.get(name);
  if (shape === undefined) {
    throw new BitnetError(
      'option/shape',
      `there is no shape "${name}"; choose one of ${[...RANDOM_SHAPES.keys()].join(', ')}`,
    );
  }
  if (
    architecture !== undefined &&
    !(BITNET_NAMES.includes(architecture) && BITNET_NAMES.includes(shape.architecture))
  ) {
    throw new BitnetError(
      'option/architecture',
      `the shape ${name} is of the family ${shape.architecture}, and cannot be written as ${architecture}`,
    );
  }
  return {
    ...shape,
    blockCount: layers ?? shape.blockCount,
    architecture: architecture ?? shape.architecture,
  };
}
