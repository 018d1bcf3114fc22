/**
 * What a person sees while something takes long: a bar for work whose share is known, a line with the seconds for work
 * whose share is not. On a terminal, only once it is clear that more than a second is needed, never backwards, and
 * gone without a trace when done.
 */
import type { OutputStream } from './terminal.ts';

const BAR_WIDTH = 24;
const LONG_MS = 1000;
/** Drawing more often only costs time. */
const STEP_MS = 50;
const CLEAR_LINE = '\r\x1b[2K';

/** A bar; {@link update} it and {@link finish} it. */
export class ProgressBar {
  readonly #label: string;
  readonly #stream: OutputStream;
  readonly #now: () => number;
  readonly #start: number;
  #share = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(
    label: string,
    stream: OutputStream = process.stderr,
    now: () => number = () => performance.now(),
  ) {
    this.#label = label;
    this.#stream = stream;
    this.#now = now;
    this.#start = this.#now();
  }

  /** @param share done so far, 0 to 1; less than before is ignored */
  update(share: number): void {
    if (this.#stream.isTTY !== true) return;
    this.#share = Math.max(this.#share, Math.min(1, share));
    const now = this.#now();
    const elapsed = now - this.#start;
    const isLong = elapsed >= LONG_MS || (elapsed >= LONG_MS / 4 && elapsed >= LONG_MS * this.#share);
    if (!isLong || now - this.#drawnAt < STEP_MS) return;
    this.#drawnAt = now;
    const filled = Math.floor(this.#share * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    this.#draw(`${this.#label} ${bar} ${Math.floor(100 * this.#share)} %`);
  }

  /** Takes the bar away. */
  finish(): void {
    if (this.#drawnAt === Number.NEGATIVE_INFINITY) return;
    this.#stream.write(CLEAR_LINE);
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  #draw(line: string): void {
    this.#stream.write(CLEAR_LINE + line.slice(0, (this.#stream.columns ?? 80) - 1));
  }
}

/**
 * Work of several stages, each with a bar on a terminal; elsewhere, where logs are read later, with a line. Stages that take
 * less than a second are not worth either.
 */
export class StageProgress<Stage extends string> {
  readonly #labels: Readonly<Record<Stage, string>>;
  readonly #stream: OutputStream;
  readonly #now: () => number;
  #stage: Stage | undefined;
  #bar: ProgressBar | undefined;
  #start = 0;
  #isTold = false;

  constructor(
    labels: Readonly<Record<Stage, string>>,
    stream: OutputStream = process.stderr,
    now: () => number = () => performance.now(),
  ) {
    this.#labels = labels;
    this.#stream = stream;
    this.#now = now;
  }

  /** @param share of this stage, 0 to 1 */
  update(stage: Stage, share: number): void {
    if (stage !== this.#stage) {
      this.finish();
      this.#stage = stage;
      this.#start = this.#now();
      this.#isTold = false;
      this.#bar = new ProgressBar(this.#labels[stage], this.#stream, this.#now);
    }
    this.#bar?.update(share);
    if (this.#stream.isTTY === true || this.#isTold || this.#now() - this.#start < LONG_MS) return;
    this.#isTold = true;
    this.#stream.write(`bitnet: ${this.#labels[stage]}\n`);
  }

  /** Takes the bar away. */
  finish(): void {
    this.#bar?.finish();
    this.#bar = undefined;
  }
}

/**
 * Shows `label` with the seconds that have passed, from the first second on.
 *
 * @returns a function that takes the line away
 */
export function showWaiting(label: string, stream: OutputStream = process.stderr): () => void {
  if (stream.isTTY !== true) return () => {};
  const start = performance.now();
  let isShown = false;
  const timer = setInterval(() => {
    const seconds = Math.floor((performance.now() - start) / 1000);
    stream.write(`${CLEAR_LINE}${`${label}… ${seconds} s`.slice(0, (stream.columns ?? 80) - 1)}`);
    isShown = true;
  }, LONG_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (isShown) stream.write(CLEAR_LINE);
    isShown = false;
  };
}
