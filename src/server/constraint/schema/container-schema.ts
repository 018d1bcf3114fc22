/** Objects and arrays of a schema as rules. */
import { literal } from '../grammar/grammar-rules.ts';
import {
  count,
  invalidSchema,
  isObject,
  part,
  type RuleWriter,
  type SchemaNode,
  type SchemaObject,
  unsupported,
} from './schema-node.ts';

const MAX_ITEMS = 10_000;

/** A property, in the order of writing. */
interface Property {
  readonly name: string;
  readonly value: SchemaNode;
  readonly isRequired: boolean;
}

/** Alternatives for objects. */
export function objectRule(writer: RuleWriter, node: SchemaNode, schema: SchemaObject): string {
  checkNames(node, schema);
  const properties = propertiesOf(node, schema);
  const rest = restOf(node, schema);
  const min = count(node, schema, 'minProperties') ?? 0;
  const max = count(node, schema, 'maxProperties') ?? Number.POSITIVE_INFINITY;
  const required = properties.filter((property) => property.isRequired).length;
  const isRecord = properties.length === 0 && rest !== undefined;
  if (min > Math.max(required, isRecord ? 1 : 0)) {
    throw unsupported(
      'minProperties',
      `${node.pointer}/minProperties`,
      'is above the number of required properties',
    );
  }
  if (max < properties.length || (rest !== undefined && Number.isFinite(max))) {
    throw unsupported(
      'maxProperties',
      `${node.pointer}/maxProperties`,
      'is enforced only where the properties listed are few enough',
    );
  }
  if (isRecord) {
    if (rest.schema === true && min === 0) return writer.json.object;
    return writer.json.objectOf(writer.json.string, () => writer.rule(rest), min);
  }
  return closedObject(writer, properties, rest);
}

function checkNames(node: SchemaNode, schema: SchemaObject): void {
  const { propertyNames } = schema;
  const isAny = propertyNames === true || propertyNames === undefined;
  const isString =
    isObject(propertyNames) &&
    Object.keys(propertyNames).every((key) => key === 'type') &&
    (propertyNames.type === undefined || propertyNames.type === 'string');
  if (!isAny && !isString) {
    throw unsupported(
      'propertyNames',
      `${node.pointer}/propertyNames`,
      'is enforced only as {"type": "string"}',
    );
  }
}

function propertiesOf(node: SchemaNode, schema: SchemaObject): Property[] {
  const { properties = {}, required = [] } = schema;
  if (!isObject(properties)) throw invalidSchema(`${node.pointer}/properties`, 'is not an object');
  if (!Array.isArray(required) || required.some((name) => typeof name !== 'string')) {
    throw invalidSchema(`${node.pointer}/required`, 'is not a list of names');
  }
  const listed = Object.keys(properties).map((name) => ({
    name,
    value: part(node, 'properties', name),
    isRequired: required.includes(name),
  }));
  const missing = [...new Set<string>(required)].filter((name) => !Object.hasOwn(properties, name));
  if (missing.length > 0 && schema.additionalProperties === false) {
    throw invalidSchema(
      `${node.pointer}/required`,
      `names "${missing[0]}", which additionalProperties forbids`,
    );
  }
  const other = schema.additionalProperties ?? true;
  const value = { schema: other, pointer: `${node.pointer}/additionalProperties` };
  return [...listed, ...missing.map((name) => ({ name, value, isRequired: true }))];
}

/** The schema of properties that are not listed; undefined where there are none. */
function restOf(node: SchemaNode, schema: SchemaObject): SchemaNode | undefined {
  const { additionalProperties, properties, required } = schema;
  if (additionalProperties === false) return undefined;
  if (additionalProperties !== undefined) return part(node, 'additionalProperties');
  const isOpen =
    properties === undefined &&
    (required === undefined || (Array.isArray(required) && required.length === 0));
  return isOpen ? { schema: true, pointer: node.pointer } : undefined;
}

