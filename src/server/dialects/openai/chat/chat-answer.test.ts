import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Reply } from '../../../reply/reply.ts';
import { scriptedReply, TWO_CALLS, tokenizerOf } from '../scripted-reply.test.ts';
import { type ChatAnswer, chatCompletion, chatStream } from './chat-answer.ts';

const CALLS = [
  { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
  { id: 'call_b', type: 'function', function: { name: 'time', arguments: '{}' } },
];

describe('a chat completion', () => {
  test('has text, calls and counts', async () => {
    const { choices, usage } = await whole([scriptedReply(TWO_CALLS, 'tool-calls')]);
    assert.deepEqual(choices, [
      {
        index: 0,
        message: { role: 'assistant', content: 'Let me see.', refusal: null, tool_calls: CALLS },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ]);
    assert.deepEqual(usage, {
      prompt_tokens: 10,
      completion_tokens: 6,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 4 },
    });
  });

  test('has no content where there are only calls', async () => {
    const { choices } = await whole([scriptedReply(TWO_CALLS.slice(1), 'tool-calls')]);
    assert.equal(choices[0]!.message.content, null);
  });

  test('says why it ended', async () => {
    for (const [end, reason] of [
      ['stop', 'stop'],
      ['stop-string', 'stop'],
      ['length', 'length'],
    ] as const) {
      const { choices } = await whole([scriptedReply([{ kind: 'text', text: 'x' }], end)]);
      assert.equal(choices[0]!.finish_reason, reason);
      assert.ok(!('tool_calls' in choices[0]!.message));
    }
  });
});

describe('a stream of chunks', () => {
  test('begins calls with their names and goes on with pieces of their arguments', async () => {
    const deltas = (await chunksOf([scriptedReply(TWO_CALLS, 'tool-calls')])).map(
      ({ choices }) => choices[0]!.delta,
    );
    assert.deepEqual(deltas, [
      { role: 'assistant', content: '' },
      { content: 'Let me see.' },
      {
        tool_calls: [
          { index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] },
      {
        tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'time', arguments: '' } }],
      },
      { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
      {},
    ]);
  });

  test('ends every choice with its reason, and all of them with the counts', async () => {
    const text = (words: string) => scriptedReply([{ kind: 'text', text: words }], 'stop');
    const chunks = await chunksOf([text('one'), scriptedReply(TWO_CALLS, 'tool-calls')], true);
    const reasons = chunks
      .flatMap(({ choices }) => choices)
      .filter((choice) => choice.finish_reason !== null);
    assert.deepEqual(reasons.map(({ index, finish_reason }) => [index, finish_reason]).sort(), [
      [0, 'stop'],
      [1, 'tool_calls'],
    ]);
    assert.equal(chunks.at(-1)!.usage!.completion_tokens, 7);
    assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
  });

  test('leaves out tokens that add no text, unless they have scores', async () => {
    const score = { id: 0, text: 'a', logprob: -1, top: [] };
    const end = { id: 1, text: '</s>', logprob: -2, top: [] };
    const reply = () =>
      scriptedReply(
        [
          { kind: 'text', text: '', scores: [score] },
          { kind: 'text', text: '', scores: [end] },
        ],
        'stop',
      );
    assert.equal((await chunksOf([reply()])).length, 2);
    const scored = await chunksOf([reply()], false, true);
    assert.deepEqual(scored[1]!.choices[0]!.logprobs, {
      content: [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }],
      refusal: null,
    });
    assert.equal(scored.length, 3, 'the token that ends the answer is no part of it');
  });

  test('fails as its reply does', async () => {
    const reply = scriptedReply([{ kind: 'text', text: 'x' }, new Error('broken')], 'stop');
    await assert.rejects(chunksOf([reply]), /broken/);
  });
});

interface Choice {
  readonly index: number;
  readonly message: { readonly content: string | null };
  readonly delta: unknown;
  readonly logprobs: unknown;
  readonly finish_reason: string | null;
}

interface Body {
  readonly choices: readonly Choice[];
  readonly usage?: { readonly completion_tokens: number } | null;
}

function answerOf(replies: readonly Reply[], includesUsage: boolean, withScores: boolean): ChatAnswer {
  return {
    head: { id: 'chatcmpl-1', created: 1, model: 'm', system_fingerprint: 'fp' },
    tokenizer: tokenizerOf(['a', '</s>']),
    request: { withScores, includesUsage },
    replies,
  };
}

async function whole(replies: readonly Reply[]): Promise<Body> {
  return (await chatCompletion(answerOf(replies, false, false))) as Body;
}

async function chunksOf(
  replies: readonly Reply[],
  includesUsage = false,
  withScores = false,
): Promise<Body[]> {
  const events: string[] = [];
  for await (const event of chatStream(answerOf(replies, includesUsage, withScores))) events.push(event);
  assert.equal(events.pop(), 'data: [DONE]\n\n');
  return events.map((event) => JSON.parse(event.slice('data: '.length)) as Body);
}
