import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8 } from './utf8.ts';

const encoder = new TextEncoder();

test('text of any length comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      assert.equal(decodeUtf8(encoder.encode(text)), text);
    }),
  );
});

test('overlong forms, surrogates and points beyond Unicode are refused', () => {
  for (const list of [
    [0xc0, 0x80],
    [0xe0, 0x9f, 0xbf],
    [0xf0, 0x8f, 0xbf, 0xbf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
  ]) {
    assert.equal(decodeUtf8(Uint8Array.from(list)), undefined, list.join());
  }
});

test('only the span is decoded', () => {
  assert.equal(decodeUtf8(Uint8Array.of(0xff, 0x41, 0x42, 0xff), 1, 3), 'AB');
});

test('a byte order mark stays', () => {
  assert.equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)), '\ufeffA');
});
