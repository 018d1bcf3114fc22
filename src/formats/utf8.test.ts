import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8, isUtf8, utf8Bound, writeUtf8 } from './utf8.ts';

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

test('bytes are valid UTF-8 exactly when they can be decoded', () => {
  // Bytes at the limits of the ranges that the standard distinguishes, so that about every rule is hit.
  const byte = fc.constantFrom(
    ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed],
    ...[0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
  );
  const character = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 3 })
    .map((text) => [...encoder.encode(text)]);
  const part = fc.oneof(fc.array(byte, { maxLength: 4 }), character);
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      const bytes = Uint8Array.from([0xff, ...parts.flat(), 0x80]);
      const end = bytes.length - 1;
      assert.equal(isUtf8(bytes, 1, end), decodeUtf8(bytes, 1, end) !== undefined);
    }),
    { numRuns: 20_000 },
  );
});

test('text is written as TextEncoder writes it, lone surrogates included', () => {
  const unit = fc.constantFrom(
    'a',
    '\x7f',
    '\x80',
    '\u07ff',
    '\u0800',
    '\uffff',
    '🍏',
    '\ud800',
    '\udbff',
    '\udc00',
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      const target = new Uint8Array(1 + utf8Bound(text));
      const end = writeUtf8(text, target, 1);
      assert.deepEqual(target.subarray(1, end), encoder.encode(text));
    }),
    { numRuns: 2000 },
  );
});
