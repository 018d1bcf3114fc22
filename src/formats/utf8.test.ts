import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8 } from './utf8.ts';

const encoder = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function byPlatform(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

test('text of any length comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      assert.equal(decodeUtf8(encoder.encode(text)), text);
    }),
  );
});

test('any bytes are decoded or refused exactly as the platform does', () => {
  const byte = fc.oneof(
    fc.nat(255),
    fc.constantFrom(0xc0, 0xc1, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0x80, 0xbf, 0x9f, 0xa0),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 6 }), (list) => {
      const bytes = Uint8Array.from(list);
      assert.equal(decodeUtf8(bytes), byPlatform(bytes));
    }),
    { numRuns: 5000 },
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
    assert.equal(decodeUtf8(Uint8Array.from([...new Uint8Array(60).fill(0x41), ...list])), undefined);
  }
});

test('a byte order mark stays', () => {
  assert.equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)), '\ufeffA');
});
