import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createRandom } from './random.ts';
import { createSha256, sha256Hex } from './sha256.ts';

test('the digests of FIPS 180-4', () => {
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  assert.equal(sha256Hex(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('every length around the blocks, in pieces, as another implementation says', () => {
  const random = createRandom(3);
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const hash = createSha256();
    for (let at = 0; at < length; ) {
      const end = Math.min(length, at + 1 + random.below(100));
      hash.update(bytes.subarray(at, end));
      at = end;
    }
    assert.equal(hash.hex(), createHash('sha256').update(bytes).digest('hex'), `${length} bytes`);
  }
});
