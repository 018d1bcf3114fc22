/**
 * Which tensor of the file fills which slot of the model, and how its bytes are to be read. Checks that every tensor a
 * family needs is there with the right shape, and that nothing is there that the forward pass would ignore.
 */
import { BitnetError } from '../../base/errors.ts';
import { describeJson } from '../../formats/json.ts';
import type { TensorInfo } from '../../formats/tensor-info.ts';
import { isTernary, type TernaryDType } from '../../tensor/dtype.ts';
import {
  LAYER_TENSORS,
  type LayerMatrix,
  type LayerTensor,
  layerTensorName,
  MODEL_TENSORS,
} from '../architecture.ts';
import type { OpenedModel } from '../open.ts';
import { matrixDims, vectorLengths } from './model-shape.ts';

/** A matrix [rows, columns] in the file. */
export type MatrixSource = {
  readonly info: TensorInfo;
  readonly rows: number;
  readonly columns: number;
} & (
  | { readonly kind: 'ternary'; readonly dtype: TernaryDType; readonly extraScale: TensorInfo | undefined }
  /** Hugging Face's U8, four output rows to a byte; `divide` when weight_scale is 1/mean|W|. */
  | { readonly kind: 'packed'; readonly scale: TensorInfo; readonly divide: boolean }
  /** Full-precision latent weights of a ternary model, quantised by absmean on load. */
  | { readonly kind: 'masters' }
  | { readonly kind: 'dense' }
);

/** Where the tensors of one layer are. */
export interface LayerSources {
  readonly matrices: Readonly<Record<LayerMatrix, MatrixSource>>;
  /** Norms and biases. */
  readonly vectors: ReadonlyMap<LayerTensor, TensorInfo>;
}

/** Where all tensors of a model are. */
export interface Inventory {
  readonly embedding: MatrixSource;
  readonly outputNorm: TensorInfo;
  /** undefined when the embedding is the head. */
  readonly head: MatrixSource | undefined;
  readonly ropeFactors: TensorInfo | undefined;
  readonly layers: readonly LayerSources[];
  /** Sentences on what is unusual about the file. */
  readonly warnings: readonly string[];
}

/**
 * Finds every tensor of a model.
 *
 * @throws BitnetError `model/missing-tensor`, `model/bad-shape`, `model/unexpected-tensor`, `model/unsupported-tensor`
 */
export function takeInventory(model: OpenedModel): Inventory {
  const finder = new TensorFinder(model);
  const { config, architecture } = model;
  const { embeddingLength, vocabularySize } = config;
  const name = (tensor: keyof typeof MODEL_TENSORS) => MODEL_TENSORS[tensor][model.format];

  const embedding = finder.matrix(name('embedding'), vocabularySize, embeddingLength);
  const isTied =
    architecture.tiedHead === 'always' ||
    (model.format === 'huggingFace'
      ? model.checkpoint.config.tie_word_embeddings === true
      : !model.tensors.has(name('head')));
  if (isTied) finder.ignore(name('head'));
  const inventory = {
    embedding,
    outputNorm: finder.vector(name('outputNorm'), embeddingLength),
    head: isTied ? undefined : finder.matrix(name('head'), vocabularySize, embeddingLength),
    ropeFactors: model.tensors.has('rope_freqs.weight')
      ? finder.vector('rope_freqs.weight', config.headLength / 2)
      : undefined,
    layers: Array.from({ length: config.blockCount }, (_, layer) => finder.layer(layer)),
  };
  finder.checkNothingLeft();
  return { ...inventory, warnings: finder.warnings };
}

class TensorFinder {
  readonly warnings: string[] = [];
  readonly #model: OpenedModel;
  readonly #left: Set<string>;
  readonly #quantization: Quantization;

  constructor(model: OpenedModel) {
    this.#model = model;
    this.#left = new Set(model.tensors.keys());
    this.#quantization = quantizationOf(model);
  }

  layer(layer: number): LayerSources {
    const { config, architecture, format } = this.#model;
    const shapes = matrixDims(config);
    const lengths = vectorLengths(config);
    const matrices = {} as Record<LayerMatrix, MatrixSource>;
    const vectors = new Map<LayerTensor, TensorInfo>();
    for (const tensor of LAYER_TENSORS) {
      const name = layerTensorName(architecture.layer[tensor], format, layer);
      const shape = tensor in shapes ? shapes[tensor as LayerMatrix] : undefined;
      if (shape !== undefined) matrices[tensor as LayerMatrix] = this.matrix(name, ...shape);
      else if (architecture.vectors.includes(tensor))
        vectors.set(tensor, this.vector(name, lengths[tensor]!));
    }
    return { matrices, vectors };
  }

  vector(name: string, length: number): TensorInfo {
    const info = this.#take(name);
    const elements = info.shape.reduce((product, dim) => product * dim, 1);
    if (elements !== length || info.shape.length > 1) throw badShape(info, [length]);
    if (isTernary(info.dtype) || info.dtype === 'U8') throw unsupportedTensor(info, 'a norm or a bias');
    return info;
  }

