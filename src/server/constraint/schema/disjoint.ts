/**
 * Whether no value can satisfy two schemas of a `oneOf`: then exactly one of them is what one of them is, and the union is
 * enforced. Seen are types, listed values, and required properties that tell the schemas apart.
 */
import {
  invalidSchema,
  isObject,
  resolve,
  type SchemaNode,
  type SchemaObject,
  unsupported,
} from './schema-node.ts';

const MAX_REFERENCES = 32;
const MAX_WAYS = 64;

/**
 * Checks the schemas of a `oneOf`.
 *
 * @throws BitnetError `schema/unsupported` where two of them may be satisfied at once
 */
export function checkDisjoint(root: unknown, nodes: readonly SchemaNode[], pointer: string): void {
  if (nodes.length > MAX_WAYS)
    throw unsupported('oneOf', `${pointer}/oneOf`, `has more than ${MAX_WAYS} schemas`);
  const schemas = nodes.map((node) => target(root, node));
  for (const [i, a] of schemas.entries()) {
    for (const b of schemas.slice(i + 1)) {
      if (!areDisjoint(root, a, b)) {
        throw unsupported(
          'oneOf',
          `${pointer}/oneOf`,
          'has schemas that one value could satisfy together; use anyOf',
        );
      }
    }
  }
}

function target(root: unknown, node: SchemaNode): SchemaObject {
  let at = node;
  for (let i = 0; i < MAX_REFERENCES; i++) {
    if (!isObject(at.schema)) return {};
    if (at.schema.$ref === undefined) return at.schema;
    at = resolve(root, at.schema.$ref, at.pointer);
  }
  throw invalidSchema(node.pointer, 'refers to itself');
}

function areDisjoint(root: unknown, a: SchemaObject, b: SchemaObject): boolean {
  const [valuesA, valuesB] = [valuesOf(a), valuesOf(b)];
  if (valuesA !== undefined && valuesB !== undefined)
    return !valuesA.some((value) => valuesB.includes(value));
  const [typesA, typesB] = [typesOf(a), typesOf(b)];
  if (typesA === undefined || typesB === undefined) return false;
  const common = typesA.filter((type) => typesB.includes(type));
  if (common.length === 0) return true;
  return common.length === 1 && common[0] === 'object' && haveMark(root, a, b);
}

/** Whether both need a property whose values differ. */
function haveMark(root: unknown, a: SchemaObject, b: SchemaObject): boolean {
  if (!isObject(a.properties) || !isObject(b.properties)) return false;
  if (!Array.isArray(a.required) || !Array.isArray(b.required)) return false;
  const [ofA, ofB, inB] = [a.properties, b.properties, b.required];
  return a.required.some((name: string) => {
    if (!inB.includes(name) || !Object.hasOwn(ofA, name) || !Object.hasOwn(ofB, name)) return false;
    const valuesA = valuesOf(target(root, { schema: ofA[name], pointer: '#' }));
    const valuesB = valuesOf(target(root, { schema: ofB[name], pointer: '#' }));
    return (
      valuesA !== undefined && valuesB !== undefined && !valuesA.some((value) => valuesB.includes(value))
    );
  });
}

/** Values as JSON text; objects and lists are not told apart by theirs. */
function valuesOf(schema: SchemaObject): string[] | undefined {
  const values: unknown = Object.hasOwn(schema, 'const') ? [schema.const] : schema.enum;
  if (!Array.isArray(values) || values.some((value) => typeof value === 'object' && value !== null))
    return undefined;
  return values.map((value) => JSON.stringify(value));
}

/** Types, with integers as numbers. */
function typesOf(schema: SchemaObject): string[] | undefined {
  const values = valuesOf(schema);
  if (schema.type === undefined && values !== undefined) {
    return values.map((value) => (value === 'null' ? 'null' : typeof JSON.parse(value)));
  }
  if (schema.type === undefined) return undefined;
  const types: unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  return types.map((type) => (type === 'integer' ? 'number' : String(type)));
}
