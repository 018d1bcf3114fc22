import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReplyEvent } from '../../reply/reply.ts';
import { type ChatPart, chatParts, wholeAnswer } from './chat.ts';

const EVENTS: readonly ReplyEvent[] = [
  { kind: 'text', text: 'I look.' },
  { kind: 'tool-call', index: 0, id: 'a', name: 'read' },
  { kind: 'tool-arguments', index: 0, text: '{"path":' },
  { kind: 'tool-arguments', index: 0, text: '"x"}' },
  { kind: 'tool-call', index: 1, id: 'b', name: 'list' },
  { kind: 'tool-arguments', index: 1, text: '{"pa' },
];

function scripted(): AsyncGenerator<ChatPart, void, undefined> {
  async function* play(): AsyncGenerator<ReplyEvent, void, undefined> {
    yield* EVENTS;
  }
  return chatParts(
    play(),
    'm',
    () => new Uint8Array(),
    () => ({ done_reason: 'length' }),
  );
}

const CALLS = [
  { id: 'a', function: { index: 0, name: 'read', arguments: { path: 'x' } } },
  // Cut off by a limit of tokens, which the reason of the end tells.
  { id: 'b', function: { index: 1, name: 'list', arguments: {} } },
];

test('calls come whole, one to a part', async () => {
  const parts: ChatPart[] = [];
  for await (const part of scripted()) parts.push(part);
  assert.deepEqual(
    parts.map(({ message, done }) => [message, done]),
    [
      [{ role: 'assistant', content: 'I look.' }, false],
      [{ role: 'assistant', content: '', tool_calls: [CALLS[0]] }, false],
      [{ role: 'assistant', content: '', tool_calls: [CALLS[1]] }, false],
      [{ role: 'assistant', content: '' }, true],
    ],
  );
  assert.equal((parts.at(-1) as { done_reason?: string }).done_reason, 'length');
});

test('all parts make one answer', async () => {
  const { created_at, ...answer } = await wholeAnswer(scripted());
  assert.ok(!Number.isNaN(Date.parse(created_at)));
  assert.deepEqual(answer, {
    model: 'm',
    message: { role: 'assistant', content: 'I look.', tool_calls: CALLS },
    done: true,
    done_reason: 'length',
  });
});
