/** What went wrong with a request, in terms that every dialect can write in its own way. */
import { BitnetError, ContextLengthExceeded } from '../../index.ts';
import { currentRecord } from '../operations/request-record.ts';

/** An error to be answered. */
export interface Failure {
  /** HTTP status. */
  readonly status: number;
  /** Stable, as in `context_length_exceeded` or `option/temperature`. */
  readonly code: string;
  /** One sentence: what, where, what to do. */
  readonly message: string;
  /** The parameter at fault, by its path in the request. */
  readonly parameter?: string;
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number;
}

/** A failure thrown by the server's own checks. */
export class RequestError extends Error implements Failure {
  readonly status: number;
  readonly code: string;
  readonly parameter?: string;
  readonly retryAfter?: number;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'RequestError';
    this.status = failure.status;
    this.code = failure.code;
    if (failure.parameter !== undefined) this.parameter = failure.parameter;
    if (failure.retryAfter !== undefined) this.retryAfter = failure.retryAfter;
  }
}

/** Statuses of errors by the first part of their code; others are the server's own fault. */
const STATUSES: Readonly<Record<string, number>> = {
  chat: 400,
  inside: 400,
  option: 400,
  regex: 400,
  schema: 400,
  template: 400,
  tokenizer: 400,
  tokens: 400,
};

/** Codes of what another try, a moment later, may not meet. */
const PASSING: Readonly<Record<string, string>> = {
  'memory/exhausted': 'overloaded',
  'scheduler/disposed': 'model_unloaded',
  'scheduler/full': 'overloaded',
};

/** Any error as a failure; what is no fault of the request is a 500 that says no more than that, and noted for the log. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RequestError) return error;
  if (error instanceof ContextLengthExceeded) {
    return { status: 400, code: 'context_length_exceeded', message: error.message };
  }
  if (error instanceof BitnetError) {
    const { code, message } = error;
    if (code === 'server/unknown-model') return { status: 404, code: 'model_not_found', message };
    // A sequence that is too long for the memory of all; other limits of memory are the server's own matter.
    const status = code === 'memory/kv-cache' ? 400 : STATUSES[code.split('/', 1)[0]!];
    if (status !== undefined) return { status, code, message };
    const passing = PASSING[code];
    if (code === 'memory/exhausted') noteFault(error);
    if (passing !== undefined) return { status: 503, code: passing, message, retryAfter: 1 };
  }
  noteFault(error);
  return { status: 500, code: 'internal_error', message: 'the server failed; its log says why' };
}

/** What the operator should know about. */
function noteFault(error: unknown): void {
  const record = currentRecord();
  if (record !== undefined) record.fault = error;
}
