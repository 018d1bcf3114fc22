/**
 * Fetches pieces of a file over several connections. Each takes a run of neighbouring pieces and asks for it as one range;
 * after a cut it goes on at the byte where it was. A server that answers a range with the whole file gets one connection,
 * and what is not wanted of its answer is passed over.
 */
import { BitnetError } from '../../base/errors.ts';
import {
  type HubClient,
  PassingFault,
  type Subject,
  type TimeLimit,
  withTimeout,
} from '../api/hub-client.ts';
import { pieceLength } from './journal.ts';

/** What to fetch, and what to do with it. */
export interface PieceRequest {
  readonly url: string;
  readonly subject: Subject;
  readonly size: number;
  readonly pieceBytes: number;
  /** Numbers of the pieces, ascending. */
  readonly wanted: readonly number[];
  readonly connections: number;
  readonly signal: AbortSignal | undefined;
  /** Called once for each wanted piece; the next bytes of that connection wait for it. */
  onPiece(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Called with bytes of wanted pieces that arrived; negative for those of a piece that was given up. */
  onBytes(count: number): void;
}

/** Bytes from `start` up to `end`. */
interface Run {
  readonly start: number;
  readonly end: number;
}

const LONGEST_RUN_BYTES = 16 * 1024 * 1024;
/** Runs per connection at least, so that none has much to do when the others have ended. */
const RUNS_PER_CONNECTION = 4;

/**
 * Fetches all wanted pieces.
 *
 * @throws BitnetError as HubClient.retry and HubClient.request, `hub/bad-answer`; whatever `onPiece` throws
 */
export async function fetchPieces(client: HubClient, request: PieceRequest): Promise<void> {
  if (request.wanted.length > 0) await new PieceFetch(client, request).run();
}

class PieceFetch {
  readonly #client: HubClient;
  readonly #request: PieceRequest;
  readonly #wanted: Set<number>;
  readonly #queue: Run[];
  readonly #workers: Promise<void>[] = [];
  /** Ends the other connections when one of them has failed for good. */
  readonly #ending = new AbortController();
  #hasRanges = true;

  constructor(client: HubClient, request: PieceRequest) {
    this.#client = client;
    this.#request = request;
    this.#wanted = new Set(request.wanted);
    this.#queue = runsOf(request);
  }

  async run(): Promise<void> {
    const { signal } = this.#request;
    const onAbort = (): void => this.#ending.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      // The first answer tells whether more connections are of use.
      this.#workers.push(this.#work());
      for (let i = 0; i < this.#workers.length; i++) await this.#workers[i];
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await Promise.allSettled(this.#workers);
    }
  }

  #addConnections(): void {
    const more = Math.min(this.#request.connections - 1, this.#queue.length);
    if (this.#workers.length > 1) return;
    for (let i = 0; i < more; i++) {
      const worker = this.#work();
      // Awaited later; until then its failure is not unhandled.
      worker.catch(() => {});
      this.#workers.push(worker);
    }
  }

  async #work(): Promise<void> {
    try {
      for (let run = this.#queue.shift(); run !== undefined; run = this.#queue.shift()) {
        await this.#fetchRun(run);
      }
    } catch (error) {
      // What ended first is what is told.
      const reason: unknown = this.#ending.signal.aborted ? this.#ending.signal.reason : error;
      this.#ending.abort(error);
      throw reason;
    }
  }

  async #fetchRun(run: Run): Promise<void> {
    let assembly = this.#assembly(run.start);
    let from = run.start;
    const step = async (): Promise<void> => {
      const limit = withTimeout(this.#ending.signal, this.#client.stallMs);
      try {
        from = assembly.position;
        const response = await this.#ask(from, run.end, limit.signal);
        limit.touch();
        let end = run.end;
        if (response.status === 206) this.#addConnections();
        else {
          this.#hasRanges = false;
          this.#queue.length = 0;
          assembly.giveUp();
          assembly = this.#assembly(0);
          from = Number.POSITIVE_INFINITY;
          end = this.#request.size;
        }
        await readBody(response, limit, (bytes) => assembly.add(bytes, end));
        if (assembly.position < end) throw new PassingFault('the connection was cut');
      } catch (error) {
        throw limit.causeOf(error);
      } finally {
        limit.end();
      }
    };
    const wantedBefore = { count: this.#wanted.size };
    await this.#client.retry(this.#request.subject, this.#ending.signal, step, () => {
      const hasProgressed = assembly.position > from || this.#wanted.size < wantedBefore.count;
      wantedBefore.count = this.#wanted.size;
      return hasProgressed;
    });
  }

