import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { parseJsonObject, readJsonFile, readTextFile } from './json.ts';
import { memoryFolder } from './sources/memory.ts';

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const hasCode = (code: string) => (error: unknown) => error instanceof BitnetError && error.code === code;

test('any object without repeated keys parses as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value, null, 1);
      assert.deepEqual(parseJsonObject(bytes(text), 'x'), JSON.parse(text));
    }),
  );
});

test('a repeated key is refused at any depth and however it is written', () => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"x":[{"a":1, "b":{"a":2}, "a":3}]}',
    '{"a" \n :1,"\\u0061":1}',
    '{"\\"":1,"b":"\\"","\\"":2}',
    '{"__proto__":1,"__proto__":1}',
  ]) {
    assert.throws(() => parseJsonObject(bytes(text), 'x'), hasCode('json/repeated-key'), text);
  }
  const fine = '{"a":"a","b":["a","a",{"a":1},{"a":1}],"c":{"a":{"a":"}{"}}}';
  assert.deepEqual(parseJsonObject(bytes(fine), 'x'), JSON.parse(fine));
});

test('what is no JSON object is one error that names the text', () => {
  for (const text of ['', '{', '[1]', 'null', '7', '{"a":NaN}', '{"a":1}}', '['.repeat(100_000)]) {
    assert.throws(
      () => parseJsonObject(bytes(text), 'config.json'),
      hasCode('json/invalid'),
      text.slice(0, 20),
    );
  }
  assert.throws(() => parseJsonObject(Uint8Array.of(0x7b, 0xff, 0x7d), 'config.json'), /config\.json.*UTF-8/);
});

test('files are read within their limit', async () => {
  const folder = memoryFolder(
    new Map([
      ['a.json', bytes('{"x":1}')],
      ['t.txt', Uint8Array.of(0xff)],
    ]),
    'dir',
  );
  assert.deepEqual(await readJsonFile(folder, 'a.json', 7), { x: 1 });
  assert.equal(await readTextFile(folder, 'a.json', 7), '{"x":1}');
  assert.equal(await readJsonFile(folder, 'b.json', 7), undefined);
  assert.equal(await readTextFile(folder, 'b.txt', 7), undefined);
  await assert.rejects(readJsonFile(folder, 'a.json', 6), hasCode('checkpoint/file-too-large'));
  await assert.rejects(readTextFile(folder, 't.txt', 6), hasCode('checkpoint/not-text'));
});
