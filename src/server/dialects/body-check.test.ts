import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { RequestError } from '../http/failure.ts';
import { checkBody, listOf, namesTo, refused, tokenIds } from './body-check.ts';

const schema = z.strictObject({
  count: z.int().min(1).max(8).nullish(),
  share: z.number().gt(0).nullish(),
  name: z.string().min(1).optional(),
  kind: z.enum(['one', 'two']).optional(),
  flag: z.boolean().optional(),
  words: z.union([z.string(), listOf(z.string(), { least: 1, most: 3 })]).optional(),
  nested: listOf(z.strictObject({ text: z.string() })).optional(),
  ids: tokenIds.optional(),
  table: namesTo(z.number(), z.string().regex(/^\d+$/, 'must be a number'), 2).optional(),
  block: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('text'), text: z.string() }),
      z.strictObject({ type: z.literal('call') }),
    ])
    .optional(),
  gone: refused('is not supported; leave it out'),
});

describe('a request body', () => {
  test('is what the schema makes of it', () => {
    const body = {
      count: 2,
      words: ['a'],
      nested: [{ text: 'x' }],
      ids: [0, 5],
      table: { 1: 2 },
      gone: null,
    };
    assert.deepEqual(checkBody(schema, body), body);
    assert.deepEqual(checkBody(schema, {}), {});
  });

  const cases: [string, unknown, string, string][] = [
    ['too large', { count: 9 }, 'count', 'count is 9, and may be at most 8'],
    ['too small', { count: 0 }, 'count', 'count is 0, and must be at least 1'],
    ['at an open bound', { share: 0 }, 'share', 'share is 0, and must be more than 0'],
    ['not whole', { count: 1.5 }, 'count', 'count is 1.5, and must be a whole number'],
    ['endless', { share: Number.POSITIVE_INFINITY }, 'share', 'share is Infinity, and must be a number'],
    [
      'beyond whole numbers',
      { count: 2 ** 60 },
      'count',
      `count is ${2 ** 60}, and may be at most ${2 ** 53 - 1}`,
    ],
    ['of another type', { flag: 'yes' }, 'flag', 'flag is "yes", and must be true or false'],
    ['an empty text', { name: '' }, 'name', 'name has 0 characters, and must have at least 1'],
    ['no choice', { kind: 'six' }, 'kind', 'kind is "six", and must be "one" or "two"'],
    ['none of two types', { words: 5 }, 'words', 'words is 5, and must be a string or a list'],
    ['an empty list', { words: [] }, 'words', 'words has 0 entries, and must have at least 1'],
    ['a long list', { words: ['', '', '', ''] }, 'words', 'words has 4 entries, and may have at most 3'],
    ['wrong within', { words: ['a', 1] }, 'words[1]', 'words[1] is 1, and must be a string'],
    ['missing within', { nested: [{}] }, 'nested[0].text', 'nested[0].text is missing, and must be a string'],
    [
      'unknown within',
      { nested: [{ text: '', more: 1 }] },
      'nested[0].more',
      'nested[0].more is not a parameter that this server knows; leave it out',
    ],
    ['no token', { ids: [1, -1] }, 'ids', 'ids must be a list of token ids, and not empty'],
    ['no key', { table: { x: 1 } }, 'table.x', 'table.x must be a number'],
    ['too many keys', { table: { 1: 1, 2: 2, 3: 3 } }, 'table', 'table must be an object of up to 2 entries'],
    [
      'no kind of object',
      { block: { type: 'image' } },
      'block.type',
      'block.type is "image", and must be "text" or "call"',
    ],
    [
      'an object of no kind',
      { block: {} },
      'block.type',
      'block.type is missing, and must be "text" or "call"',
    ],
    [
      'wrong within a kind of object',
      { block: { type: 'text', text: 1 } },
      'block.text',
      'block.text is 1, and must be a string',
    ],
    ['not supported', { gone: 1 }, 'gone', 'gone is not supported; leave it out'],
  ];
  for (const [what, body, parameter, message] of cases) {
    test(`is refused for a value that is ${what}`, () => {
      assert.throws(
        () => checkBody(schema, body),
        (error) => {
          assert.ok(error instanceof RequestError);
          assert.deepEqual([error.status, error.parameter, error.message], [400, parameter, message]);
          return true;
        },
      );
    });
  }

  test('a long list of wrong entries is read up to the first', () => {
    let count = 0;
    const entry = z.custom<number>(() => ++count < 3, 'is wrong');
    const list = z.strictObject({ list: listOf(entry) });
    assert.throws(
      () => checkBody(list, { list: Array.from({ length: 1000 }, () => 0) }),
      /list\[2\] is wrong/,
    );
    assert.equal(count, 3);
  });

  test('long values are not repeated', () => {
    assert.throws(
      () => checkBody(schema, { count: 'x'.repeat(1000) }),
      (error) => error instanceof RequestError && error.message.length < 120,
    );
  });
});
