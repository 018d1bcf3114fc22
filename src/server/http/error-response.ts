/**
 * Failures in the shape that the clients of a path understand, also those that arise before a dialect has the request (keys,
 * hosts, unknown paths, a server that ends).
 */
import { openAiError } from '../dialects/openai/openai-error.ts';
import type { Failure } from './failure.ts';

/** @see https://docs.anthropic.com/en/api/errors */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

const NO_THREADS = { error_code: 'thread_unsupported_request', unsupported: ['thread'] };

/** The response to a failed request on this path. */
export function errorResponse(path: string, requestId: string, failure: Failure): Response {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (failure.retryAfter !== undefined) headers['retry-after'] = String(failure.retryAfter);
  if (failure.status === 401) headers['www-authenticate'] = 'Bearer';
  if (isAnthropic(path)) headers['request-id'] = requestId;
  const body = JSON.stringify(errorBody(path, requestId, failure));
  return new Response(body, { status: failure.status, headers });
}

/** The body of that response, which is also how a stream says that it failed. */
export function errorBody(path: string, requestId: string, failure: Failure): object {
  const { status, message, parameter } = failure;
  if (path.startsWith('/api/')) return { error: message };
  if (isAnthropic(path)) {
    const error = {
      type: ANTHROPIC_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'),
      message,
      // With this the SDK's tool runner sends whole conversations instead of threads, which nobody here keeps.
      ...(parameter === 'thread' ? { details: NO_THREADS } : {}),
    };
    return { type: 'error', error, request_id: requestId };
  }
  return openAiError(failure);
}

function isAnthropic(path: string): boolean {
  return path.startsWith('/v1/messages');
}
