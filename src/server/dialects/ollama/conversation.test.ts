import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messagesOf, toolsOf } from './conversation.ts';
import type { MessageParam } from './request-schema.ts';

const call = (name: string, id?: string) => ({
  ...(id === undefined ? {} : { id }),
  function: { name, arguments: { of: name } },
});

test('results follow calls by id, by name or in order', () => {
  const messages: MessageParam[] = [
    { role: 'user', content: 'hello' },
    { role: 'assistant', tool_calls: [call('read'), call('list'), call('read', 'x'), call('find')] },
    { role: 'tool', content: 'by id', tool_call_id: 'x' },
    { role: 'tool', content: 'by name', tool_name: 'list' },
    { role: 'tool', content: 'first' },
    { role: 'tool', content: 'second' },
  ];
  const converted = messagesOf(messages);
  assert.deepEqual(converted.slice(0, 2), [
    { role: 'user', text: 'hello' },
    {
      role: 'assistant',
      text: '',
      toolCalls: [
        { id: 'call_0', name: 'read', arguments: '{"of":"read"}' },
        { id: 'call_1', name: 'list', arguments: '{"of":"list"}' },
        { id: 'x', name: 'read', arguments: '{"of":"read"}' },
        { id: 'call_2', name: 'find', arguments: '{"of":"find"}' },
      ],
    },
  ]);
  assert.deepEqual(
    converted
      .slice(2)
      .map((message) => message.role === 'tool' && [message.callId, message.name, message.text]),
    [
      ['x', 'read', 'by id'],
      ['call_1', 'list', 'by name'],
      ['call_0', 'read', 'first'],
      ['call_2', 'find', 'second'],
    ],
  );
});

test('results without a call, and calls that are not the assistant’s, are refused', () => {
  const lone: MessageParam[] = [{ role: 'tool', content: 'x' }];
  assert.throws(() => messagesOf(lone), { status: 400, parameter: 'messages[0]' });
  const twice: MessageParam[] = [{ role: 'assistant', tool_calls: [call('read')] }, ...lone, ...lone];
  assert.throws(() => messagesOf(twice), { status: 400, parameter: 'messages[2]' });
  const wrong: MessageParam[] = [{ role: 'user', tool_calls: [call('read')] }];
  assert.throws(() => messagesOf(wrong), { status: 400, parameter: 'messages[0].tool_calls' });
});

test('tools keep what they say, and their names are their own', () => {
  const parameters = { type: 'object' };
  const tools = toolsOf([
    { function: { name: 'a', description: 'A', parameters } },
    { function: { name: 'b' } },
  ]);
  assert.deepEqual(tools, [{ name: 'a', description: 'A', parameters }, { name: 'b' }]);
  assert.throws(() => toolsOf([{ function: { name: 'a' } }, { function: { name: 'a' } }]), {
    parameter: 'tools[1].function.name',
  });
});
