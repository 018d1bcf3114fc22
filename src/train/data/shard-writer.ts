/** Writes rows of tokens as a file, block by block, and counts and hashes what it writes. */
import { createSha256 } from '../../base/sha256.ts';
import type { ByteSink } from '../../formats/tensor-output.ts';
import { encodeHeader, encodeTrailer, idBytesFor, noTokenOf, type ShardHeader } from './shard-format.ts';
import { NO_TOKEN } from './token-rows.ts';

/** What a file of tokens turned out to be. */
export interface ShardSummary {
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number;
  /** Tokens in all rows, padding not counted. */
  readonly tokens: number;
  readonly targets: number;
}

const BLOCK_BYTES = 1 << 20;

/** See the head of this file. */
export class ShardWriter {
  readonly #sink: ByteSink;
  readonly #header: ShardHeader;
  readonly #hash = createSha256();
  /** Rows that wait to be written. */
  #waiting: Int32Array[] = [];
  #bytes = 0;
  #rows = 0;
  #tokens = 0;
  #targets = 0;

  constructor(sink: ByteSink, header: ShardHeader) {
    this.#sink = sink;
    this.#header = header;
  }

  /** Writes what comes before the rows. */
  begin(): Promise<void> {
    return this.#write(encodeHeader(this.#header));
  }

  /** Takes a row, i32 [rowLength]; it is kept until the next {@link flush}. */
  add(row: Int32Array): void {
    this.#waiting.push(row);
    this.#rows++;
    const end = row.indexOf(NO_TOKEN);
    const tokens = end === -1 ? row.length : end;
    this.#tokens += tokens;
    this.#targets += tokens - 1;
  }

  /** Writes the rows that wait, if they make a block or `all` are to be written. */
  async flush(all = false): Promise<void> {
    const idBytes = idBytesFor(this.#header.vocabularySize);
    const ids = this.#waiting.length * this.#header.rowLength;
    if (ids === 0 || (!all && ids * idBytes < BLOCK_BYTES)) return;
    const bytes = new Uint8Array(ids * idBytes);
    const view = new DataView(bytes.buffer);
    const noToken = noTokenOf(idBytes);
    let at = 0;
    for (const row of this.#waiting) {
      for (const id of row) {
        const stored = id === NO_TOKEN ? noToken : id;
        if (idBytes === 2) view.setUint16(at, stored, true);
        else view.setUint32(at, stored, true);
        at += idBytes;
      }
    }
    this.#waiting = [];
    await this.#write(bytes);
  }

  /** Writes the rest and what comes behind the rows. */
  async end(): Promise<ShardSummary> {
    await this.flush(true);
    await this.#write(encodeTrailer(this.#rows, this.#targets));
    return {
      bytes: this.#bytes,
      sha256: this.#hash.hex(),
      rows: this.#rows,
      tokens: this.#tokens,
      targets: this.#targets,
    };
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#sink(bytes);
  }
}
