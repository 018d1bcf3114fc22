/** `bitnet make-random`: a GGUF file of the shape of a published model with random weights, for benchmarks. */
import type { Command, CommandInput } from '../../command.ts';
import { ExitStatus, UsageError } from '../../errors.ts';
import { choiceOption, switchOption, wholeOption } from '../../option-values.ts';
import { writeOutputFile } from '../../output-file.ts';
import { ProgressBar } from '../../progress.ts';
import { formatBytes, formatSeconds } from '../../quantities.ts';
import { BITNET_NAMES, RANDOM_SHAPES, randomShape } from '../../random-model/shapes.ts';
import type { EmbeddingType, ProjectionType } from '../../random-model/tensors.ts';
import { type RandomModelChoice, writeRandomModel } from '../../random-model/write-model.ts';
import { writeOutput } from '../../terminal.ts';

const PROJECTIONS = { i2_s: 'I2_S', tq1_0: 'TQ1_0', tq2_0: 'TQ2_0', f16: 'F16' } as const satisfies Record<
  string,
  ProjectionType
>;
const EMBEDDINGS = { f16: 'F16', q8_0: 'Q8_0', q6_k: 'Q6_K' } as const satisfies Record<
  string,
  EmbeddingType
>;
const SHAPES = [...RANDOM_SHAPES.keys()];

/** The command. */
export const command: Command = {
  name: 'make-random',
  summary: 'Make a model file with random weights, for benchmarks.',
  positionals: 'OUT.gguf',
  details:
    'The file has the exact shape of a published model, so it takes as much time and memory, but random ternary weights ' +
    '(40 % zeros) and a made-up vocabulary of the right size: it computes as fast as the model does and writes nonsense. ' +
    'The same options give the same bytes everywhere. Shapes: ' +
    `${[...RANDOM_SHAPES.values()].map(({ name, title }) => `${name} (${title})`).join(', ')}.`,
  options: [
    { name: 'shape', value: 'NAME', help: `Which shape: ${SHAPES.join(', ')}.` },
    {
      name: 'type',
      value: 'TYPE',
      help: `How the projections are stored: ${Object.keys(PROJECTIONS).join(', ')}.`,
      default: 'i2_s',
    },
    {
      name: 'embedding',
      value: 'TYPE',
      help: `How embedding and head are stored: ${Object.keys(EMBEDDINGS).join(', ')}.`,
      default: 'f16',
    },
    { name: 'layers', value: 'N', help: 'Another number of layers.', default: "the shape's own" },
    {
      name: 'architecture',
      value: 'NAME',
      help: `Another name for a shape of the BitNet family (${BITNET_NAMES.join(', ')}); llama.cpp loads only bitnet.`,
      default: "the shape's own",
    },
    { name: 'seed', value: 'N', help: 'Other weights.', default: '1' },
    { name: 'force', help: 'Replace OUT.gguf when it exists.' },
  ],
  examples: [
    ['bitnet make-random --shape 2b4t 2b4t.gguf', 'the size of BitNet b1.58 2B4T, 1.19 GB'],
    ['bitnet make-random --shape mini --embedding q6_k mini.gguf', 'four layers of it, 139 MB'],
    ['bitnet make-random --shape llama3-8b --layers 4 --type tq2_0 part.gguf', 'a part of a larger model'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const path = outputPath(input);
  const choice = choiceOf(input);
  const start = performance.now();
  const bar = new ProgressBar('writing');
  try {
    const bytes = await writeOutputFile(path, switchOption(input, 'force'), (sink) =>
      writeRandomModel(
        choice,
        (piece) => {
          input.signal.throwIfAborted();
          return sink(piece);
        },
        (share) => bar.update(share),
      ),
    );
    bar.finish();
    const seconds = (performance.now() - start) / 1000;
    await writeOutput(
      `${path}: ${choice.shape.title}, ${formatBytes(bytes)}, in ${formatSeconds(seconds)}\n`,
    );
  } finally {
    bar.finish();
  }
  return ExitStatus.ok;
}

function outputPath({ positionals }: CommandInput): string {
  const [path, surplus] = positionals;
  if (path === undefined || path === '') {
    throw new UsageError('OUT.gguf is missing: bitnet make-random --shape NAME OUT.gguf');
  }
  if (surplus !== undefined)
    throw new UsageError(`"${surplus}" is one word too many: one file is made at a time`);
  return path;
}

function choiceOf(input: CommandInput): RandomModelChoice {
  const name = choiceOption(input, 'shape', SHAPES);
  if (name === undefined) throw new UsageError(`--shape is missing; choose one of ${SHAPES.join(', ')}`);
  const projection = choiceOption(input, 'type', Object.keys(PROJECTIONS) as (keyof typeof PROJECTIONS)[]);
  const embedding = choiceOption(input, 'embedding', Object.keys(EMBEDDINGS) as (keyof typeof EMBEDDINGS)[]);
  return {
    shape: randomShape(name, {
      layers: wholeOption(input, 'layers', 1, 1024),
      architecture: choiceOption(input, 'architecture', BITNET_NAMES),
    }),
    projection: PROJECTIONS[projection ?? 'i2_s'],
    embedding: EMBEDDINGS[embedding ?? 'f16'],
    seed: wholeOption(input, 'seed', 0) ?? 1,
  };
}
