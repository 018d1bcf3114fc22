/**
 * Request bodies against their schemas: the first thing that is wrong becomes one sentence that names the parameter, its
 * value and its range. What a schema does not know is refused, never passed over.
 */
import { z } from 'zod';
import { RequestError } from '../http/failure.ts';

/** A parameter of the API that is not served: it may be null or absent, otherwise `reason` follows its name. */
export function refused(reason: string): z.ZodType<null | undefined> {
  return z
    .custom<null | undefined>((value) => value === undefined || value === null, { error: reason })
    .optional();
}

/** A list that is read up to its first wrong entry, so that a million wrong ones cost no more than one. */
export function listOf<T>(
  entry: z.ZodType<T>,
  { least = 0, most }: { readonly least?: number; readonly most?: number } = {},
): z.ZodType<T[]> {
  return z.unknown().transform((value, context): T[] => {
    const refuse = (issue: z.core.$ZodRawIssue) => {
      context.issues.push(issue);
      return z.NEVER;
    };
    if (!Array.isArray(value)) return refuse({ code: 'invalid_type', expected: 'array', input: value });
    const size = { origin: 'array', inclusive: true, input: value } as const;
    if (value.length < least) return refuse({ ...size, code: 'too_small', minimum: least });
    if (most !== undefined && value.length > most) return refuse({ ...size, code: 'too_big', maximum: most });
    const entries: T[] = [];
    for (const [index, each] of value.entries()) {
      const result = entry.safeParse(each, { reportInput: true });
      if (!result.success) {
        const issue = result.error.issues[0]!;
        const path = [index, ...issue.path];
        // Unknown names alone would not keep what goes on from a list from being run on none.
        if (issue.code === 'unrecognized_keys') {
          return refuse({ code: 'custom', path: [...path, issue.keys[0]!], message: UNKNOWN, input: each });
        }
        return refuse({ ...issue, input: issue.input, path } as z.core.$ZodRawIssue);
      }
      entries.push(result.data);
    }
    return entries;
  });
}

/** An object with any names, of which there may not be too many. */
export function namesTo<T>(
  value: z.ZodType<T>,
  name: z.ZodType<string>,
  most: number,
): z.ZodType<Record<string, T>> {
  return z
    .custom<Record<string, unknown>>(
      (given) => typeof given === 'object' && given !== null && Object.keys(given).length <= most,
      `must be an object of up to ${most} entries`,
    )
    .pipe(z.record(name as z.ZodType<string, string>, value));
}

/** Ids of tokens, at least one. Whether a vocabulary has them is seen later. */
export const tokenIds: z.ZodType<number[]> = z.custom<number[]>(
  (value) =>
    Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id) && id >= 0),
  'must be a list of token ids, and not empty',
);

/**
 * The body as its schema gives it.
 *
 * @throws RequestError 400 `unknown_parameter`, `missing_parameter` or `invalid_value`, with the parameter's path
 */
export function checkBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body, { reportInput: true });
  if (result.success) return result.data;
  throw invalidBody(result.error.issues[0]!);
}

/** A value that is wrong for a reason that no schema can tell. */
export function invalidParameter(parameter: string, reason: string): RequestError {
  return new RequestError({
    status: 400,
    code: 'invalid_value',
    message: `${parameter} ${reason}`,
    parameter,
  });
}

function invalidBody(issue: Issue): RequestError {
  const { path, found } = deepest(issue, []);
  if (found.code === 'unrecognized_keys') return unknownParameter(nameOf([...path, found.keys[0]!]));
  if (found.message === UNKNOWN) return unknownParameter(nameOf(path));
  if (path.length === 0) {
    return new RequestError({
      status: 400,
      code: 'invalid_value',
      message: 'the body must be a JSON object',
    });
  }
  const parameter = nameOf(path);
  const code = blamed(found) === undefined ? 'missing_parameter' : 'invalid_value';
  return new RequestError({ status: 400, code, message: `${parameter} ${faultOf(found)}`, parameter });
}

function unknownParameter(parameter: string): RequestError {
  return new RequestError({
    status: 400,
    code: 'unknown_parameter',
    message: `${parameter} ${UNKNOWN}`,
    parameter,
  });
}

const UNKNOWN = 'is not a parameter that this server knows; leave it out';

type Issue = z.core.$ZodIssue;

/** Sentences of our schemas go on from a parameter's name; those of the library begin with a capital letter. */
const OWN_MESSAGE = /^[a-z]/;

/** Of the branches of a union, the one that got furthest into the value is what was meant. */
function deepest(
  issue: Issue,
  above: readonly PropertyKey[],
): { path: readonly PropertyKey[]; found: Issue } {
  const path = [...above, ...issue.path];
  if (issue.code !== 'invalid_union' || OWN_MESSAGE.test(issue.message)) return { path, found: issue };
  const branches = issue.errors.flatMap((issues) => issues.slice(0, 1)).map((inner) => deepest(inner, path));
  const inside = branches.filter(
    (branch) => branch.path.length > path.length || branch.found.code !== 'invalid_type',
  );
  inside.sort((a, b) => b.path.length - a.path.length);
  return inside[0] ?? { path, found: issue };
}

/** `messages[0].content`, as the API writes it. */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

function faultOf(issue: Issue): string {
  if (OWN_MESSAGE.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `${startOf(issue.input)} must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case 'invalid_key':
      return faultOf(issue.issues[0]!);
    case 'too_big':
      return `${sizeOf(issue.input)}, and may ${verbOf(issue.input)} at most ${issue.maximum}`;
    case 'too_small': {
      const bound = issue.inclusive === false ? 'more than' : 'at least';
      return `${sizeOf(issue.input)}, and must ${verbOf(issue.input)} ${bound} ${issue.minimum}`;
    }
    case 'invalid_value':
      return `${startOf(issue.input)} must be ${choicesOf(issue.values)}`;
    case 'invalid_union': {
      if ('options' in issue) return `${startOf(blamed(issue))} must be ${choicesOf(issue.options ?? [])}`;
      const types = issue.errors
        .flat()
        .flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : []));
      return `${startOf(issue.input)} must be ${types.map((type) => TYPE_NAMES[type] ?? type).join(' or ')}`;
    }
    default:
      return `is not valid: ${issue.message}`;
  }
}

/** The value at the path of an issue, which is a field of the input where that is to tell the kind of an object. */
function blamed(issue: Issue): unknown {
  const isKind = issue.code === 'invalid_union' && issue.discriminator !== undefined;
  return isKind ? (issue.input as Record<string, unknown>)[issue.discriminator!] : issue.input;
}

function choicesOf(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' or ');
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
};

function startOf(input: unknown): string {
  return input === undefined ? 'is missing, and' : `is ${shown(input)}, and`;
}

function sizeOf(input: unknown): string {
  if (typeof input === 'string') return `has ${input.length} characters`;
  if (Array.isArray(input)) return `has ${input.length} entries`;
  return `is ${shown(input)}`;
}

const verbOf = (input: unknown): string =>
  typeof input === 'string' || Array.isArray(input) ? 'have' : 'be';

/** Long and structured values are named, not repeated. */
function shown(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object' && input !== null) return 'an object';
  const text = typeof input === 'string' ? JSON.stringify(input) : String(input);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
