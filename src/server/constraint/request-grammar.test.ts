import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { requestGrammar } from './request-grammar.ts';
import { REFUSED } from './schema/keywords.ts';

const STATES = 1000;
const grammarOf = (schema: unknown) =>
  requestGrammar(
    { format: { kind: 'schema', schema }, tools: [], toolChoice: 'auto', parallelToolCalls: true },
    STATES,
  );

/** Checks that a schema is refused with a code, and that the message holds some words. */
function refused(schema: unknown, code: string, ...words: string[]): void {
  assert.throws(
    () => grammarOf(schema),
    (error) => {
      assert.ok(error instanceof BitnetError, String(error));
      assert.equal(error.code, code, `${JSON.stringify(schema).slice(0, 200)}: ${error.message}`);
      for (const word of words) assert.ok(error.message.includes(word), error.message);
      return true;
    },
  );
}

test('keywords that are not enforced are refused by name and place', () => {
  for (const keyword of [...REFUSED, 'madeUp']) {
    refused(
      { type: 'object', properties: { a: { [keyword]: {} } } },
      'schema/unsupported',
      `"${keyword}"`,
      '#/properties/a',
    );
  }
});

const UNSUPPORTED: readonly (readonly [string, unknown])[] = [
  ['uniqueItems', { type: 'array', uniqueItems: true }],
  ['multipleOf', { type: 'number', multipleOf: 0.01 }],
  ['multipleOf', { type: 'integer', multipleOf: 5 }],
  ['format', { type: 'string', format: 'regex' }],
  ['format', { type: 'string', format: 'date', pattern: 'a' }],
  ['maxLength', { type: 'string', pattern: '^a+$', maxLength: 3 }],
  ['minLength', { type: 'string', pattern: '^a*$', minLength: 3 }],
  ['minProperties', { type: 'object', minProperties: 2 }],
  ['maxProperties', { type: 'object', maxProperties: 2 }],
  ['propertyNames', { type: 'object', propertyNames: { pattern: '^a' } }],
  ['allOf', { allOf: [{ type: 'object' }, { type: 'object' }] }],
  ['oneOf', { oneOf: [{ type: 'integer' }, { type: 'number' }] }],
  ['oneOf', { oneOf: [{ enum: [1, 2] }, { enum: [2, 3] }] }],
  ['minLength', { $ref: '#/$defs/a', minLength: 3, $defs: { a: { type: 'string' } } }],
  ['type', { type: 'object', anyOf: [{ type: 'object' }] }],
  ['maximum', { enum: [1, 2], maximum: 1 }],
  ['$ref', { $ref: 'https://example.com/schema.json' }],
  ['$ref', { $ref: '#anchor' }],
  ['$id', { type: 'array', items: { $id: 'x' } }],
  ['items', { type: 'array', items: [{ type: 'string' }] }],
  ['minimum', { type: 'number', minimum: 1e16 }],
  ['exclusiveMinimum', { type: 'number', exclusiveMinimum: 1e-12 }],
  ['maxItems', { type: 'array', maxItems: 1e9 }],
];

test('uses of keywords that are not enforced are refused by name', () => {
  for (const [keyword, schema] of UNSUPPORTED) refused(schema, 'schema/unsupported', `"${keyword}"`);
});

test('schemas that are wrong, or that nothing satisfies, are refused', () => {
  const loop = { $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } };
  for (const schema of [
    null,
    7,
    'object',
    false,
    { type: 'text' },
    { type: [] },
    { enum: [] },
    { enum: 'a' },
    { type: 'string', enum: [1] },
    { properties: [] },
    { required: 'a' },
    { type: 'object', required: ['a'], additionalProperties: false },
    { type: 'integer', minimum: 5, maximum: 4 },
    { type: 'number', exclusiveMinimum: 1, maximum: 1 },
    { type: 'integer', minimum: '1' },
    { type: 'string', minLength: -1 },
    { type: 'string', minLength: 3, maxLength: 2 },
    { type: 'array', minItems: 1.5 },
    { anyOf: [] },
    { $ref: '#/$defs/missing' },
    { $ref: '#' },
    { $ref: '#/$defs/a', ...loop },
    { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] },
  ]) {
    refused(schema, 'schema/invalid');
  }
  for (const pattern of ['(', '(?=a)b', '\\bword', '(a)\\1', '\\p{L}', 'a^b', '(a*)*', '[]', 'a{1001']) {
    refused({ type: 'string', pattern }, 'regex/invalid');
  }
});

