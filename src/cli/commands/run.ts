/** `bitnet run`: a prompt, continued. Standard output holds the text and nothing else, or one JSON object. */

import { findByName, findByRepository, readCatalogue } from '../../hub/catalogue/catalogue.ts';
import type { Generation, Model, Piece } from '../../index.ts';
import type { Command, CommandInput } from '../command.ts';
import { ExitStatus, UsageError } from '../errors.ts';
import {
  type GenerationSettings,
  generationSettingsOf,
  samplingOptions,
} from '../generation/sampling-options.ts';
import { computeLabel, contextNote, statisticsLine, timingsOf } from '../generation/statistics.ts';
import { streamText } from '../generation/stream-text.ts';
import { loadOptionsOf, loadWithProgress, MODEL_OPTIONS, splitModel } from '../model-argument.ts';
import { modelLabel } from '../models/bundled-model.ts';
import { switchOption, textOption, wholeOption } from '../option-values.ts';
import { printable, readStandardInput, stylesOf, writeNote, writeOutput } from '../terminal.ts';

const DEFAULT_MAX_TOKENS = 256;

/** The command. */
export const command: Command = {
  name: 'run',
  summary: 'Continue a prompt.',
  positionals: '[MODEL] PROMPT',
  details:
    'Writes the text that follows the PROMPT to stdout while it is generated; statistics go to stderr, on a terminal or ' +
    'with --stats. With - as PROMPT it is read from stdin (without the newline at its end).',
  options: [
    { name: 'chat', help: "Give the prompt as a message, laid out by the model's chat template." },
    { name: 'system', value: 'TEXT', help: 'System message; implies --chat.' },
    { name: 'echo', help: 'Write the prompt before the text.' },
    { name: 'json', help: 'Write one JSON object: text, tokens, finishReason, timings, backend and more.' },
    { name: 'logprobs', value: 'N', help: 'With --json: log-probabilities, with the N likeliest tokens.' },
    { name: 'stats', help: 'Write statistics to stderr even when it is no terminal.' },
    ...samplingOptions(String(DEFAULT_MAX_TOKENS)),
    ...MODEL_OPTIONS,
  ],
  examples: [
    ['bitnet run "Once upon a time"', 'continues a sentence with the bundled model'],
    [
      'bitnet run model.gguf "The capital of France is" -n 16 -t 0',
      'at most 16 tokens, always the likeliest',
    ],
    ['bitnet run model.gguf --chat "What is a llama?"', 'asks a model that has learnt to converse'],
    ['cat story.txt | bitnet run model.gguf - --seed 7', 'reads the prompt from stdin, draws reproducibly'],
    ['bitnet run "Hello" --json --logprobs 3 | jq .logprobs', 'for programs'],
  ],
  run,
};

async function run(input: CommandInput): Promise<number> {
  const { model: source, words } = await splitPositionals(input);
  const settings = { ...generationSettingsOf(input, DEFAULT_MAX_TOKENS), ...logprobsOf(input) };
  const loadOptions = loadOptionsOf(input);
  const [word = ''] = words;
  const prompt = word === '-' ? await readStandardInput(input.signal) : word;
  const hasNotes = switchOption(input, 'json') || switchOption(input, 'stats');
  const model = await loadWithProgress(source, loadOptions, hasNotes);
  try {
    const generation = startGeneration(model, input, prompt, settings);
    if (switchOption(input, 'json'))
      await writeJson(input, model, modelLabel(source), prompt, settings, generation);
    else await writeText(input, model, prompt, settings, generation);
  } finally {
    await model.dispose();
  }
  return ExitStatus.ok;
}

async function splitPositionals(input: CommandInput): Promise<ReturnType<typeof splitModel>> {
  const split = splitModel(input, 'run', ['PROMPT']);
  const [word = ''] = split.words;
  if (split.model === undefined && (/\.gguf$/i.test(word) || (await isModelName(word)))) {
    throw new UsageError(`PROMPT is missing: bitnet run ${word} PROMPT, with - to read it from stdin`);
  }
  return split;
}

/** Whether a prompt of one word is the name of a model, which its prompt was left out behind. */
async function isModelName(word: string): Promise<boolean> {
  if (!/^[\w./:-]*[-\d/][\w./:-]*$/.test(word)) return false;
  const catalogue = await readCatalogue();
  return (findByName(catalogue, word) ?? findByRepository(catalogue, word)) !== undefined;
}

function logprobsOf(input: CommandInput): { logprobs?: number } {
  const isJson = switchOption(input, 'json');
  const logprobs = wholeOption(input, 'logprobs', 0, 20);
  if (logprobs !== undefined && !isJson) throw new UsageError('--logprobs needs --json');
  if (isJson && switchOption(input, 'echo')) {
    throw new UsageError('--echo does not go with --json, whose object holds the prompt anyway');
  }
  return logprobs === undefined ? {} : { logprobs };
}

function startGeneration(
  model: Model,
  input: CommandInput,
  prompt: string,
  settings: GenerationSettings,
): Generation {
  const system = textOption(input, 'system');
  if (system === undefined && !switchOption(input, 'chat')) return model.generate(prompt, settings);
  return model.chat(system === undefined ? {} : { system }).send(prompt, settings);
}

async function writeText(
  input: CommandInput,
  model: Model,
  prompt: string,
  settings: GenerationSettings,
  generation: Generation,
): Promise<void> {
  if (switchOption(input, 'echo')) await writeOutput(prompt);
  try {
    await streamText(generation);
  } catch (error) {
    // The shell's next prompt, or the error, starts on a line of its own.
    if (process.stdout.isTTY) await writeOutput('\n');
    throw error;
  }
  await writeOutput('\n');
  const { result } = generation;
  if (result === undefined) return;
  const styles = stylesOf(process.stderr);
  if (result.finishReason === 'context') await writeNote(styles.yellow(`bitnet: ${contextNote(model)}`));
  const isAsked = switchOption(input, 'stats');
  if (!process.stderr.isTTY && !isAsked) return;
  const statistics = `${computeLabel(model)}; ${statisticsLine(model, result)}; seed ${settings.seed}`;
  await writeNote(styles.dim(statistics));
  if (isAsked) for (const note of model.notes) await writeNote(styles.dim(`note: ${printable(note)}`));
}

async function writeJson(
  input: CommandInput,
  model: Model,
  label: string,
  prompt: string,
  settings: GenerationSettings,
  generation: Generation,
): Promise<void> {
  const pieces: Piece[] = await streamText(generation, async () => {});
  const result = generation.result!;
  const report = {
    model: label,
    prompt,
    text: result.text,
    tokens: pieces.flatMap(({ tokens }) => tokens),
    finishReason: result.finishReason,
    stopString: result.stopString,
    promptTokens: result.promptTokens,
    generatedTokens: result.generatedTokens,
    decodeSteps: result.decodeSteps,
    draftedTokens: result.draftedTokens,
    acceptedTokens: result.acceptedTokens,
    seed: settings.seed,
    timings: timingsOf(model, result),
    backend: model.backend,
    threads: model.threads,
    contextLength: model.contextLength,
    notes: model.notes,
    ...(settings.logprobs === undefined
      ? {}
      : { logprobs: pieces.flatMap(({ logprobs }) => logprobs ?? []) }),
  };
  await writeOutput(`${JSON.stringify(report, undefined, process.stdout.isTTY ? 2 : undefined)}\n`);
  if (switchOption(input, 'stats')) await writeNote(statisticsLine(model, result));
}
