import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { TextList } from '../text-list.ts';
import {
  findBoolean,
  findNumber,
  findNumbers,
  findString,
  findTexts,
  type GgufMetadata,
  getBoolean,
  getNumber,
  getString,
  getTexts,
  type MetadataValue,
} from './metadata.ts';

const metadata: GgufMetadata = new Map<string, MetadataValue>([
  ['text', 'x'],
  ['number', 3],
  ['big', 2n ** 60n],
  ['flag', false],
  ['texts', TextList.of(['a', 'b'])],
  ['flags', [true]],
  ['none', TextList.of([])],
  ['ints', Int32Array.of(1, 2)],
  ['bigs', BigInt64Array.of(1n)],
]);

const refused = (code: string, key: string) => (error: unknown) =>
  error instanceof BitnetError && error.code === code && error.message.includes(`"${key}"`);

test('values of the type asked for come out', () => {
  assert.equal(getString(metadata, 'text'), 'x');
  assert.equal(getNumber(metadata, 'number'), 3);
  assert.equal(getBoolean(metadata, 'flag'), false);
  assert.deepEqual([...getTexts(metadata, 'texts')], ['a', 'b']);
  assert.deepEqual([...getTexts(metadata, 'none')], []);
  assert.deepEqual(findNumbers(metadata, 'ints'), Int32Array.of(1, 2));
});

test('a missing key is undefined where it may be missing, and an error where not', () => {
  for (const find of [findString, findNumber, findBoolean, findTexts, findNumbers]) {
    assert.equal(find(metadata, 'nope'), undefined);
  }
  for (const get of [getString, getNumber, getBoolean, getTexts]) {
    assert.throws(() => get(metadata, 'nope'), refused('gguf/missing-key', 'nope'));
  }
});

test('a value of another type is an error that names the key', () => {
  assert.throws(() => findString(metadata, 'number'), refused('gguf/key-type', 'number'));
  assert.throws(() => findNumber(metadata, 'text'), refused('gguf/key-type', 'text'));
  assert.throws(() => findNumber(metadata, 'big'), refused('gguf/key-type', 'big'));
  assert.throws(() => findBoolean(metadata, 'ints'), refused('gguf/key-type', 'ints'));
  assert.throws(() => findTexts(metadata, 'flags'), refused('gguf/key-type', 'flags'));
  assert.throws(() => findTexts(metadata, 'text'), refused('gguf/key-type', 'text'));
  assert.throws(() => findNumbers(metadata, 'bigs'), refused('gguf/key-type', 'bigs'));
  assert.throws(() => findNumbers(metadata, 'texts'), refused('gguf/key-type', 'texts'));
});
