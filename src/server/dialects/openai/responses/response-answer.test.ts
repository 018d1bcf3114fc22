import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Reply } from '../../../reply/reply.ts';
import { scriptedReply, TWO_CALLS, tokenizerOf } from '../scripted-reply.test.ts';
import { type NumberedEvent, ResponseAnswer } from './response-answer.ts';
import { readResponseRequest } from './response-request.ts';

describe('the events of a response', () => {
  test('open and close an item after the other', async () => {
    const events = await eventsOf(scriptedReply(TWO_CALLS, 'tool-calls'));
    assert.deepEqual(
      events.map(({ type, output_index }) => (output_index === undefined ? type : `${type} ${output_index}`)),
      [
        'response.created',
        'response.in_progress',
        'response.output_item.added 0',
        'response.content_part.added 0',
        'response.output_text.delta 0',
        'response.output_text.done 0',
        'response.content_part.done 0',
        'response.output_item.done 0',
        'response.output_item.added 1',
        'response.function_call_arguments.delta 1',
        'response.function_call_arguments.delta 1',
        'response.function_call_arguments.done 1',
        'response.output_item.done 1',
        'response.output_item.added 2',
        'response.function_call_arguments.delta 2',
        'response.function_call_arguments.done 2',
        'response.output_item.done 2',
        'response.completed',
      ],
    );
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      [...events.keys()],
    );
    const done = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item);
    const { output, usage, status } = responseOf(events.at(-1)!);
    assert.deepEqual(output, done);
    assert.equal(status, 'completed');
    assert.deepEqual(usage, {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens: 6,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 16,
    });
    const [message, call] = output as Record<string, unknown>[];
    assert.deepEqual(message!.content, [
      { type: 'output_text', text: 'Let me see.', annotations: [], logprobs: [] },
    ]);
    assert.deepEqual(
      [call!.type, call!.call_id, call!.name, call!.arguments, call!.status],
      ['function_call', 'call_a', 'weather', '{"city":"Oslo"}', 'completed'],
    );
  });

  test('an answer without a word is an empty message', async () => {
    const events = await eventsOf(scriptedReply([{ kind: 'text', text: '' }], 'stop'));
    const [message] = responseOf(events.at(-1)!).output as { content: { text: string }[] }[];
    assert.equal(message!.content[0]!.text, '');
  });

  test('one that is cut off is incomplete, its last item too', async () => {
    const events = await eventsOf(scriptedReply([{ kind: 'text', text: 'Once' }], 'length'));
    const { type, response } = events.at(-1)!;
    assert.equal(type, 'response.incomplete');
    const { output, incomplete_details } = response as {
      output: { status: string }[];
      incomplete_details: unknown;
    };
    assert.deepEqual(incomplete_details, { reason: 'max_output_tokens' });
    assert.equal(output[0]!.status, 'incomplete');
  });

  test('one that fails ends with what went wrong', async () => {
    const answer = answerOf();
    const events: NumberedEvent[] = [];
    await assert.rejects(async () => {
      const reply = scriptedReply([{ kind: 'text', text: 'x' }, new Error('broken')], 'stop');
      for await (const event of answer.events(reply)) events.push(event);
    }, /broken/);
    const failed = answer.failed({ status: 500, code: 'internal_error', message: 'the server failed' });
    assert.equal(failed.type, 'response.failed');
    assert.equal(failed.sequence_number, events.length);
    const { status, error } = failed.response as { status: string; error: unknown };
    assert.deepEqual([status, error], ['failed', { code: 'internal_error', message: 'the server failed' }]);
  });
});

describe('the input of a response', () => {
  test('calls join the message before them', () => {
    const call = (id: string) => ({
      type: 'function_call',
      id: 'fc',
      call_id: id,
      name: 'f',
      arguments: '{}',
    });
    const { reply } = readResponseRequest({
      instructions: 'Be brief.',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Go.' }] },
        { type: 'message', id: 'm', status: 'completed', role: 'assistant', content: 'I go.' },
        call('a'),
        call('b'),
        { type: 'function_call_output', call_id: 'a', output: 'one' },
        { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'two' }] },
        call('c'),
      ],
    });
    const toolCall = (id: string) => ({ id, name: 'f', arguments: '{}' });
    assert.deepEqual(reply.messages, [
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'Go.' },
      { role: 'assistant', text: 'I go.', toolCalls: [toolCall('a'), toolCall('b')] },
      { role: 'tool', callId: 'a', text: 'one' },
      { role: 'tool', callId: 'b', text: 'two' },
      { role: 'assistant', text: '', toolCalls: [toolCall('c')] },
    ]);
  });

  test('tools and formats are written flat', () => {
    const { reply } = readResponseRequest({
      input: 'x',
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object' }, strict: true }],
      tool_choice: { type: 'function', name: 'f' },
      text: { format: { type: 'json_schema', name: 'n', strict: true, schema: { type: 'object' } } },
    });
    assert.deepEqual(reply.tools, [{ name: 'f', parameters: { type: 'object' } }]);
    assert.deepEqual(reply.toolChoice, { name: 'f' });
    assert.deepEqual(reply.format, { kind: 'schema', schema: { type: 'object' } });
  });
});

function answerOf(): ResponseAnswer {
  const head = { id: 'resp_1', created: 1, model: 'm' };
  return new ResponseAnswer(head, { echoed: {}, withScores: false }, tokenizerOf(['a', '</s>']));
}

async function eventsOf(reply: Reply): Promise<NumberedEvent[]> {
  const events: NumberedEvent[] = [];
  for await (const event of answerOf().events(reply)) events.push(event);
  return events;
}

function responseOf({ response }: NumberedEvent): Record<string, unknown> {
  return response as Record<string, unknown>;
}
