/**
 * What the readings of the last minutes come to: rates, shares and levels over time. A reading that failed leaves a gap. Pure
 * calculation; watch.ts reads, and the plots and tables show.
 */
import type { MachineReading } from '../transport/machine-reading.ts';

/** One moment, with rates since the one before; undefined where there is nothing to tell. */
export interface Sample {
  /** Of this device's clock, in milliseconds since 1970. */
  readonly time: number;
  readonly generatedPerSecond: number | undefined;
  /** Of prompts: computed, not found in the cache. */
  readonly promptPerSecond: number | undefined;
  /** 0 to 1 */
  readonly cpuShare: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly running: number | undefined;
  readonly waiting: number | undefined;
  readonly kvUsedBytes: number | undefined;
  readonly kvHeldBytes: number | undefined;
  /** Of the prompt tokens of the last {@link CACHE_WINDOW}: those found in the cache, 0 to 1. */
  readonly cachedShare: number | undefined;
}

/** For how long samples are kept, in milliseconds. */
export const KEPT = 600_000;
/** How far back {@link Sample.cachedShare} looks, in milliseconds. */
const CACHE_WINDOW = 60_000;
/** A rate between readings that are further apart than this says nothing of any moment. */
const LONGEST_STEP = 30_000;

const NOTHING = {
  generatedPerSecond: undefined,
  promptPerSecond: undefined,
  cpuShare: undefined,
  memoryBytes: undefined,
  running: undefined,
  waiting: undefined,
  kvUsedBytes: undefined,
  kvHeldBytes: undefined,
  cachedShare: undefined,
} as const;

/** The samples of one transport. */
export class MachineHistory {
  /** Oldest first; a new list after each change. */
  samples: readonly Sample[] = [];
  /** The last one that succeeded. */
  latest: MachineReading | undefined;
  /** Tokens generated between the first sample and now. */
  generatedTokens = 0;
  #previous: MachineReading | undefined;
  #readings: MachineReading[] = [];

  /** @param now this device's clock, which need not agree with the reading's */
  add(reading: MachineReading, now: number): void {
    const previous = isLater(reading, this.#previous) ? this.#previous : undefined;
    if (previous === undefined) this.#readings = [];
    this.#readings = [...this.#readings.filter(({ time }) => time > reading.time - CACHE_WINDOW), reading];
    const { totals, queue, kvCache, memory } = reading;
    if (previous !== undefined)
      this.generatedTokens += totals.generatedTokens - previous.totals.generatedTokens;
    this.#push({
      time: now,
      generatedPerSecond: rate('generatedTokens', reading, previous),
      promptPerSecond: rate('promptTokens', reading, previous),
      cpuShare: reading.cpuShare,
      memoryBytes: memory.usedBytes,
      running: queue.running,
      waiting: queue.waiting,
      kvUsedBytes: kvCache.usedBytes,
      kvHeldBytes: kvCache.heldBytes,
      cachedShare: cachedShare(this.#readings[0] ?? reading, reading),
    });
    this.#previous = reading;
    this.latest = reading;
  }

  /** Nobody answered. */
  addGap(now: number): void {
    this.#previous = undefined;
    this.#push({ time: now, ...NOTHING });
  }

  #push(sample: Sample): void {
    this.samples = [...this.samples.filter(({ time }) => time > sample.time - KEPT), sample];
  }
}

/** Whether both are of one run of whatever is read, which counts from 0 again when it is started anew. */
function isLater(reading: MachineReading, previous: MachineReading | undefined): boolean {
  if (previous === undefined) return false;
  const { totals, time } = reading;
  const step = time - previous.time;
  return (
    step > 0 &&
    step < LONGEST_STEP &&
    totals.generatedTokens >= previous.totals.generatedTokens &&
    totals.promptTokens >= previous.totals.promptTokens &&
    totals.cachedTokens >= previous.totals.cachedTokens
  );
}

function rate(
  name: keyof MachineReading['totals'],
  { time, totals }: MachineReading,
  previous: MachineReading | undefined,
): number | undefined {
  if (previous === undefined) return undefined;
  return ((totals[name] - previous.totals[name]) / (time - previous.time)) * 1000;
}

function cachedShare(first: MachineReading, last: MachineReading): number | undefined {
  const cached = last.totals.cachedTokens - first.totals.cachedTokens;
  const all = cached + last.totals.promptTokens - first.totals.promptTokens;
  return all > 0 ? cached / all : undefined;
}

/** A mean over some time, for tables: of what there was to tell. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly samples: readonly Sample[];
}

/** The last `duration` in equal parts, the newest first; parts in which nothing was read are left out. */
export function spans(samples: readonly Sample[], duration: number, parts: number): readonly Span[] {
  const end = samples.at(-1)?.time ?? 0;
  const length = duration / parts;
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [end - (part + 1) * length, end - part * length];
    return { from, to, samples: samples.filter(({ time }) => time > from && time <= to) };
  }).filter((span) => span.samples.length > 0);
}

/** The mean of one kind of value; undefined where there is none. */
export function meanOf(
  samples: readonly Sample[],
  value: (sample: Sample) => number | undefined,
): number | undefined {
  const found = samples.map(value).filter((one) => one !== undefined);
  return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one, 0) / found.length;
}

/** The most of it; undefined where there is none. */
export function mostOf(
  samples: readonly Sample[],
  value: (sample: Sample) => number | undefined,
): number | undefined {
  const found = samples.map(value).filter((one) => one !== undefined);
  return found.length === 0 ? undefined : Math.max(...found);
}
