/**
 * Request bodies checked against zod schemas. A fault becomes one sentence that names the parameter by its path; schemas
 * are strict objects, so that a parameter that nobody here knows is refused, never ignored.
 */
import { z } from 'zod';
import { RequestError } from '../http/failure.ts';
import { readJson } from '../http/json-body.ts';
import type { ServerRequest } from '../server-context.ts';

type Issue = z.core.$ZodIssue;

/**
 * The body of a request.
 *
 * @throws RequestError 400 with the path of the first fault; as readJson
 */
export async function checkedBody<T>(c: ServerRequest, schema: z.ZodType<T>): Promise<T> {
  const result = schema.safeParse(await readJson(c));
  if (result.success) return result.data;
  throw faultOf(mostTelling(result.error.issues, []));
}

/** A parameter that would change the answer in a way that is not supported: only null, or nothing at all. */
export function unsupported(what: string): z.ZodOptional<z.ZodNull> {
  return z.null({ error: `${what} is not supported here; leave it out` }).optional();
}

/** A fault of a request that a schema cannot tell. */
export function badParameter(parameter: string, problem: string): RequestError {
  return new RequestError({
    status: 400,
    code: 'invalid_value',
    message: `${parameter}: ${problem}`,
    parameter,
  });
}

function faultOf(issue: Issue): RequestError {
  if (issue.code === 'unrecognized_keys') {
    const parameter = [...issue.path, issue.keys[0]!].map(String).join('.');
    return new RequestError({
      status: 400,
      code: 'unsupported_parameter',
      message: `${parameter}: this parameter is not supported; leave it out`,
      parameter,
    });
  }
  return badParameter(issue.path.length === 0 ? 'body' : issue.path.map(String).join('.'), issue.message);
}

/**
 * The fault to tell of: the first one, and of a union the fault within the alternative that was meant, which is one that
 * does not fail as a whole.
 */
function mostTelling(issues: readonly Issue[], path: readonly PropertyKey[]): Issue {
  const issue = issues[0]!;
  const here = { ...issue, path: [...path, ...issue.path] };
  if (issue.code !== 'invalid_union') return here;
  const meant = issue.errors.find((faults) => faults.some((fault) => fault.path.length > 0));
  const inner = meant ?? issue.errors.find((faults) => faults[0]?.code === 'unrecognized_keys');
  if (inner !== undefined) return mostTelling(inner, here.path);
  if (issue.message !== 'Invalid input' || issue.errors.length === 0) return here;
  const alternatives = issue.errors.map((faults) => faults[0]!.message.replace(/^Invalid input: /, ''));
  return { ...here, message: `Invalid input: ${alternatives.join(', or ')}` };
}