test('schemas that would be too much work are refused at once', () => {
  let deep: unknown = { type: 'string' };
  for (let i = 0; i < 100; i++) deep = { type: 'array', items: deep };
  for (const schema of [
    deep,
    { type: 'string', maxLength: 1e9 },
    { type: 'string', maxLength: 3000 },
    { type: 'array', items: { type: 'array', maxItems: 4000 }, minItems: 9000 },
    { type: 'string', pattern: '^((a{50}){50}){50}$' },
    { type: 'string', pattern: 'a{100000}' },
    { enum: Array.from({ length: 30_000 }, (_, i) => i) },
    { type: 'object', properties: Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`p${i}`, {}])) },
    { enum: ['x'.repeat(300_000)] },
    { enum: Array.from({ length: 400 }, (_, i) => 'a'.repeat(i)) },
    { type: 'object', properties: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`p${i}`, {}])) },
    { type: 'string', pattern: '^(?:[a-z]?[a-z]?){300}$' },
    { type: 'string', pattern: `^${'.*'.repeat(100)}$` },
    { anyOf: Array.from({ length: 100 }, () => ({ type: 'array', items: { type: 'string' } })) },
    {
      type: 'array',
      items: { anyOf: Array.from({ length: 20 }, () => ({ anyOf: Array.from({ length: 20 }, () => ({})) })) },
    },
  ]) {
    refused(schema, 'schema/too-large');
  }
});

test('schemas of agents are not too much', () => {
  const parameters = {
    type: 'object',
    properties: Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [
        `parameter_${i}`,
        { anyOf: [{ type: 'string', maxLength: 40 }, { enum: ['a', 'b', `c${i}`] }, { type: 'null' }] },
      ]),
    ),
    required: ['parameter_0'],
    additionalProperties: false,
  };
  const tools = Array.from({ length: 30 }, (_, i) => ({ name: `tool_${i}`, parameters }));
  const request = { format: { kind: 'text' }, tools, toolChoice: 'auto', parallelToolCalls: true } as const;
  assert.ok(requestGrammar(request, 50));
  const names = Array.from({ length: 300 }, (_, i) => `p${i}`);
  for (const required of [[], names]) {
    const properties = Object.fromEntries(
      names.map((name) => [name, { type: 'string', format: 'date-time' }]),
    );
    assert.ok(
      requestGrammar(
        {
          ...request,
          tools: [],
          format: { kind: 'schema', schema: { type: 'object', properties, required } },
        },
        50,
      ),
    );
  }
});

test('tools whose arguments cannot be enforced are named', () => {
  const tool = { name: 'look_up', parameters: { type: 'object', properties: { q: { not: {} } } } };
  const request = {
    format: { kind: 'text' },
    tools: [tool],
    toolChoice: 'auto',
    parallelToolCalls: true,
  } as const;
  assert.throws(() => requestGrammar(request, STATES), /tool "look_up".*"not" at #\/properties\/q/);
});

test('two tools may name their definitions alike', () => {
  const tool = (name: string, type: string) => ({
    name,
    parameters: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type } } },
  });
  const tools = [tool('one', 'null'), tool('two', 'boolean')];
  const request = {
    format: { kind: 'text' },
    tools,
    toolChoice: 'required',
    parallelToolCalls: false,
  } as const;
  const grammar = requestGrammar(request, STATES)!;
  assert.ok(grammar.includes('"null"') && grammar.includes('"false"'));
});
