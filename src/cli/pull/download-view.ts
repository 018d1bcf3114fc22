/**
 * How far a download is, for people: on a terminal one line with a bar, the rate and the time that is left; in a log a line
 * now and then. What was here before counts as done from the beginning, and nothing ever runs backwards.
 */
import type { PullProgress } from '../../hub/hub.ts';
import { formatBytes } from '../quantities.ts';
import { type OutputStream, printableLine } from '../terminal.ts';
import { formatDuration } from '../train/duration.ts';

const BAR_WIDTH = 20;
/** Drawing more often only costs time. */
const STEP_MS = 100;
/** The rate is that of so many last milliseconds. */
const RATE_MS = 5000;
/** A line of a log after so long and so much, or after a minute. */
const LOG_MS = 10_000;
const LOG_SHARE = 0.05;
const LONG_LOG_MS = 60_000;
const CLEAR_LINE = '\r\x1b[2K';

/** A download's line; {@link update} it and {@link finish} it. */
export class DownloadView {
  readonly #name: string;
  readonly #stream: OutputStream;
  readonly #now: () => number;
  readonly #samples: { at: number; bytes: number }[] = [];
  #phase: PullProgress['phase'] | undefined;
  #isAnnounced = false;
  /** A part was here, and has not been told of. */
  #isResumed = false;
  #done = 0;
  /** What was done when the phase began. */
  #base = 0;
  #total = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;
  #logged = { at: 0, share: 0 };

  /** @param name of the model, as the user knows it */
  constructor(
    name: string,
    stream: OutputStream = process.stderr,
    now: () => number = () => performance.now(),
  ) {
    this.#name = name;
    this.#stream = stream;
    this.#now = now;
  }

  update({ phase, doneBytes, totalBytes, file }: PullProgress): void {
    const isNew = phase !== this.#phase;
    if (isNew && this.#phase === 'resuming') this.#isResumed = true;
    this.#phase = phase;
    this.#total = totalBytes;
    this.#done = Math.max(this.#done, doneBytes);
    if (phase === 'done' || phase === 'listing') return;
    const now = this.#now();
    if (isNew) {
      this.#samples.length = 0;
      this.#base = this.#done;
      if (phase === 'waiting') this.#say(`another process is downloading ${this.#name}; waiting for it`);
    }
    if (phase === 'downloading' && this.#done > this.#base) this.#announce(now);
    this.#samples.push({ at: now, bytes: this.#done });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= RATE_MS) this.#samples.shift();
    if (this.#stream.isTTY === true) this.#draw(file, now, isNew);
    else this.#log(now);
  }

  /** Takes the line away. */
  finish(): void {
    if (this.#isDrawn) this.#stream.write(CLEAR_LINE);
    this.#isDrawn = false;
  }

  /** Once the first bytes have come: a server that refuses is not worth two sentences. */
  #announce(now: number): void {
    if (this.#isAnnounced && !this.#isResumed) return;
    const size = formatBytes(this.#total);
    this.#say(
      this.#base > 0
        ? `going on with ${this.#name}: ${formatBytes(this.#base)} of ${size} are here already`
        : `downloading ${this.#name} (${size})`,
    );
    this.#isAnnounced = true;
    this.#isResumed = false;
    this.#logged = { at: now, share: this.#share() };
  }

  #say(sentence: string): void {
    this.finish();
    this.#stream.write(`${printableLine(`bitnet: ${sentence}`)}\n`);
  }

  #draw(file: string, now: number, isNew: boolean): void {
    if (!isNew && now - this.#drawnAt < STEP_MS) return;
    this.#drawnAt = now;
    const share = this.#share();
    const filled = Math.floor(share * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const line = `${bar} ${Math.floor(100 * share)} %  ${this.#figures()}  ${printableLine(file)}`;
    this.#stream.write(CLEAR_LINE + line.slice(0, (this.#stream.columns ?? 80) - 1));
    this.#isDrawn = true;
  }

  #log(now: number): void {
    const { at, share } = this.#logged;
    if (!this.#isAnnounced || now - at < LOG_MS) return;
    if (this.#share() - share < LOG_SHARE && now - at < LONG_LOG_MS) return;
    this.#logged = { at: now, share: this.#share() };
    this.#say(this.#figures());
  }

  /** `534 MB of 1.19 GB, 12.3 MB/s, 52 s left` */
  #figures(): string {
    const amount = `${formatBytes(this.#done)} of ${formatBytes(this.#total)}`;
    if (this.#phase === 'verifying') return `${amount}, verifying`;
    if (this.#phase === 'resuming') return `${amount}, checking what is here`;
    if (this.#phase === 'waiting') return `${amount}, waiting`;
    const [first, last] = [this.#samples[0]!, this.#samples.at(-1)!];
    const rate = (1000 * (last.bytes - first.bytes)) / (last.at - first.at);
    // A rate of an instant says nothing.
    if (!(last.at - first.at >= 1000)) return amount;
    if (rate === 0) return `${amount}, nothing comes just now`;
    const left = formatDuration((this.#total - this.#done) / rate);
    return `${amount}, ${formatBytes(Math.round(rate))}/s, ${left} left`;
  }

  #share(): number {
    return this.#total > 0 ? Math.min(1, this.#done / this.#total) : 0;
  }
}
