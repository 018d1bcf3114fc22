/** How replies are made: the system prompt and the sampling parameters, remembered by the browser. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { recall, remember } from '../../shared/remember.ts';
import type { Sampling } from '../transport/transport.ts';

/** Everything that can be set. */
export interface Settings extends Sampling {
  readonly systemPrompt: string;
  readonly details: DetailsChoice;
}

/** Whether replies come with details of their tokens; `auto`: where they cost no speed. */
export type DetailsChoice = 'auto' | 'always' | 'never';

/** All of them, with what is shown. */
export const DETAILS_CHOICES: Readonly<Record<DetailsChoice, string>> = {
  auto: 'Where they cost no speed',
  always: 'Always',
  never: 'Never',
};

/** What holds until something else is chosen: the values that the server's API has, a little cooler. */
export const DEFAULT_SETTINGS: Settings = {
  systemPrompt: '',
  details: 'auto',
  temperature: 0.7,
  topP: 1,
  topK: 40,
  minP: 0.05,
  repetitionPenalty: 1,
  seed: undefined,
  maxTokens: undefined,
};

/** The settings that are numbers. */
export type NumberSetting = keyof Sampling;

/** A number that can be set. */
export interface Parameter {
  readonly name: NumberSetting;
  readonly title: string;
  /** What it does, in a line. */
  readonly explanation: string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  /** May be left empty, which means this. */
  readonly empty: string | undefined;
}

/** All of them, in the order of the panel. */
export const PARAMETERS: readonly Parameter[] = [
  {
    name: 'temperature',
    title: 'Temperature',
    explanation: 'How freely words are chosen. 0 always takes the most likely.',
    least: 0,
    most: 2,
    step: 0.05,
    empty: undefined,
  },
  {
    name: 'topP',
    title: 'Top P',
    explanation: 'Only the likeliest tokens that together reach this share. 1 is off.',
    least: 0,
    most: 1,
    step: 0.01,
    empty: undefined,
  },
  {
    name: 'topK',
    title: 'Top K',
    explanation: 'Only this many of the likeliest tokens. 0 is off.',
    least: 0,
    most: 200,
    step: 1,
    empty: undefined,
  },
  {
    name: 'minP',
    title: 'Min P',
    explanation: 'Only tokens at least this likely beside the likeliest. 0 is off.',
    least: 0,
    most: 1,
    step: 0.01,
    empty: undefined,
  },
  {
    name: 'repetitionPenalty',
    title: 'Repetition penalty',
    explanation: 'Above 1, tokens that were there lately become less likely.',
    least: 0.5,
    most: 2,
    step: 0.05,
    empty: undefined,
  },
  {
    name: 'maxTokens',
    title: 'Longest reply',
    explanation: 'In tokens. Empty: until the model ends it.',
    least: 1,
    most: 131_072,
    step: 1,
    empty: 'no limit',
  },
  {
    name: 'seed',
    title: 'Seed',
    explanation: 'The same number gives the same reply. Empty: another each time.',
    least: 0,
    most: 4_294_967_295,
    step: 1,
    empty: 'random',
  },
];

const NAME = 'bitnet.settings';

/** Those in use. */
export const settings: Signal<Settings> = signal(stored());

/** Whether anything was changed. */
export const isDefault: ReadonlySignal<boolean> = computed(() =>
  (Object.keys(DEFAULT_SETTINGS) as (keyof Settings)[]).every(
    (name) => settings.value[name] === DEFAULT_SETTINGS[name],
  ),
);

effect(() => {
  remember(NAME, isDefault.value ? undefined : JSON.stringify(settings.value));
});

/** Changes one number, kept within its range; undefined empties it where it may be empty. */
export function setParameter(parameter: Parameter, value: number | undefined): void {
  const isUsable = value !== undefined && Number.isFinite(value);
  if (!isUsable && parameter.empty === undefined) return;
  const whole = parameter.step === 1 && isUsable ? Math.round(value) : value;
  const kept = isUsable ? Math.min(Math.max(whole!, parameter.least), parameter.most) : undefined;
  settings.value = { ...settings.value, [parameter.name]: kept };
}

/** The sampling part. */
export function samplingOf({ systemPrompt: _prompt, details: _details, ...sampling }: Settings): Sampling {
  return sampling;
}

function stored(): Settings {
  try {
    const found: unknown = JSON.parse(recall(NAME) ?? '{}');
    if (typeof found !== 'object' || found === null) return DEFAULT_SETTINGS;
    const fields = new Map(Object.entries(found));
    const systemPrompt = fields.get('systemPrompt');
    const details = fields.get('details');
    const numbers = PARAMETERS.filter(({ name, least, most }) => {
      const value = fields.get(name);
      return typeof value === 'number' && value >= least && value <= most;
    }).map(({ name }) => [name, fields.get(name)]);
    return {
      ...DEFAULT_SETTINGS,
      ...Object.fromEntries(numbers),
      systemPrompt: typeof systemPrompt === 'string' ? systemPrompt : '',
      details: details === 'always' || details === 'never' ? details : 'auto',
    };
  } catch {
    // Something else wrote there; the defaults are right.
    return DEFAULT_SETTINGS;
  }
}
