/** How far a pull is, over all its files. Bytes that had to be thrown away are counted down inside, never outside. */
import type { PullProgress } from '../hub.ts';

/** Counts and tells. */
export class PullMeter {
  readonly #totalBytes: number;
  readonly #onProgress: ((progress: PullProgress) => void) | undefined;
  #doneBytes = 0;
  #mostBytes = 0;
  #file = '';
  #phase: PullProgress['phase'] = 'listing';

  constructor(totalBytes: number, onProgress: ((progress: PullProgress) => void) | undefined) {
    this.#totalBytes = totalBytes;
    this.#onProgress = onProgress;
  }

  /** Begins a file or another phase of it. */
  enter(phase: PullProgress['phase'], file: string = this.#file): void {
    if (phase === this.#phase && file === this.#file) return;
    this.#phase = phase;
    this.#file = file;
    this.#tell();
  }

  /** Counts bytes that arrived; negative for those that have to be fetched again. */
  add(bytes: number): void {
    this.#doneBytes += bytes;
    if (this.#doneBytes > this.#mostBytes) {
      this.#mostBytes = Math.min(this.#doneBytes, this.#totalBytes);
      this.#tell();
    }
  }

  /** Everything is here. */
  finish(): void {
    this.#mostBytes = this.#totalBytes;
    this.enter('done');
  }

  #tell(): void {
    this.#onProgress?.({
      doneBytes: this.#mostBytes,
      totalBytes: this.#totalBytes,
      file: this.#file,
      phase: this.#phase,
    });
  }
}
