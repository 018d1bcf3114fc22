import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceBackend } from './backend.ts';
import { operationNames, profile } from './profile.ts';
import { loneMember, type Member } from './team/member.ts';

function memberOf(barrier: () => void): Member {
  return { ...loneMember(createReferenceBackend(false), 0), barrier };
}

test('a profiled member computes the same and counts the time of what it did, and of nothing else', () => {
  let waits = 0;
  const start = performance.now();
  const plain = memberOf(() => {
    waits++;
    while (performance.now() < start + 2);
  });
  const { member, times } = profile(plain);
  const names = operationNames(plain.kernels);
  assert.equal(times.length, names.length);
  member.heap.u8(1024, 128).fill(7);
  assert.equal(member.kernels.readWords(1024, 64), plain.kernels.readWords(1024, 64));
  member.kernels.readWords(1024, 1 << 15);
  member.barrier();
  assert.equal(waits, 1);
  assert.equal(member.kernels.name, 'reference');
  const spent = names.filter((_, i) => times[i]! > 0);
  assert.deepEqual(spent, ['barrier', 'readWords']);
  assert.ok(times.every((time) => time < performance.now() - start + 1));
});

test('the names are the operations, sorted, without what is no function', () => {
  const names = operationNames(memberOf(() => {}).kernels);
  assert.ok(names.includes('ternaryMatmul') && names.includes('barrier'));
  assert.ok(!names.includes('name') && !names.includes('rowStep'));
  assert.deepEqual(names, names.toSorted());
});
