import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError, ContextLengthExceeded } from '../../base/errors.ts';
import { type RequestRecord, withRecord } from '../operations/request-record.ts';
import { failureOf, RequestError } from './failure.ts';

const RECORD: RequestRecord = {
  id: '1',
  method: 'POST',
  path: '/v1/messages',
  route: '/v1/messages',
  start: 0,
  sequences: [],
};

const CASES: readonly [thrown: string, status: number, code: string, retryAfter: number | undefined][] = [
  ['server/unknown-model', 404, 'model_not_found', undefined],
  ['scheduler/full', 503, 'overloaded', 1],
  ['scheduler/disposed', 503, 'model_unloaded', 1],
  ['memory/exhausted', 503, 'overloaded', 1],
  ['memory/kv-cache', 400, 'memory/kv-cache', undefined],
  ['option/temperature', 400, 'option/temperature', undefined],
  ['tokens/bad-id', 400, 'tokens/bad-id', undefined],
];

for (const [thrown, status, code, retryAfter] of CASES) {
  test(`${thrown} is told as ${status} ${code}`, () => {
    const failure = failureOf(new BitnetError(thrown, 'because of this'));
    const { retryAfter: seconds, ...rest } = failure;
    assert.deepEqual([rest, seconds], [{ status, code, message: 'because of this' }, retryAfter]);
  });
}

test('what the request is not at fault for is told of in the log alone', async () => {
  for (const error of [new BitnetError('memory/limit', 'secret'), new TypeError('secret')]) {
    const record = { ...RECORD };
    const failure = await withRecord(record, async () => failureOf(error));
    assert.deepEqual([failure.status, failure.code], [500, 'internal_error']);
    assert.doesNotMatch(failure.message, /secret/);
    assert.equal((record as RequestRecord).fault, error);
  }
});

test('a machine without memory is told of in the log too, and a full queue is not', async () => {
  const faultOf = async (error: BitnetError) => {
    const record: RequestRecord = { ...RECORD };
    await withRecord(record, async () => failureOf(error));
    return record.fault;
  };
  const exhausted = new BitnetError('memory/exhausted', 'no more memory');
  assert.equal(await faultOf(exhausted), exhausted);
  assert.equal(await faultOf(new BitnetError('scheduler/full', 'full')), undefined);
});

test('failures of the server’s own checks stay as they are, and long prompts have a code of their own', () => {
  const own = new RequestError({ status: 415, code: 'x', message: 'y' });
  assert.equal(failureOf(own), own);
  const { status, code } = failureOf(new ContextLengthExceeded(10, 5));
  assert.deepEqual([status, code], [400, 'context_length_exceeded']);
});
