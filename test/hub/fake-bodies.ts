/**
 * How the fake hub and its CDN send files: whole or a range, as fast and as faulty as a test wants it. Everything that was
 * sent is counted, so that a test can say how much was fetched twice.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** A byte that is sent wrong. */
export interface Damage {
  /** Path of the file in its repository. */
  readonly path: string;
  readonly offset: number;
  /** So many times; Infinity for ever. */
  times: number;
}

/** What goes wrong; a test changes it whenever it likes. */
export class Faults {
  /** Answers 200 with the whole file to every request. */
  ignoresRanges = false;
  /** Of all connections together. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** Each body takes one away and ends after so many bytes, with its connection. */
  readonly cuts: number[] = [];
  readonly damages: Damage[] = [];
  /** Each request for which `matches` is true takes one away and gets this answer instead. */
  readonly answers: FaultyAnswer[] = [];
}

/** An answer in place of the right one. */
export interface FaultyAnswer {
  readonly server: 'hub' | 'cdn';
  /** Part of the path of the URL; every one by default. */
  readonly path?: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  times: number;
}

const CHUNK_BYTES = 32 * 1024;

/** Sends files and counts. */
export class BodySender {
  readonly faults: Faults;
  /** Bytes of bodies sent, by path in the repository. */
  readonly served = new Map<string, number>();
  #freeAt = 0;

  constructor(faults: Faults) {
    this.faults = faults;
  }

  /** Answers a GET or HEAD for a file. */
  async send(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    bytes: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const range = this.faults.ignoresRanges ? undefined : rangeOf(request, bytes.length, headers.ETag);
    if (range === 'outside') {
      response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
      return;
    }
    const { start, end } = range ?? { start: 0, end: bytes.length };
    response.writeHead(range === undefined ? 200 : 206, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(end - start),
      ...(this.faults.ignoresRanges ? {} : { 'Accept-Ranges': 'bytes' }),
      ...(range === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` }),
      ...headers,
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const cut = this.faults.cuts.shift() ?? Number.POSITIVE_INFINITY;
    const wrong = this.#damageIn(path, start, end);
    for (let at = start; at < end; ) {
      const stop = Math.min(end, at + CHUNK_BYTES, start + cut);
      await this.#throttle(stop - at);
      if (response.destroyed || request.socket.destroyed) return;
      const chunk = bytes.slice(at, stop);
      for (const offset of wrong) if (offset >= at && offset < stop) chunk[offset - at]! ^= 0x40;
      this.served.set(path, (this.served.get(path) ?? 0) + chunk.length);
      if (!response.write(chunk)) await drained(response);
      at = stop;
      if (at - start >= cut && at < end) {
        // What was written is let go first.
        await delay(20);
        request.socket.destroy();
        return;
      }
    }
    response.end();
  }

  #damageIn(path: string, start: number, end: number): number[] {
    const found = this.faults.damages.filter(
      (damage) => damage.path === path && damage.times > 0 && damage.offset >= start && damage.offset < end,
    );
    for (const damage of found) damage.times--;
    return found.map(({ offset }) => offset);
  }

  async #throttle(bytes: number): Promise<void> {
    const rate = this.faults.bytesPerSecond;
    if (rate === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (1000 * bytes) / rate;
    await delay(this.#freeAt - now);
  }
}

/** The range asked for, cut at the end of the file; undefined for the whole of it. */
function rangeOf(
  request: IncomingMessage,
  size: number,
  etag: string | undefined,
): { start: number; end: number } | 'outside' | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const condition = request.headers['if-range'];
  if (match === null || (condition !== undefined && condition !== etag)) return undefined;
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  return start >= size || end <= start ? 'outside' : { start, end };
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
