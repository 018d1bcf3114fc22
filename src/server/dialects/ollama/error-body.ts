/** Failures in the shape of the Ollama API: `{error}`, with the status of the answer or as the last line of a stream. */
import { type Failure, failureOf } from '../../http/failure.ts';

/** A failure as a response. */
export function ollamaError(failure: Failure): Response {
  const { status, message, retryAfter } = failure;
  return Response.json(
    { error: message },
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } },
  );
}

/** What `answer` gives, or the failure that it ends with. */
export async function orError(answer: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    return ollamaError(failureOf(error));
  }
}
