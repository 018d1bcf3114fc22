/**
 * From the JSON of a recipe to a TrainConfig: defaults filled in, everything checked, one sentence for what is wrong.
 * `{"data": {"train": ["stories.txt"]}}` is a whole recipe. What depends on the data (the size of a vocabulary that is
 * read from a file) is checked where it becomes known, in describe-model.ts.
 */
import { roundUp } from '../base/assert.ts';
import { describeJson } from '../formats/json.ts';
import { LONGEST_ROW } from '../kernels/backend.ts';
import { ARCHITECTURES } from '../model/architecture.ts';
import {
  type BatchConfig,
  type CheckpointConfig,
  type DataConfig,
  type EvaluationConfig,
  isModelName,
  type ModelShape,
  type OptimizerConfig,
  type Precision,
  type TokenizerConfig,
  type TrainConfig,
} from './config.ts';
import { type Bounds, badConfig, ConfigFields } from './config-fields.ts';

/** Families that training knows the layers of. */
export const TRAINED_ARCHITECTURES = ['bitnet-b1.58', 'bitnet', 'llama'] as const;

/** Weights of a group in I2_S, the format of ternary models, which groups the columns of every projection. */
const TERNARY_GROUP = 128;
/** Lengths are whole cache lines of f32, so that rows follow each other without pads. */
const LENGTH_STEP = 16;
/** Tokens that a pass takes by default, at most. */
const PASS_TOKENS = 8192;
/** Warm-up of the published recipes. */
const LONGEST_WARM_UP = 375;

const whole = (least: number, most: number): Bounds => ({ least, most, isWhole: true });
const length = (most: number): Bounds => ({
  least: LENGTH_STEP,
  most,
  isWhole: true,
  multipleOf: LENGTH_STEP,
});

/**
 * The recipe with its defaults.
 *
 * @param json  what the file holds
 * @param name  what to call it in messages
 * @throws BitnetError `train/bad-config`
 */
export function checkConfig(json: unknown, name: string): TrainConfig {
  const fields = new ConfigFields(name, json);
  const precision = fields.choice<Precision>('precision', 'ternary', ['ternary', 'f32']);
  const steps = fields.number('steps', 1000, whole(1, 1e9));
  const model = readModel(fields.section('model'), precision);
  const config: TrainConfig = {
    name: fields.text('name', 'model'),
    data: readData(fields.section('data')),
    tokenizer: readTokenizer(fields.section('tokenizer')),
    model,
    precision,
    optimizer: readOptimizer(fields.section('optimizer'), steps),
    batch: readBatch(fields.section('batch'), model.contextLength),
    steps,
    seed: fields.number('seed', 1, whole(0, 2 ** 32 - 1)),
    evaluation: readEvaluation(fields.section('evaluation'), steps),
    checkpoint: readCheckpoint(fields.section('checkpoint'), steps),
  };
  fields.finish();
  if (!isModelName(config.name)) {
    throw badConfig(
      name,
      `name is ${describeJson(config.name)}, which cannot begin the name of a file; use letters, digits, "-", "_" and ` +
        '"." of at most 100 bytes',
    );
  }
  if (precision === 'ternary') checkTernaryLengths(name, model);
  return config;
}

function readData(fields: ConfigFields): DataConfig {
  const train = fields.texts('train', []);
  if (train.length === 0) {
    throw fields.error(
      'it names no text to train on; give files or folders: {"data": {"train": ["stories.txt"]}}',
    );
  }
  const data = {
    train,
    validation: fields.texts('validation', []),
    validationEvery: fields.number('validationEvery', 100, whole(2, 1e9)),
  };
  fields.finish();
  return data;
}

function readTokenizer(fields: ConfigFields): TokenizerConfig {
  const chatTemplate = fields.has('chatTemplate') ? { chatTemplate: fields.text('chatTemplate') } : {};
  if (fields.has('file')) {
    for (const key of ['vocabularySize', 'specialTokens']) {
      if (fields.has(key)) {
        throw fields.error(
          `tokenizer.${key} says what tokenizer to train, and tokenizer.file to take one that exists; leave one out`,
        );
      }
    }
    const tokenizer = { file: fields.text('file'), ...chatTemplate };
    fields.finish();
    return tokenizer;
  }
  const specialTokens = fields.texts('specialTokens', ['<|begin|>', '<|end|>']);
  if (specialTokens.length < 2) {
    throw fields.error('tokenizer.specialTokens needs at least two: what begins a text, and what ends one');
  }
  // Every byte is a token of its own, so that any text can be told.
  const least = 256 + specialTokens.length;
  const vocabularySize = fields.number('vocabularySize', Math.max(4096, least), whole(least, 1 << 20));
  fields.finish();
  return { vocabularySize, specialTokens, ...chatTemplate };
}

