/** The tool `model_information`: which model answers, what it is made of, how it runs here, and how busy it is. */
import { z } from 'zod';
import { shownName } from '../../formats/sources/http.ts';
import { sourceFacts } from '../../server/models/model-entry.ts';
import { defineTool, type Tool, type ToolCall } from '../tool.ts';

const count = (description: string): z.ZodNumber => z.int().min(0).meta({ description });

const output = z.object({
  model: z.string().meta({ description: 'What it was called on the command line.' }),
  name: z.string().optional().meta({ description: 'What its file calls it.' }),
  file: z.string().optional().meta({ description: 'Path or address of its file.' }),
  file_bytes: count('Size of the file.').optional(),
  architecture: z.string(),
  weights: z
    .object({
      ternary: count('Weights that are -1, 0 or +1 times a scale.'),
      other: count('Weights of the embedding, and of the output head unless it is the embedding.'),
    })
    .meta({ description: 'How many weights its matrices have.' }),
  dimensions: z.object({
    layers: count('Blocks of attention and feed-forward.'),
    embedding: count('Length of a hidden state.'),
    feed_forward: count('Length of the feed-forward layer.'),
    heads: count('Heads of queries.'),
    key_value_heads: count('Heads of keys and values.'),
    head: count('Length of a head.'),
    vocabulary: count('Tokens that there are.'),
  }),
  context: count('Tokens that a prompt and its continuation may have together.'),
  trained_context: count('Tokens that the model was trained for.'),
  chat_template: z.boolean().meta({ description: 'Whether it can chat; if not, it only continues texts.' }),
  backend: z.string().meta({ description: 'The kernels that compute.' }),
  threads: count('Threads that compute.'),
  memory_bytes: count('Memory in use for weights and contexts.'),
  load_seconds: z.number().min(0),
  activity: z.object({
    running: count('Texts being computed now.'),
    waiting: count('Texts that wait for a place.'),
    generated_tokens: count('Since the start.'),
    computed_prompt_tokens: count('Since the start, without those that the prefix cache had.'),
    cancelled: count('Calls that were taken back.'),
  }),
  notes: z.array(z.string()).meta({ description: 'What is unusual about the file or the machine.' }),
});

/** The tool. */
export const modelInformation: Tool = defineTool({
  name: 'model_information',
  title: 'Show the model',
  description:
    'Which model answers here: name, file, architecture, numbers of weights, context, whether it can chat; how it runs: ' +
    'backend, threads, memory; and how busy it is.',
  input: z.strictObject({}),
  output,
  run: (_, call) => ({ structured: informationOf(call) }),
});

function informationOf({ model, scheduler, label, source }: ToolCall): z.output<typeof output> {
  const { config, engine } = model;
  const fileBytes = source === undefined ? undefined : sourceFacts(source).fileBytes;
  const { running, waiting, generatedTokens, promptTokens, cachedTokens, cancelled } = scheduler.statistics;
  return {
    model: label,
    ...(config.name !== undefined && { name: config.name }),
    ...(source !== undefined && { file: shownSource(source) }),
    ...(fileBytes !== undefined && { file_bytes: fileBytes }),
    architecture: config.architecture,
    weights: weightsOf(model),
    dimensions: {
      layers: config.blockCount,
      embedding: config.embeddingLength,
      feed_forward: config.feedForwardLength,
      heads: config.headCount,
      key_value_heads: config.headCountKv,
      head: config.headLength,
      vocabulary: config.vocabularySize,
    },
    context: model.contextLength,
    trained_context: config.contextLength,
    chat_template: model.chatTemplate !== undefined,
    backend: model.backend,
    threads: model.threads,
    memory_bytes: engine.usedBytes,
    load_seconds: model.loadSeconds,
    activity: {
      running,
      waiting,
      generated_tokens: generatedTokens,
      computed_prompt_tokens: promptTokens - cachedTokens,
      cancelled,
    },
    notes: [...model.notes],
  };
}

/** Secrets of addresses are not for the model behind the client, which may be anywhere. */
function shownSource(source: string): string {
  return /^https?:/i.test(source) ? shownName(new URL(source)) : source;
}

function weightsOf({ engine }: ToolCall['model']): { ternary: number; other: number } {
  const { layers, embedding, head } = engine.loaded.plan;
  const isOwnHead = head.address !== embedding.address;
  const matrices = [
    ...layers.flatMap((layer) => Object.values(layer).filter((part) => typeof part === 'object')),
    embedding,
    ...(isOwnHead ? [head] : []),
  ];
  const counts = { ternary: 0, other: 0 };
  for (const { kind, rows, columns } of matrices) {
    counts[kind === 'ternary' ? 'ternary' : 'other'] += rows * columns;
  }
  return counts;
}
