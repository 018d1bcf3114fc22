/** A request's body as JSON. */
import type { ServerRequest } from '../server-context.ts';
import { RequestError } from './failure.ts';

/**
 * The parsed body.
 *
 * @throws RequestError 400 for what is no JSON
 */
export async function readJson(c: ServerRequest): Promise<unknown> {
  try {
    return JSON.parse(await c.req.text());
  } catch {
    throw new RequestError({ status: 400, code: 'invalid_json', message: 'the body is not valid JSON' });
  }
}