function readModel(fields: ConfigFields, precision: Precision): ModelShape {
  // What ternary weights need beyond that is said by checkTernaryLengths, with the length to take.
  const weights = (most: number) => (precision === 'ternary' ? whole(LENGTH_STEP, most) : length(most));
  const architecture = fields.choice('architecture', 'bitnet-b1.58', TRAINED_ARCHITECTURES);
  const embeddingLength = fields.number('embeddingLength', 256, weights(1 << 15));
  const headLength = fields.number('headLength', embeddingLength % 64 === 0 ? 64 : LENGTH_STEP, length(1024));
  const headCount = fields.number(
    'headCount',
    Math.max(1, Math.floor(embeddingLength / headLength)),
    whole(1, 1024),
  );
  const model = {
    architecture,
    contextLength: fields.number('contextLength', 256, length(1 << 20)),
    embeddingLength,
    blockCount: fields.number('blockCount', 4, whole(1, 1024)),
    // Three matrices instead of two: about two thirds of four times the width.
    feedForwardLength: fields.number(
      'feedForwardLength',
      Math.min(roundUp((8 * embeddingLength) / 3, TERNARY_GROUP), LONGEST_ROW),
      weights(LONGEST_ROW),
    ),
    headCount,
    headCountKv: fields.number('headCountKv', headCount, whole(1, 1024)),
    headLength,
    ropeFreqBase: fields.number('ropeFreqBase', 10000, { least: 1, most: 1e9 }),
    layerNormRmsEpsilon: fields.number('layerNormRmsEpsilon', 1e-5, { least: 0, most: 0.1, isAbove: true }),
    tiedHead: fields.boolean('tiedHead', true),
  };
  fields.finish();
  if (model.headCount % model.headCountKv !== 0) {
    throw fields.error(
      `model.headCount is ${model.headCount}, and must be a multiple of model.headCountKv, ${model.headCountKv}`,
    );
  }
  if (model.headCount * headLength > LONGEST_ROW) {
    throw fields.error(
      `model.headCount times model.headLength is ${model.headCount * headLength}, and must be at most ${LONGEST_ROW}`,
    );
  }
  if (!model.tiedHead && ARCHITECTURES.get(architecture)?.tiedHead === 'always') {
    throw fields.error(
      `model.tiedHead is false, but in models of the architecture ${architecture} the output head is the embedding; set it to true or choose bitnet-b1.58`,
    );
  }
  return model;
}

/** I2_S has no form for rows that are no whole groups. */
function checkTernaryLengths(name: string, model: ModelShape): void {
  const { embeddingLength, feedForwardLength, headCount, headLength } = model;
  const lengths = [
    ['model.embeddingLength', embeddingLength],
    ['model.feedForwardLength', feedForwardLength],
    ['model.headCount times model.headLength', headCount * headLength],
  ] as const;
  const wrong = lengths.find(([, value]) => value % TERNARY_GROUP !== 0);
  if (wrong === undefined) return;
  const [what, value] = wrong;
  throw badConfig(
    name,
    `${what} is ${value}, but rows of ternary weights are stored in groups of ${TERNARY_GROUP}; ` +
      `make it ${roundUp(value, TERNARY_GROUP)}, or train in f32 ("precision": "f32")`,
  );
}

function readOptimizer(fields: ConfigFields, steps: number): OptimizerConfig {
  const rate = { least: 0, most: 1 };
  const learningRate = fields.number('learningRate', 2e-3, { ...rate, isAbove: true });
  const stageOneShare = fields.number('stageOneShare', 0.5, { least: 0, most: 1, isAbove: true });
  const stageOne = Math.round(stageOneShare * steps);
  const optimizer = {
    learningRate,
    // As published: the first line has fallen to half of the peak by then, and is cut to two thirds of that.
    secondLearningRate: fields.number('secondLearningRate', learningRate / 3, rate),
    finalLearningRate: fields.number('finalLearningRate', 0, rate),
    warmUpSteps: fields.number(
      'warmUpSteps',
      Math.min(LONGEST_WARM_UP, Math.floor(steps / 20), stageOne),
      whole(0, 1e9),
    ),
    stageOneShare,
    weightDecay: fields.number('weightDecay', 0.1, rate),
    beta1: fields.number('beta1', 0.9, { least: 0, most: 0.9999 }),
    beta2: fields.number('beta2', 0.95, { least: 0, most: 0.999999 }),
    epsilon: fields.number('epsilon', 1e-8, { least: 1e-20, most: 1 }),
    clipNorm: fields.number('clipNorm', 1, { least: 0, most: 1e6, isAbove: true }),
  };
  fields.finish();
  const { secondLearningRate, finalLearningRate, warmUpSteps } = optimizer;
  if (secondLearningRate > learningRate || finalLearningRate > secondLearningRate) {
    throw fields.error(
      `the learning rate must not rise from stage to stage, and goes from ${learningRate} (learningRate) to ` +
        `${secondLearningRate} (secondLearningRate) and ${finalLearningRate} (finalLearningRate)`,
    );
  }
  if (warmUpSteps > stageOne) {
    throw fields.error(
      `optimizer.warmUpSteps is ${warmUpSteps}, but the first stage has only ${stageOne} of the ${steps} steps`,
    );
  }
  return optimizer;
}

function readBatch(fields: ConfigFields, contextLength: number): BatchConfig {
  const sequences = fields.number('sequences', 16, whole(1, 1 << 16));
  const most = Math.max(1, Math.floor(PASS_TOKENS / contextLength));
  const microSequences = fields.number(
    'microSequences',
    largestDivisor(sequences, most),
    whole(1, sequences),
  );
  fields.finish();
  if (sequences % microSequences !== 0) {
    throw fields.error(
      `batch.microSequences is ${microSequences}, and must divide batch.sequences, ${sequences}`,
    );
  }
  return { sequences, microSequences };
}

function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most);
  while (of % divisor !== 0) divisor--;
  return divisor;
}

function readEvaluation(fields: ConfigFields, steps: number): EvaluationConfig {
  const evaluation = {
    everySteps: fields.number('everySteps', Math.max(1, Math.floor(steps / 20)), whole(1, 1e9)),
    sequences: fields.number('sequences', 64, whole(1, 1e6)),
  };
  fields.finish();
  return evaluation;
}

function readCheckpoint(fields: ConfigFields, steps: number): CheckpointConfig {
  const checkpoint = {
    everySteps: fields.number('everySteps', Math.max(1, Math.floor(steps / 10)), whole(1, 1e9)),
    keep: fields.number('keep', 2, whole(1, 1000)),
  };
  fields.finish();
  return checkpoint;
}
