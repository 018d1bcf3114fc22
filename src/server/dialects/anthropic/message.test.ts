import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply, ReplyEvent } from '../../reply/reply.ts';
import { type MessageHeader, messageEvents, messageOf } from './message.ts';

const HEADER: MessageHeader = { id: 'msg_1', model: 'm', wantsDiagnostics: false, wantsEdits: false };
const PROGRESS = {
  end: 'stop',
  promptTokens: 30,
  cachedTokens: 20,
  generatedTokens: 9,
  queuedSeconds: 0,
  firstTokenSeconds: 0,
  seconds: 0,
} as const;

const EVENTS: readonly ReplyEvent[] = [
  { kind: 'text', text: '' },
  { kind: 'text', text: 'Let me ' },
  { kind: 'text', text: 'look.' },
  { kind: 'tool-call', index: 0, id: 'a', name: 'read' },
  { kind: 'tool-arguments', index: 0, text: '{"path":' },
  { kind: 'tool-arguments', index: 0, text: '"x"}' },
  { kind: 'tool-call', index: 1, id: 'b', name: 'list' },
];

function scripted(events: readonly ReplyEvent[], more: Partial<Reply> = {}): Reply {
  async function* play(): AsyncGenerator<ReplyEvent, void, undefined> {
    yield* events;
  }
  return {
    progress: PROGRESS,
    end: 'tool-calls',
    stopString: undefined,
    [Symbol.asyncIterator]: play,
    ...more,
  };
}

const failed = (error: unknown) => ({ error: { type: 'api_error', message: (error as Error).message } });

/** The data of all events. */
async function eventsOf(reply: Reply, pingSeconds = 60): Promise<Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = [];
  for await (const chunk of messageEvents(reply, HEADER, failed, pingSeconds)) {
    const [, name, data] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(chunk)!;
    const event = JSON.parse(data!) as Record<string, unknown>;
    assert.equal(event.type, name);
    events.push(event);
  }
  return events;
}

test('text and calls become blocks of one message', async () => {
  const message = await messageOf(scripted(EVENTS), HEADER);
  const caller = { type: 'direct' };
  assert.deepEqual(message.content, [
    { type: 'text', text: 'Let me look.', citations: null },
    { type: 'tool_use', id: 'a', name: 'read', input: { path: 'x' }, caller },
    { type: 'tool_use', id: 'b', name: 'list', input: {}, caller },
  ]);
  assert.equal(message.stop_reason, 'tool_use');
  const usage = message.usage as Record<string, unknown>;
  assert.equal(usage.input_tokens, 10);
  assert.equal(usage.cache_read_input_tokens, 20);
  assert.equal(usage.output_tokens, 9);
});

test('a stream begins, fills and ends block after block', async () => {
  const events = await eventsOf(scripted(EVENTS));
  const told = events.slice(2, -2).map(({ type, index, delta, content_block }) => {
    const { text, partial_json, name } = { ...(delta as object), ...(content_block as object) } as Record<
      string,
      unknown
    >;
    return [type, index, name ?? partial_json ?? text];
  });
  assert.deepEqual(told, [
    ['content_block_start', 0, ''],
    ['content_block_delta', 0, 'Let me '],
    ['content_block_delta', 0, 'look.'],
    ['content_block_stop', 0, undefined],
    ['content_block_start', 1, 'read'],
    ['content_block_delta', 1, '{"path":'],
    ['content_block_delta', 1, '"x"}'],
    ['content_block_stop', 1, undefined],
    ['content_block_start', 2, 'list'],
    ['content_block_stop', 2, undefined],
  ]);
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => !String(type).startsWith('content')),
    ['message_start', 'ping', 'message_delta', 'message_stop'],
  );
  const ending = events.at(-2) as { delta: { stop_reason: string }; usage: Record<string, unknown> };
  assert.equal(ending.delta.stop_reason, 'tool_use');
  assert.deepEqual(ending.usage, {
    input_tokens: 10,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 20,
    output_tokens: 9,
    output_tokens_details: null,
    server_tool_use: null,
  });
});

test('every end has its reason', async () => {
  const reasonOf = async (more: Partial<Reply>) => {
    const { stop_reason, stop_sequence } = await messageOf(scripted([], more), HEADER);
    return [stop_reason, stop_sequence];
  };
  assert.deepEqual(await reasonOf({ end: 'stop' }), ['end_turn', null]);
  assert.deepEqual(await reasonOf({ end: 'length' }), ['max_tokens', null]);
  assert.deepEqual(await reasonOf({ end: 'stop-string', stopString: 'X' }), ['stop_sequence', 'X']);
  const full = { ...PROGRESS, end: 'context' } as const;
  assert.deepEqual(await reasonOf({ end: 'length', progress: full }), [
    'model_context_window_exceeded',
    null,
  ]);
});

test('arguments that were cut off are none', async () => {
  const message = await messageOf(scripted(EVENTS.slice(0, 5), { end: 'length' }), HEADER);
  assert.deepEqual((message.content as { input?: unknown }[])[1]!.input, {});
  assert.equal(message.stop_reason, 'max_tokens');
});

test('a failure in a stream is its last event', async () => {
  const reply = scripted([], {
    async *[Symbol.asyncIterator]() {
      yield EVENTS[1]!;
      throw new Error('it broke');
    },
  });
  const events = await eventsOf(reply);
  assert.deepEqual(events.at(-1), { type: 'error', error: { type: 'api_error', message: 'it broke' } });
});

test('a client hears pings while nothing comes, and leaving ends the reply', async () => {
  let isEnded = false;
  let goOn = () => {};
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const reply = scripted([], {
    async *[Symbol.asyncIterator]() {
      try {
        await waiting;
        yield EVENTS[1]!;
        yield EVENTS[2]!;
      } finally {
        isEnded = true;
      }
    },
  });
  let pings = 0;
  for await (const chunk of messageEvents(reply, HEADER, failed, 0.001)) {
    if (chunk.startsWith('event: ping') && ++pings === 4) goOn();
    if (chunk.startsWith('event: content_block_delta')) break;
  }
  assert.ok(pings >= 4);
  assert.ok(isEnded);
});
