import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sse, streamedResponse, watchStream } from './streamed-response.ts';

/** A stream whose second chunk comes when it is told to, and what was told of it. */
function open(contentType: string, keepAliveSeconds: number) {
  const told: string[] = [];
  let goOn: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  async function* chunks(): AsyncGenerator<string, void, undefined> {
    try {
      yield sse({ a: 1 }, 'first');
      await waiting;
      yield sse('[DONE]');
    } finally {
      told.push('returned');
    }
  }
  const response = streamedResponse(contentType, chunks(), keepAliveSeconds);
  const handle = watchStream(new Response(response.body, response), {
    offered: () => told.push('offered'),
    taken: () => told.push('taken'),
    ended: (error) => told.push(error === undefined ? 'ended' : `ended: ${error}`),
  });
  return { response, handle, told, goOn };
}

test('events are written as the standard says', () => {
  assert.equal(sse({ a: 'x\ny' }, 'name'), 'event: name\ndata: {"a":"x\\ny"}\n\n');
  assert.equal(sse('[DONE]'), 'data: [DONE]\n\n');
});

test('a silent stream of events gets comments, whose watch is told of everything', async () => {
  const { response, told, goOn } = open('text/event-stream', 0.005);
  const reader = response.body!.getReader();
  const read = async () => new TextDecoder().decode((await reader.read()).value);
  assert.equal(await read(), 'event: first\ndata: {"a":1}\n\n');
  assert.equal(await read(), ': keep-alive\n\n');
  assert.equal(await read(), ': keep-alive\n\n');
  goOn();
  let text = await read();
  while (text === ': keep-alive\n\n') text = await read();
  assert.equal(text, 'data: [DONE]\n\n');
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(told.slice(0, 3), ['taken', 'offered', 'taken']);
  assert.deepEqual(told.slice(-3), ['taken', 'returned', 'ended']);
});

test('lines of JSON get no comments', async () => {
  const { response, goOn } = open('application/x-ndjson', 0.001);
  setTimeout(goOn, 20);
  assert.equal(await response.text(), `${sse({ a: 1 }, 'first')}data: [DONE]\n\n`);
});

test('a client that goes, and a server that gives up, end the generator', async () => {
  const left = open('text/event-stream', 10);
  const reader = left.response.body!.getReader();
  await reader.read();
  assert.equal(left.handle?.isAwaited, false);
  await reader.cancel();
  assert.deepEqual(left.told, ['taken', 'offered', 'ended', 'returned']);

  const broken = open('text/event-stream', 10);
  const other = broken.response.body!.getReader();
  await other.read();
  broken.handle?.breakOff(new Error('too slow'));
  await assert.rejects(other.read(), { message: 'too slow' });
  assert.ok(broken.told.includes('returned'));
});

test('other responses are not watched', () => {
  const watch = { offered() {}, taken() {}, ended() {} };
  assert.equal(watchStream(new Response('text'), watch), undefined);
  assert.equal(watchStream(new Response(null), watch), undefined);
});
