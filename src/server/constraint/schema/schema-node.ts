/**
 * Schemas as they are given: parts are reached with the JSON pointer that errors name. Everything that can make a schema
 * too much work (size, depth, references in circles) is refused here, before a grammar is written.
 */
import { BitnetError } from '../../../base/errors.ts';
import type { JsonGrammar } from '../grammar/json-grammar.ts';
import { ANNOTATIONS, ENFORCED } from './keywords.ts';

/** An object of a schema document. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** A schema and where it is. */
export interface SchemaNode {
  readonly schema: unknown;
  /** JSON pointer, as in `#/properties/name`. */
  readonly pointer: string;
}

/** What writes the rules of a schema's parts. */
export interface RuleWriter {
  readonly json: JsonGrammar;
  rule(node: SchemaNode): string;
}

const MAX_DEPTH = 64;
const MAX_VALUES = 20_000;
const MAX_UNITS = 200_000;
const KNOWN: ReadonlySet<string> = new Set([...Object.values(ENFORCED).flat(), ...ANNOTATIONS]);

/** A keyword that cannot be enforced as it is used. */
export function unsupported(keyword: string, pointer: string, why = 'is not enforced'): BitnetError {
  return new BitnetError(
    'schema/unsupported',
    `the schema's keyword "${keyword}" at ${pointer} ${why}; leave it out, or check the answer yourself`,
    { details: { keyword, pointer } },
  );
}

/** A schema that is wrong or that nothing can satisfy. */
export function invalidSchema(pointer: string, why: string): BitnetError {
  return new BitnetError('schema/invalid', `the schema at ${pointer} ${why}`, { details: { pointer } });
}

/** A part of a node. */
export function part(node: SchemaNode, ...path: (string | number)[]): SchemaNode {
  let { schema, pointer } = node;
  for (const step of path) {
    schema = (schema as Record<string, unknown>)[step];
    pointer += `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  }
  return { schema, pointer };
}

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The schema of a node as an object; true is {} and false is refused.
 *
 * @throws BitnetError `schema/invalid`, `schema/unsupported` for an unknown keyword
 */
export function objectOf(node: SchemaNode): SchemaObject {
  if (node.schema === true) return {};
  if (node.schema === false) throw invalidSchema(node.pointer, 'is false, which nothing satisfies');
  if (!isObject(node.schema)) throw invalidSchema(node.pointer, 'is neither an object nor a boolean');
  for (const key of Object.keys(node.schema)) {
    if (!KNOWN.has(key)) throw unsupported(key, `${node.pointer}/${key}`);
  }
  if (node.pointer !== '#' && node.schema.$id !== undefined) throw unsupported('$id', `${node.pointer}/$id`);
  return node.schema;
}

/** What a `$ref` names within the document. */
export function resolve(root: unknown, reference: unknown, pointer: string): SchemaNode {
  if (typeof reference !== 'string') throw invalidSchema(`${pointer}/$ref`, 'is not a string');
  if (reference !== '#' && !reference.startsWith('#/')) {
    throw unsupported('$ref', `${pointer}/$ref`, `refers to "${reference}" outside of the schema`);
  }
  let schema: unknown = root;
  for (const step of reference.split('/').slice(1)) {
    const key = decode(step).replaceAll('~1', '/').replaceAll('~0', '~');
    const hasKey = typeof schema === 'object' && schema !== null && Object.hasOwn(schema, key);
    if (!hasKey) throw invalidSchema(`${pointer}/$ref`, `refers to ${reference}, which does not exist`);
    schema = (schema as Record<string, unknown>)[key];
  }
  return { schema, pointer: reference };
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/**
 * Bounds what a schema may cost.
 *
 * @throws BitnetError `schema/too-large`
 */
export function checkSize(schema: unknown): void {
  let values = 0;
  let units = 0;
  const pending: { value: unknown; depth: number }[] = [{ value: schema, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth } = next;
    values++;
    if (typeof value === 'string') units += value.length;
    if (values > MAX_VALUES || units > MAX_UNITS) throw tooLarge('is too long');
    if (depth > MAX_DEPTH) throw tooLarge(`is nested deeper than ${MAX_DEPTH}`);
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      units += key.length;
      pending.push({ value: inner, depth: depth + 1 });
    }
  }
}

function tooLarge(why: string): BitnetError {
  return new BitnetError('schema/too-large', `the schema ${why}; make it smaller`);
}

/** Checks that a finite value satisfies a schema: references may not need themselves. */
export class FiniteCheck {
  readonly #root: unknown;
  readonly #finite = new Set<unknown>();
  #steps = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** Whether some value of a schema is finite. */
  isFinite(schema: unknown, within: readonly unknown[] = []): boolean {
    if (++this.#steps > 100_000) throw tooLarge('refers to itself in too many ways');
    if (!isObject(schema) || this.#finite.has(schema)) return true;
    if (within.includes(schema)) return false;
    const inner = [...within, schema];
    const finite = this.#parts(schema).every((ways) => ways.some((way) => this.isFinite(way, inner)));
    if (finite) this.#finite.add(schema);
    return finite;
  }

  /** Lists of which one each has to be finite. */
  #parts(schema: SchemaObject): unknown[][] {
    const { $ref, anyOf, oneOf, allOf, type, properties, required, items, minItems } = schema;
    if ($ref !== undefined) return [[resolve(this.#root, $ref, '#').schema]];
    const unions = [anyOf, oneOf].filter((union) => Array.isArray(union));
    if (unions.length > 0) return unions;
    if (Array.isArray(allOf)) return allOf.map((one) => [one]);
    const types = Array.isArray(type) ? type : [type];
    if (types.some((one) => one !== undefined && one !== 'object' && one !== 'array')) return [];
    const parts: unknown[][] = [];
    if (isObject(properties) && Array.isArray(required) && !types.includes('array')) {
      for (const key of required)
        if (Object.hasOwn(properties, String(key))) parts.push([properties[String(key)]]);
    }
    if (items !== undefined && Number(minItems) > 0 && !types.includes('object')) parts.push([items]);
    if (Array.isArray(schema.prefixItems)) parts.push(...schema.prefixItems.map((one) => [one]));
    return parts;
  }
}

/** Whether a JSON value is of a type. */
export function hasType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** A whole number of 0 or more that a keyword gives. */
export function count(node: SchemaNode, schema: SchemaObject, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    throw invalidSchema(`${node.pointer}/${keyword}`, 'is not a whole number of 0 or more');
  }
  return Number(value);
}