  async #ask(start: number, end: number, signal: AbortSignal): Promise<Response> {
    const { url, subject, size } = this.#request;
    const headers: Record<string, string> = { 'Accept-Encoding': 'identity' };
    if (this.#hasRanges) headers.Range = `bytes=${start}-${end - 1}`;
    const response = await this.#client.request(url, subject, headers, signal);
    const total =
      response.status === 206 ? rangeTotal(response, start, size) : (contentLength(response) ?? size);
    if (total === size) return response;
    await response.body?.cancel().catch(() => {});
    if (total === undefined)
      throw new PassingFault('the server answered with another range than was asked for');
    throw new BitnetError(
      'hub/bad-answer',
      `${subject.repository}: ${subject.file} has ${total} bytes on the server and ${size} in the hub's list; try again later`,
      { details: { ...subject, expected: size, found: total } },
    );
  }

  #assembly(position: number): PieceAssembly {
    return new PieceAssembly(position, this.#request, this.#wanted);
  }
}

/** Puts the bytes of one connection together to pieces. */
class PieceAssembly {
  /** Of the next byte. */
  position: number;
  readonly #request: PieceRequest;
  readonly #wanted: Set<number>;
  #piece: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;

  constructor(position: number, request: PieceRequest, wanted: Set<number>) {
    this.position = position;
    this.#request = request;
    this.#wanted = wanted;
  }

  /** Takes the next bytes; what lies behind `end` was not asked for. */
  async add(bytes: Uint8Array, end: number): Promise<void> {
    const { size, pieceBytes, onBytes, onPiece } = this.#request;
    for (let at = 0; at < bytes.length && this.position < end; ) {
      const index = Math.floor(this.position / pieceBytes);
      const pieceEnd = Math.min((index + 1) * pieceBytes, size);
      const count = Math.min(bytes.length - at, pieceEnd - this.position);
      if (this.#wanted.has(index)) {
        this.#piece ??= new Uint8Array(pieceLength(this.#request, index));
        this.#piece.set(bytes.subarray(at, at + count), this.#filled);
        this.#filled += count;
        onBytes(count);
      }
      at += count;
      this.position += count;
      if (this.position < pieceEnd) continue;
      const piece = this.#piece;
      const isWhole = this.#filled === piece?.length;
      this.#piece = undefined;
      this.#filled = 0;
      // Of a piece that two connections fetch, the first is taken.
      if (piece !== undefined && isWhole && this.#wanted.delete(index)) await onPiece(index, piece);
    }
  }

  /** Counts the bytes of the piece that is begun as not arrived. */
  giveUp(): void {
    if (this.#filled > 0) this.#request.onBytes(-this.#filled);
  }
}

/** Neighbouring pieces together, in the order of the file. */
function runsOf(request: PieceRequest): Run[] {
  const { wanted, pieceBytes, connections } = request;
  const share = Math.ceil(wanted.length / (connections * RUNS_PER_CONNECTION));
  const longest = Math.max(1, Math.min(Math.floor(LONGEST_RUN_BYTES / pieceBytes), share));
  const runs: Run[] = [];
  let first = 0;
  for (let i = 1; i <= wanted.length; i++) {
    if (i < wanted.length && wanted[i] === wanted[i - 1]! + 1 && i - first < longest) continue;
    const last = wanted[i - 1]!;
    runs.push({
      start: wanted[first]! * pieceBytes,
      end: last * pieceBytes + pieceLength(request, last),
    });
    first = i;
  }
  return runs;
}

/** Hands on the chunks of an answer. @throws PassingFault when the connection breaks; what `use` throws */
export async function readBody(
  response: Response,
  limit: Pick<TimeLimit, 'touch' | 'pause'>,
  use: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((cause: unknown) => {
        throw new PassingFault('the connection broke', undefined, cause);
      });
      if (done) return;
      // A slow disk is no reason to cut the connection.
      limit.pause();
      await use(value);
      limit.touch();
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Length of the whole file by a Content-Range that begins where it should; undefined for any other. Pages see the header
 * only where the server exposes it; elsewhere the hash at the end decides.
 */
function rangeTotal(response: Response, start: number, size: number): number | undefined {
  const header = response.headers.get('content-range');
  if (header === null) return size;
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header) ?? [];
  if (Number(first) !== start) return undefined;
  return total === '*' ? size : Number(total);
}

/** Length of an answer whose bytes are sent as they are. */
function contentLength(response: Response): number | undefined {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? undefined : Number(length);
}
