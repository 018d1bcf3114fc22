import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextList, TextListBuilder } from './text-list.ts';

test('texts come back at their index and in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 30 }), (texts) => {
      const list = TextList.of(texts);
      assert.equal(list.length, texts.length);
      assert.deepEqual([...list], texts);
      texts.forEach((text, i) => void assert.equal(list.textAt(i), text));
    }),
  );
});

test('there is no text outside the list', () => {
  const list = TextList.of(['a', '']);
  for (const index of [-1, 2, 3, 0.5, Number.NaN, 2 ** 53]) assert.equal(list.textAt(index), undefined);
  assert.equal(TextList.of([]).textAt(0), undefined);
});

test('a byte order mark stays, half a surrogate pair becomes U+FFFD', () => {
  assert.deepEqual([...TextList.of(['\ufeffa', '\ud83c', 'x\udf4f🍏'])], ['\ufeffa', '\ufffd', 'x\ufffd🍏']);
});

test('bytes that are no UTF-8 are refused, and the list goes on without them', () => {
  const builder = new TextListBuilder(2, 0);
  assert.equal(builder.addBytes(Uint8Array.of(0x41, 0xc3, 0xa9), 1, 2), true);
  assert.equal(builder.addBytes(Uint8Array.of(0x41, 0xc3, 0xa9), 0, 2), false);
  assert.equal(builder.length, 1);
  assert.equal(builder.byteLength, 2);
  builder.addText('z');
  assert.deepEqual([...builder.finish()], ['é', 'z']);
});

test('two halves of a character in two texts are refused, although they are valid together', () => {
  const builder = new TextListBuilder(2, 16);
  assert.equal(builder.addBytes(Uint8Array.of(0xc3), 0, 1), false);
  assert.equal(builder.addBytes(Uint8Array.of(0xa9), 0, 1), false);
});
