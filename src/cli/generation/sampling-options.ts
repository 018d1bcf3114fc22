/** The options on how text is generated, the same for every command that generates. */
import { BitnetError } from '../../base/errors.ts';
import { Sampler, type SamplingOptions } from '../../engine/generation/sampler.ts';
import type { GenerateOptions } from '../../index.ts';
import type { CommandInput, CommandOption } from '../command.ts';
import { UsageError } from '../errors.ts';
import { choiceOption, numberOption, parseNumber, textsOption, wholeOption } from '../option-values.ts';

/**
 * Options of every command that generates.
 *
 * @param defaultMaxTokens as the help shows it
 */
export function samplingOptions(defaultMaxTokens: string): readonly CommandOption[] {
  return [
    {
      name: 'max-tokens',
      short: 'n',
      value: 'N',
      help: 'Most tokens to generate.',
      default: defaultMaxTokens,
    },
    ...DRAWING_OPTIONS,
  ];
}

const DRAWING_OPTIONS: readonly CommandOption[] = [
  {
    name: 'temperature',
    short: 't',
    value: 'T',
    help: 'How freely tokens are drawn; 0 always takes the most likely one.',
    default: '0.8',
  },
  { name: 'top-k', value: 'K', help: 'Draw among the K most likely tokens; 0 for all.', default: '40' },
  {
    name: 'top-p',
    value: 'P',
    help: 'Draw among the fewest tokens whose probabilities reach P.',
    default: '0.95',
  },
  {
    name: 'min-p',
    value: 'P',
    help: 'Draw among tokens at least P times as likely as the most likely one.',
    default: '0.05',
  },
  {
    name: 'repetition-penalty',
    value: 'X',
    help: 'Divides the logits of recent tokens; 1 for none.',
    default: '1',
  },
  {
    name: 'presence-penalty',
    value: 'X',
    help: 'Taken from the logits of recent tokens.',
    default: '0',
  },
  {
    name: 'frequency-penalty',
    value: 'X',
    help: 'Taken from the logits of recent tokens, once for each time they occur.',
    default: '0',
  },
  {
    name: 'penalty-window',
    value: 'N',
    help: 'How many tokens are recent, those of the prompt included.',
    default: '64',
  },
  {
    name: 'logit-bias',
    value: 'ID=BIAS',
    multiple: true,
    help: "Added to a token's logit; ID=-inf forbids the token.",
  },
  {
    name: 'seed',
    value: 'N',
    help: 'Makes the text reproducible.',
    default: 'a random one',
  },
  {
    name: 'stop',
    value: 'TEXT',
    multiple: true,
    help: 'Text that ends the output and is not part of it; \\n, \\t and \\\\ stand for newline, tab and backslash.',
  },
  {
    name: 'overflow',
    value: 'POLICY',
    help: 'When the context is full: error, stop, or slide (forget the older half and go on).',
    default: 'stop',
  },
  {
    name: 'lookup',
    value: 'MODE',
    help: 'auto drafts tokens from earlier text where that is faster, off never; the output is the same.',
    default: 'auto',
  },
];

/** Generation options with all that a report on the output needs. */
export type GenerationSettings = GenerateOptions & { readonly seed: number };

/**
 * How to generate. Values are checked here, before a model is loaded.
 *
 * @param defaultMaxTokens undefined for no limit
 * @throws UsageError for values that mean nothing or are out of range
 */
export function generationSettingsOf(
  input: CommandInput,
  defaultMaxTokens: number | undefined,
): GenerationSettings {
  const maxTokens = wholeOption(input, 'max-tokens', 0) ?? defaultMaxTokens;
  const stop = textsOption(input, 'stop').map(unescapeStop);
  const sampling: SamplingOptions & { seed: number } = {
    ...numbers(input),
    ...biases(input),
    seed: wholeOption(input, 'seed', 0) ?? Math.floor(Math.random() * 2 ** 32),
  };
  checkSampling(sampling);
  const lookup = choiceOption(input, 'lookup', ['auto', 'off']);
  return {
    ...sampling,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(stop.length === 0 ? {} : { stop }),
    overflow: choiceOption(input, 'overflow', ['error', 'stop', 'slide']) ?? 'stop',
    ...(lookup === undefined ? {} : { lookup }),
    signal: input.signal,
  };
}

function numbers(input: CommandInput): SamplingOptions {
  const values: Partial<Record<keyof SamplingOptions, number>> = {};
  const names = {
    temperature: 'temperature',
    topK: 'top-k',
    topP: 'top-p',
    minP: 'min-p',
    repetitionPenalty: 'repetition-penalty',
    presencePenalty: 'presence-penalty',
    frequencyPenalty: 'frequency-penalty',
    penaltyWindow: 'penalty-window',
  } as const satisfies Partial<Record<keyof SamplingOptions, string>>;
  for (const [key, name] of Object.entries(names)) {
    const value = numberOption(input, name);
    if (value !== undefined) values[key as keyof typeof names] = value;
  }
  return values as SamplingOptions;
}

function biases(input: CommandInput): SamplingOptions {
  const entries = textsOption(input, 'logit-bias').map((text): [number, number] => {
    const parts = /^(\d+)=(.+)$/.exec(text);
    if (parts === null) {
      throw new UsageError(`--logit-bias is "${text}", and must be a token's id, "=" and a number: 13=-2.5`);
    }
    const [, id = '', bias = ''] = parts;
    return [
      Number(id),
      bias.toLowerCase() === '-inf' ? Number.NEGATIVE_INFINITY : parseNumber(bias, `--logit-bias ${id}`),
    ];
  });
  return entries.length === 0 ? {} : { logitBias: Object.fromEntries(entries) };
}

/** Lets the sampler judge the ranges; its sentences then name the options as the command line spells them. */
function checkSampling(sampling: SamplingOptions): void {
  try {
    new Sampler(sampling, Number.MAX_SAFE_INTEGER);
  } catch (error) {
    if (!(error instanceof BitnetError && error.code.startsWith('option/'))) throw error;
    const key = error.code.slice('option/'.length);
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(error.message.replace(key, `--${name}`));
  }
}

function unescapeStop(text: string): string {
  if (text === '') throw new UsageError('--stop is empty; give the text that ends the output');
  return text.replace(/\\([nt\\])/g, (_, letter: string) =>
    letter === 'n' ? '\n' : letter === 't' ? '\t' : '\\',
  );
}