/**
 * Properties in order, then others. `some` is one of the properties from the i-th on with all that may follow it,
 * `more` what may follow a property before the i-th: what all ways begin with (the comma, the blanks) is written once,
 * so that a mask looks at one state for each property that may be next, and no more.
 */
function closedObject(
  writer: RuleWriter,
  properties: readonly Property[],
  rest: SchemaNode | undefined,
): string {
  const { rules, space } = writer.json;
  const close = rules.shared('close-object', () => `${space} "}"`);
  let some: string | undefined;
  let more = close;
  if (rest !== undefined) {
    const key = rules.add(writer.json.keyBut(properties.map((property) => property.name)));
    const member = rules.add(writer.json.member(key, writer.rule(rest)));
    more = rules.reserve();
    some = rules.add(`${member} ${more}`);
    rules.define(more, `${close} | "," ${space} ${some}`);
  }
  let mayClose = true;
  for (const { name, value, isRequired } of [...properties].reverse()) {
    const member = `${writer.json.member(literal(JSON.stringify(name)), writer.rule(value))} ${more}`;
    some = rules.add(isRequired || some === undefined ? member : `${member} | ${some}`);
    mayClose &&= !isRequired;
    more = rules.add(`${mayClose ? `${close} | ` : ''}"," ${space} ${some}`);
  }
  if (some === undefined) return `"{" ${close}`;
  return `${mayClose ? `"{" ${close} | ` : ''}"{" ${space} ${some}`;
}

/** Alternatives for arrays. */
export function arrayRule(writer: RuleWriter, node: SchemaNode, schema: SchemaObject): string {
  const min = count(node, schema, 'minItems') ?? 0;
  const max = count(node, schema, 'maxItems') ?? Number.POSITIVE_INFINITY;
  if (min > max) throw invalidSchema(`${node.pointer}/minItems`, 'is above maxItems');
  if (Math.max(min, Number.isFinite(max) ? max : 0) > MAX_ITEMS) {
    throw unsupported(min > MAX_ITEMS ? 'minItems' : 'maxItems', node.pointer, `is above ${MAX_ITEMS}`);
  }
  if (schema.uniqueItems !== undefined && schema.uniqueItems !== false && max > 1) {
    throw unsupported('uniqueItems', `${node.pointer}/uniqueItems`);
  }
  if (Array.isArray(schema.items))
    throw unsupported('items', `${node.pointer}/items`, 'is a list; use prefixItems');
  if (schema.prefixItems !== undefined) return tuple(writer, node, schema, min, max);
  if (schema.items === false) {
    if (min > 0) throw invalidSchema(`${node.pointer}/minItems`, 'asks for items that items forbids');
    return writer.json.list(() => '', 0, 0);
  }
  const items = schema.items === undefined ? { schema: true, pointer: node.pointer } : part(node, 'items');
  // The rule is written even where it stays unused: its keywords are checked.
  const rule = writer.rule(items);
  return writer.json.list(() => rule, min, max);
}

/** Exactly the listed items, and then those of `items` where it is a schema. */
function tuple(writer: RuleWriter, node: SchemaNode, schema: SchemaObject, min: number, max: number): string {
  const { prefixItems, items = false } = schema;
  if (!Array.isArray(prefixItems) || prefixItems.length === 0) {
    throw invalidSchema(`${node.pointer}/prefixItems`, 'is not a list of schemas');
  }
  const { space } = writer.json;
  const listed = prefixItems.map((_, i) => writer.rule(part(node, 'prefixItems', i))).slice(0, max);
  const isOpen = items !== false && max > listed.length;
  if (!isOpen && min > listed.length)
    throw invalidSchema(`${node.pointer}/minItems`, 'is above the number of prefixItems');
  if (listed.length === 0) return writer.json.list(() => '', 0, 0);
  const others = items === false ? undefined : writer.rule(part(node, 'items'));
  const more = writer.json.tail(isOpen ? others : undefined, min - listed.length, max - listed.length);
  return `"[" ${space} ${listed.join(` "," ${space} `)} ${more}`;
}
