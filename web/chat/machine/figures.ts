/** The plots of the tab: what each shows, as a figure, as lines and in words. */
import { bytesText, rateText } from '../../shared/quantities.ts';
import type { MachineReading } from '../transport/machine-reading.ts';
import type { Sample } from './history.ts';

/** One line of a plot. */
export interface Line {
  readonly name: string;
  readonly value: (sample: Sample) => number | undefined;
}

/** One plot. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  /** The one or two lines, the more important one first. */
  readonly lines: readonly [Line] | readonly [Line, Line];
  /** A value with its unit. */
  readonly text: (value: number) => string;
  /** A value at the axis, where there is little room. */
  readonly tick: (value: number) => string;
  /** What the axis reaches at least. */
  readonly least: number;
  /** What the axis ends at; undefined: at what there is. */
  readonly most: (reading: MachineReading | undefined) => number | undefined;
  /** Whether values hold until the next one, as counts do. */
  readonly isStepped: boolean;
  /** Whether its values are whole numbers. */
  readonly isCount?: boolean;
  /** The large figure. */
  readonly now: (samples: readonly Sample[]) => number | undefined;
  /** A few words below it. */
  readonly caption: (reading: MachineReading) => string;
  /** What stands in the place of the plot as long as nothing was ever read of the first line, or only zeros. */
  readonly empty: { readonly text: string; readonly isZeroEmpty: boolean };
}

const percent = (share: number) => `${Math.round(share * 100)} %`;
const last = (line: Line) => (samples: readonly Sample[]) => {
  const sample = samples.at(-1);
  return sample === undefined ? undefined : line.value(sample);
};

const generated: Line = { name: 'generated', value: (sample) => sample.generatedPerSecond };
const prompt: Line = { name: 'read from prompts', value: (sample) => sample.promptPerSecond };
const processor: Line = { name: 'processor', value: (sample) => sample.cpuShare };
const memory: Line = { name: 'memory', value: (sample) => sample.memoryBytes };
const running: Line = { name: 'running', value: (sample) => sample.running };
const waiting: Line = { name: 'waiting', value: (sample) => sample.waiting };
const used: Line = { name: 'in use', value: (sample) => sample.kvUsedBytes };
const held: Line = { name: 'kept', value: (sample) => sample.kvHeldBytes };
const cached: Line = { name: 'from the cache', value: (sample) => sample.cachedShare };

/** In the order of the page. */
export const FIGURES: readonly Figure[] = [
  {
    id: 'speed',
    title: 'Tokens per second',
    lines: [generated, prompt],
    text: (value) => `${rateText(value)} tokens/s`,
    tick: shortNumber,
    least: 5,
    most: () => undefined,
    isStepped: false,
    now: last(generated),
    caption: ({ totals }) => `${count(totals.generatedTokens, 'token')} generated since the start`,
    empty: {
      text: 'Nothing has been generated while this page looked. Ask something in Chat, and its speed shows here.',
      isZeroEmpty: true,
    },
  },
  {
    id: 'processor',
    title: 'Processor',
    lines: [processor],
    text: percent,
    tick: percent,
    least: 1,
    most: () => 1,
    isStepped: false,
    now: last(processor),
    caption: ({ cpuShare }) => (cpuShare === undefined ? 'not told' : 'of all cores that the server may use'),
    empty: { text: 'A browser does not tell a page how busy its cores are.', isZeroEmpty: false },
  },
  {
    id: 'memory',
    title: 'Memory',
    lines: [memory],
    text: bytesText,
    tick: shortBytes,
    least: 1e6,
    most: () => undefined,
    isStepped: false,
    now: last(memory),
    caption: ({ memory: { totalBytes } }) =>
      totalBytes === undefined ? 'of this page’s models' : `of ${bytesText(totalBytes)}`,
    empty: { text: 'Nothing was told of it yet.', isZeroEmpty: false },
  },
  {
    id: 'queue',
    title: 'Replies under way',
    lines: [running, waiting],
    text: (value) => shortNumber(value),
    tick: shortNumber,
    least: 2,
    most: () => undefined,
    isStepped: true,
    isCount: true,
    now: last(running),
    caption: ({ queue }) => (queue.waiting === 0 ? 'none waiting' : `${queue.waiting} waiting`),
    empty: { text: 'Nothing was told of it yet.', isZeroEmpty: false },
  },
  {
    id: 'kv-cache',
    title: 'KV cache',
    lines: [used, held],
    text: bytesText,
    tick: shortBytes,
    least: 1e6,
    most: (reading) => reading?.kvCache.totalBytes,
    isStepped: true,
    now: last(held),
    caption: ({ kvCache: { totalBytes } }) =>
      totalBytes === 0 ? 'no model is loaded' : `kept, of ${bytesText(totalBytes)}`,
    empty: { text: 'Nothing was told of it yet.', isZeroEmpty: false },
  },
  {
    id: 'cached',
    title: 'Prompt tokens from the cache',
    lines: [cached],
    text: percent,
    tick: percent,
    least: 1,
    most: () => 1,
    isStepped: true,
    now: last(cached),
    caption: () => 'in the last minute',
    empty: {
      text: 'No prompt was read while this page looked. The second message of a conversation finds the first in the cache.',
      isZeroEmpty: false,
    },
  },
];

/** Whether there is nothing to draw. */
export function isEmpty({ lines, empty }: Figure, samples: readonly Sample[]): boolean {
  return samples.every((sample) =>
    lines.every(({ value }) => {
      const found = value(sample);
      return found === undefined || (empty.isZeroEmpty && found === 0);
    }),
  );
}

/** As in `1 token` and `1,200 tokens`. */
export function count(number: number, noun: string): string {
  return `${Math.round(number).toLocaleString('en')} ${noun}${Math.round(number) === 1 ? '' : 's'}`;
}

function shortNumber(value: number): string {
  if (value >= 10_000) return `${Math.round(value / 1000)}k`;
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** As {@link bytesText}, without digits that the steps of an axis do not have. */
function shortBytes(bytes: number): string {
  return bytes === 0 ? '0' : bytesText(bytes).replace(/(?:\.|(\.\d*[1-9]))0+(?= )/, '$1');
}
