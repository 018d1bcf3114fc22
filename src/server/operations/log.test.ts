import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Log, type LogFormat } from './log.ts';
import type { RequestRecord } from './request-record.ts';

function linesOf(format: LogFormat, use: (log: Log) => void): string[] {
  const lines: string[] = [];
  use(new Log(format, (line) => lines.push(line)));
  return lines;
}

const RECORD: RequestRecord = {
  id: 'r1',
  method: 'GET',
  path: '/a\nb \u001b[31m\u202e',
  route: 'unmatched',
  start: performance.now(),
  sequences: [],
};

test('a line of text is one line, whatever a client sends', () => {
  const [line] = linesOf('text', (log) => log.request(RECORD, 404));
  assert.match(
    line!,
    /^\S+Z info request id=r1 method=GET path="\/a\\nb \\u001b\[31m\\u202e" status=404 ms=\d+\n$/,
  );
});

test('a line of JSON can be read again', () => {
  const progress = {
    end: 'stop' as const,
    promptTokens: 3,
    cachedTokens: 2,
    generatedTokens: 5,
    queuedSeconds: 0.001,
    firstTokenSeconds: 0.25,
    seconds: 1,
  };
  const [line] = linesOf('json', (log) =>
    log.request(
      {
        ...RECORD,
        model: 'm',
        sequences: [{ progress }, { progress: { ...progress, end: undefined, firstTokenSeconds: 0.5 } }],
      },
      200,
    ),
  );
  const { time, ms, ...entry } = JSON.parse(line!);
  assert.deepEqual(entry, {
    level: 'info',
    event: 'request',
    id: 'r1',
    method: 'GET',
    path: RECORD.path,
    status: 200,
    model: 'm',
    end: 'cancelled',
    prompt_tokens: 6,
    cached_tokens: 4,
    generated_tokens: 10,
    queue_ms: 1,
    ttft_ms: 500,
  });
  assert.ok(Date.parse(time) > 0 && ms >= 0);
});

test('faults of the server are errors with a stack, and off is off', () => {
  const [line] = linesOf('json', (log) => log.request({ ...RECORD, fault: new Error('broken') }, 500));
  const { level, fault } = JSON.parse(line!);
  assert.equal(level, 'error');
  assert.match(fault, /^Error: broken\n +at /);
  assert.deepEqual(
    linesOf('off', (log) => log.request(RECORD, 200)),
    [],
  );
});
