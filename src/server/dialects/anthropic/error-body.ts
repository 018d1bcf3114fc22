/** Failures in the shape of the Anthropic API: `{type: 'error', error: {type, message}, request_id}`. */
import type { Failure } from '../../http/failure.ts';

/** Names of errors by status; other statuses below 500 are faults of the request. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
]);

/** The body of an answer, and the data of an `error` event. */
export interface AnthropicErrorBody {
  readonly type: 'error';
  readonly error: { readonly type: string; readonly message: string };
  readonly request_id: string;
}

/** A failure's body. */
export function anthropicErrorBody(failure: Failure, requestId: string): AnthropicErrorBody {
  const type = TYPES.get(failure.status) ?? (failure.status < 500 ? 'invalid_request_error' : 'api_error');
  return { type: 'error', error: { type, message: failure.message }, request_id: requestId };
}

/** A failure as a response. */
export function anthropicError(failure: Failure, requestId: string): Response {
  const { status, retryAfter } = failure;
  return Response.json(anthropicErrorBody(failure, requestId), {
    status,
    headers: {
      'request-id': requestId,
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  });
}