  matrix(name: string, rows: number, columns: number): MatrixSource {
    const info = this.#take(name);
    const dims = { info, rows, columns };
    const isProjection = name.includes('.layers.') || name.startsWith('blk.');
    if (info.dtype === 'U8' && isProjection && this.#model.format === 'huggingFace') {
      if (info.shape.length !== 2 || info.shape[0] !== Math.ceil(rows / 4) || info.shape[1] !== columns) {
        throw badShape(info, [Math.ceil(rows / 4), columns]);
      }
      const { divide } = this.#quantization;
      if (divide === undefined) throw undescribed(info, 'whether its weight_scale multiplies or divides');
      const scale = this.#scalar(name.replace(/\.weight$/, '.weight_scale'));
      return { kind: 'packed', ...dims, scale, divide };
    }
    if (info.shape.length !== 2 || info.shape[0] !== rows || info.shape[1] !== columns) {
      throw badShape(info, [rows, columns]);
    }
    if (isTernary(info.dtype)) {
      if (!isProjection) throw unsupportedTensor(info, 'an embedding or an output head');
      const scaleName = name.replace(/\.weight$/, '.scale');
      const extraScale = this.#model.tensors.has(scaleName) ? this.#scalar(scaleName) : undefined;
      return { kind: 'ternary', ...dims, dtype: info.dtype, extraScale };
    }
    if (!DENSE_DTYPES.has(info.dtype)) throw unsupportedTensor(info, 'a weight matrix');
    if (!isProjection) return { kind: 'dense', ...dims };
    const { floats } = this.#quantization;
    if (floats === undefined) throw undescribed(info, 'whether it is to be made ternary');
    return { kind: floats, ...dims };
  }

  ignore(name: string): void {
    if (this.#left.delete(name))
      this.warnings.push(`${name} is not used: this family ties the head to the embedding`);
  }

  checkNothingLeft(): void {
    for (const name of this.#left) {
      // Frequencies that some exporters store beside the config they follow from.
      if (name.endsWith('rotary_emb.inv_freq')) continue;
      throw new BitnetError(
        'model/unexpected-tensor',
        `${name} has no place in the architecture ${this.#model.architecture.name}; leaving it out would give wrong ` +
          'numbers, so the model is not loaded',
        { details: { tensor: name } },
      );
    }
  }

  /** The one scale of a matrix; a scale per row would need other kernels. */
  #scalar(name: string): TensorInfo {
    const info = this.#take(name);
    if (info.shape.some((dim) => dim !== 1)) throw badShape(info, [1]);
    return info;
  }

  #take(name: string): TensorInfo {
    const info = this.#model.tensors.get(name);
    if (info === undefined) {
      throw new BitnetError(
        'model/missing-tensor',
        `${this.#model.name}: there is no tensor ${name}, which the architecture ${this.#model.architecture.name} needs`,
        { details: { tensor: name } },
      );
    }
    this.#left.delete(name);
    return info;
  }
}

const DENSE_DTYPES: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16', 'Q8_0', 'Q6_K', 'Q4_0']);

/** How projections are to be read; undefined where the file does not say, and then nothing is guessed. */
interface Quantization {
  /** What float projections are: latent weights of a ternary model, or the weights themselves. */
  readonly floats: 'masters' | 'dense' | undefined;
  /** Whether weight_scale divides. */
  readonly divide: boolean | undefined;
}

/** What a Hugging Face config says of its projections (docs/formats.md, "weight_scale"). */
function quantizationOf(model: OpenedModel): Quantization {
  if (model.format === 'gguf') return { floats: 'dense', divide: undefined };
  const { config } = model.checkpoint;
  const quantization = config.quantization_config as Record<string, unknown> | null | undefined;
  if (quantization === undefined || quantization === null) {
    if (!model.architecture.isAlwaysTernary) return { floats: 'dense', divide: undefined };
    // 1bitLLM's repositories hold latent weights and say so by the width alone; 16 is its word for a dense twin.
    const floats = config.weight_bits === 1 ? 'masters' : config.weight_bits === 16 ? 'dense' : undefined;
    return { floats, divide: undefined };
  }
  if (quantization.quant_method !== 'bitnet') {
    throw badQuantization(
      `quant_method ${describeJson(quantization.quant_method)} is not supported, only "bitnet"`,
    );
  }
  if (quantization.use_rms_norm === true) {
    throw badQuantization('use_rms_norm (a norm inside every projection) is not supported');
  }
  const linearClass = quantization.linear_class ?? 'bitlinear';
  if (linearClass !== 'bitlinear' && linearClass !== 'autobitlinear') {
    throw badQuantization(`linear_class ${describeJson(linearClass)} is not known`);
  }
  return {
    floats: quantization.quantization_mode === 'online' ? 'masters' : undefined,
    divide: linearClass === 'bitlinear',
  };
}

function undescribed(info: TensorInfo, what: string): BitnetError {
  return new BitnetError(
    'model/bad-config',
    `${info.name} is ${info.dtype}, and config.json does not say ${what} (quantization_config); the folder is incomplete ` +
      'or not of a supported kind',
    { details: { tensor: info.name } },
  );
}

function badQuantization(what: string): BitnetError {
  return new BitnetError('model/bad-config', `config.json, quantization_config: ${what}`);
}

function badShape(info: TensorInfo, expected: readonly number[]): BitnetError {
  return new BitnetError(
    'model/bad-shape',
    `${info.name} has the shape [${info.shape.join(', ')}], and the configuration asks for [${expected.join(', ')}]`,
    { details: { tensor: info.name, shape: info.shape, expected } },
  );
}

function unsupportedTensor(info: TensorInfo, role: string): BitnetError {
  return new BitnetError(
    'model/unsupported-tensor',
    `${info.name} is of type ${info.dtype}, which cannot be ${role}`,
    { details: { tensor: info.name, dtype: info.dtype } },
  );
}
