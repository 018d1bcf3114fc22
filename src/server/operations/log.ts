/**
 * The server's log: one line for each request, and for what happens to models and to the server itself. Prompts and replies
 * are in it only where that was asked for. Texts of clients are quoted, so that no line can be forged.
 */
import { figuresOf, type RequestRecord } from './request-record.ts';

/** A line of the log. */
export interface LogEntry {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly level: 'info' | 'warning' | 'error';
  /** `request`, `model-loaded`, `model-unloaded`, `error` … */
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Where entries go. */
export type LogSink = (entry: LogEntry) => void;

/** How entries are written: a line of JSON, a line for people, or not at all. */
export type LogFormat = 'json' | 'text' | 'off';

/** Writes entries. */
export class Log {
  readonly #sink: LogSink;

  constructor(log: LogFormat | LogSink, write: (line: string) => void = writeLine) {
    if (typeof log === 'function') this.#sink = log;
    else if (log === 'off') this.#sink = () => {};
    else this.#sink = (entry) => write(log === 'json' ? `${JSON.stringify(entry)}\n` : textLine(entry));
  }

  /** Something that happened. */
  write(level: LogEntry['level'], event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#sink({ time: new Date().toISOString(), level, event, ...fields });
  }

  /** A request that was answered. */
  request(record: RequestRecord, status: number, error?: unknown): void {
    const figures = figuresOf(record);
    const milliseconds = (seconds: number) => Math.round(seconds * 1000);
    const { fault } = record;
    this.write(fault !== undefined || status === 500 ? 'error' : 'info', 'request', {
      id: record.id,
      method: record.method,
      path: record.path.slice(0, 200),
      status,
      ms: Math.round(performance.now() - record.start),
      ...(record.model !== undefined && { model: record.model }),
      ...(figures && {
        end: figures.end,
        prompt_tokens: figures.promptTokens,
        cached_tokens: figures.cachedTokens,
        generated_tokens: figures.generatedTokens,
        queue_ms: milliseconds(figures.queuedSeconds),
        ttft_ms: milliseconds(figures.firstTokenSeconds),
      }),
      ...(error !== undefined && { error: error instanceof Error ? error.message : String(error) }),
      ...(fault !== undefined && { fault: fault instanceof Error ? fault.stack : String(fault) }),
      ...(record.texts !== undefined && { texts: record.texts }),
    });
  }
}

/** `2026-01-02T03:04:05.678Z info request id="…" status=200 …` */
function textLine({ time, level, event, ...fields }: LogEntry): string {
  const pairs = Object.entries(fields).map(([name, value]) => {
    const isPlain = typeof value === 'number' || (typeof value === 'string' && /^[\w./:-]+$/.test(value));
    return `${name}=${isPlain ? value : escaped(JSON.stringify(value) ?? 'undefined')}`;
  });
  return `${[time, level, event, ...pairs].join(' ')}\n`;
}

/** JSON leaves some control characters as they are, which a terminal may act upon. */
function escaped(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function writeLine(line: string): void {
  process.stdout.write(line);
}
