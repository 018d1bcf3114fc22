/** JSON schemas for tests: random ones of every form that is enforced, and some as applications write them. */
import { below, pick, type Random } from '../properties/mutate.js';

type Schema = Record<string, unknown>;

const FORMATS = ['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'];
const PATTERNS = [
  '^[A-Z]{2,3}-[0-9]{4}$',
  '^(?:red|green|blue)(?:,(?:red|green|blue))*$',
  '^#[0-9a-f]{6}$',
  '^[^"\\\\]{1,8}$',
  '^"quoted \\\\ text"$',
  '^[à-ÿ]+[^\\x00-\\x7f]$',
  '^\\S{2,5}\\s\\w*$',
];
const NAMES = ['id', 'name', 'na', 'value', 'größe', 'a b', 'quo"te', 'tags', 'next', 'x', 'type'];
const CONSTANTS = [
  'red',
  'two words',
  'quo"te\n',
  'über',
  '',
  0,
  -12.5,
  1e21,
  true,
  false,
  null,
  { a: [1, 'b'] },
  [],
];

/** A random schema; `refs` are what it may refer to. */
export function randomSchema(random: Random, depth: number, refs: readonly string[]): Schema {
  const leaf = [
    string,
    string,
    integer,
    number,
    constant,
    () => ({ type: pick(['boolean', 'null'], random) }),
  ];
  const inner = [object, object, array, union, reference];
  const make = pick(depth > 0 ? [...leaf, ...inner, ...inner] : leaf, random);
  return make(random, depth, refs);
}

/** A random schema document with definitions. */
export function randomDocument(random: Random): Schema {
  const names = ['item', 'node'];
  const refs = names.map((name) => `#/$defs/${name}`);
  const defs = Object.fromEntries(names.map((name, i) => [name, randomSchema(random, 1, refs.slice(0, i))]));
  const tree = {
    type: 'object',
    properties: { v: { type: 'integer' }, n: { $ref: '#/$defs/tree' } },
    required: ['v'],
  };
  const root = random() < 0.8 ? object(random, 2, [...refs, '#/$defs/tree']) : randomSchema(random, 2, refs);
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...root, $defs: { ...defs, tree } };
}

function string(random: Random): Schema {
  const kind = below(5, random);
  if (kind === 0) return { type: 'string', format: pick(FORMATS, random) };
  if (kind === 1) return { type: 'string', pattern: pick(PATTERNS, random) };
  if (kind === 2) return { type: 'string', minLength: below(4, random), maxLength: 4 + below(12, random) };
  if (kind === 3) return { type: ['string', 'null'], maxLength: below(6, random), title: 'nullable' };
  return { type: 'string', description: 'any' };
}

function integer(random: Random): Schema {
  const low = below(2000, random) - 1000;
  return pick(
    [
      { type: 'integer' },
      { type: 'integer', minimum: low, maximum: low + below(5000, random) },
      { type: 'integer', exclusiveMinimum: low },
      { type: 'integer', maximum: low, multipleOf: 1 },
    ],
    random,
  );
}

function number(random: Random): Schema {
  const low = Math.round((random() - 0.5) * 10 ** below(6, random) * 100) / 100;
  const high = Math.round((low + 0.01 + random() * 10 ** below(4, random)) * 1000) / 1000;
  return pick(
    [
      { type: 'number' },
      { type: 'number', minimum: low, maximum: high },
      { type: 'number', exclusiveMinimum: low, exclusiveMaximum: high },
      { type: 'number', exclusiveMaximum: low },
      { type: ['number', 'null'], minimum: 0 },
    ],
    random,
  );
}

function constant(random: Random): Schema {
  if (random() < 0.3) return { const: pick(CONSTANTS, random) };
  return { enum: Array.from({ length: 1 + below(5, random) }, () => pick(CONSTANTS, random)) };
}

function object(random: Random, depth: number, refs: readonly string[]): Schema {
  if (random() < 0.1)
    return { type: 'object', additionalProperties: randomSchema(random, depth - 1, refs), minProperties: 1 };
  const names = NAMES.filter(() => random() < 0.35);
  const properties = Object.fromEntries(names.map((name) => [name, randomSchema(random, depth - 1, refs)]));
  const required = names.filter(() => random() < 0.6);
  const rest = below(4, random);
  return {
    type: 'object',
    properties,
    required,
    ...(rest === 0 ? { additionalProperties: randomSchema(random, 0, refs) } : {}),
    ...(rest === 1 ? { additionalProperties: false } : {}),
  };
}

function array(random: Random, depth: number, refs: readonly string[]): Schema {
  const items = randomSchema(random, depth - 1, refs);
  if (random() < 0.25) {
    const prefixItems = [randomSchema(random, 0, refs), randomSchema(random, 0, refs)];
    return { type: 'array', prefixItems, items: random() < 0.5 ? false : items, minItems: 2, maxItems: 4 };
  }
  const minItems = below(3, random);
  return { type: 'array', items, minItems, maxItems: minItems + below(3, random) };
}

function union(random: Random, depth: number, refs: readonly string[]): Schema {
  if (random() < 0.6)
    return { anyOf: [randomSchema(random, depth - 1, refs), randomSchema(random, 0, refs)] };
  const shape = (kind: string) => ({
    type: 'object',
    properties: { kind: { const: kind }, of: randomSchema(random, depth - 1, refs) },
    required: ['kind'],
  });
  return { oneOf: [shape('a'), shape('b'), { type: 'null' }] };
}

function reference(random: Random, depth: number, refs: readonly string[]): Schema {
  return refs.length === 0
    ? integer(random)
    : depth > 1 && random() < 0.3
      ? { allOf: [{ $ref: pick(refs, random) }] }
      : { $ref: pick(refs, random) };
}

/** Schemas as applications write them. */
export const HANDWRITTEN: readonly Schema[] = [
  {
    $id: 'https://example.com/person.json',
    title: 'Person',
    type: 'object',
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 20 },
      age: { type: 'integer', minimum: 0, maximum: 130 },
      email: { type: 'string', format: 'email' },
      born: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }], default: null },
    },
    required: ['name', 'age'],
    additionalProperties: false,
  },
  {
    type: 'object',
    properties: { steps: { type: 'array', items: { $ref: '#/definitions/step' }, minItems: 1, maxItems: 3 } },
    required: ['steps'],
    definitions: {
      step: {
        type: 'object',
        properties: { action: { enum: ['read', 'write'] }, reason: { type: 'string', maxLength: 10 } },
        required: ['action', 'reason'],
      },
    },
  },
  {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 5 },
      children: { type: 'array', items: { $ref: '#' }, maxItems: 1 },
    },
    required: ['name'],
    additionalProperties: false,
  },
  {
    type: 'array',
    items: { type: 'array', items: { type: 'number', minimum: -1, maximum: 1 }, minItems: 2, maxItems: 2 },
    minItems: 2,
    maxItems: 2,
  },
  {
    type: 'object',
    properties: { id: { type: 'integer' } },
    required: ['id', 'other'],
    additionalProperties: { type: 'boolean' },
  },
  {
    type: 'object',
    propertyNames: { type: 'string' },
    additionalProperties: { type: 'string', format: 'uuid' },
  },
  { enum: ['positive', 'negative', 'neutral'] },
  { type: 'object', properties: {}, additionalProperties: false },
];
