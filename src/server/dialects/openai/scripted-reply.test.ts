/** For tests of this dialect: replies that say what a test wants. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tokenizer } from '../../../index.ts';
import type { Reply, ReplyEnd, ReplyEvent } from '../../reply/reply.ts';

/** A reply of some events; an error among them is thrown in its place. */
export function scriptedReply(events: readonly (ReplyEvent | Error)[], end: ReplyEnd): Reply {
  let reached: ReplyEnd | undefined;
  async function* run(): AsyncGenerator<ReplyEvent, void, undefined> {
    for (const event of events) {
      if (event instanceof Error) throw event;
      yield event;
    }
    reached = end;
  }
  const iterator = run();
  return {
    progress: {
      end: 'stop',
      promptTokens: 10,
      cachedTokens: 4,
      generatedTokens: events.length,
      queuedSeconds: 0,
      firstTokenSeconds: 0,
      seconds: 0,
    },
    get end() {
      return reached;
    },
    stopString: undefined,
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** Two calls behind a word. */
export const TWO_CALLS: readonly ReplyEvent[] = [
  { kind: 'text', text: 'Let me see.' },
  { kind: 'tool-call', index: 0, id: 'call_a', name: 'weather' },
  { kind: 'tool-arguments', index: 0, text: '{"city":' },
  { kind: 'tool-arguments', index: 0, text: '"Oslo"}' },
  { kind: 'tool-call', index: 1, id: 'call_b', name: 'time' },
  { kind: 'tool-arguments', index: 1, text: '{}' },
];

/** A vocabulary of the given tokens, the last of which ends texts. */
export function tokenizerOf(tokens: readonly (string | readonly number[])[]): Tokenizer {
  const bytes = tokens.map((token) =>
    typeof token === 'string' ? new TextEncoder().encode(token) : Uint8Array.from(token),
  );
  const last = tokens.length - 1;
  const part = {
    vocabSize: tokens.length,
    stopIds: new Set([last]),
    addsSpacePrefix: false,
    tokenBytes: (id: number) => bytes[id]!,
    isSpecial: (id: number) => id === last,
  };
  return part as Partial<Tokenizer> as Tokenizer;
}

test('a scripted reply tells its events and then its end', async () => {
  const reply = scriptedReply(TWO_CALLS, 'tool-calls');
  assert.equal(reply.end, undefined);
  const events: ReplyEvent[] = [];
  for await (const event of reply) events.push(event);
  assert.deepEqual(events, TWO_CALLS);
  assert.equal(reply.end, 'tool-calls');
});
