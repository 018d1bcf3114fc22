/** From the shape that a recipe asks for to the model description that inference and training share. */
import { assert } from '../base/assert.ts';
import { RopeStyle } from '../kernels/kernels.ts';
import { ARCHITECTURES } from '../model/architecture.ts';
import type { Described } from '../model/config.ts';
import type { TrainConfig } from './config.ts';
import { badConfig } from './config-fields.ts';

/** Most weights of a matrix, so that its size is a number that wasm32 can tell. */
const MATRIX_WEIGHTS = 2 ** 32;
/** Tokens that a vocabulary can have. */
const LONGEST_VOCABULARY = 1 << 21;

/**
 * The model of a recipe that {@link checkConfig} has passed.
 *
 * @param vocabularySize  of its tokenizer, special tokens included
 * @throws BitnetError `train/bad-config` when the vocabulary is too large for the model
 */
export function describeModel(config: TrainConfig, vocabularySize: number): Described {
  const { tiedHead: _, ...shape } = config.model;
  const architecture = ARCHITECTURES.get(shape.architecture);
  assert(architecture !== undefined, `the architecture ${shape.architecture} was checked`);
  if (vocabularySize > LONGEST_VOCABULARY || vocabularySize * shape.embeddingLength > MATRIX_WEIGHTS) {
    throw badConfig(
      config.name,
      `the tokenizer has ${vocabularySize} tokens, too many for a model of width ${shape.embeddingLength}`,
    );
  }
  return {
    architecture,
    config: {
      ...shape,
      name: config.name,
      vocabularySize,
      // Model files hold the next two as f32; the trained model is to compute with the same numbers.
      ropeFreqBase: Math.fround(shape.ropeFreqBase),
      layerNormRmsEpsilon: Math.fround(shape.layerNormRmsEpsilon),
      activation: architecture.activation,
      // Weights are laid out as in Hugging Face files; only the export to GGUF permutes rows for interleaved rotation.
      ropeStyle: RopeStyle.Half,
    },
  };
}
