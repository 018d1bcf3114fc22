import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageParam } from './content-schema.ts';
import { conversationOf } from './conversation.ts';
import type { PromptParams } from './request-schema.ts';

const HELLO: MessageParam = { role: 'user', content: 'hello' };

function converted(params: Partial<PromptParams>): ReturnType<typeof conversationOf> {
  return conversationOf({ model: 'm', messages: [HELLO], ...params });
}

test('system blocks, turns in pieces, calls and results become messages', () => {
  const { messages } = converted({
    system: [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ],
    messages: [
      HELLO,
      { role: 'user', content: [{ type: 'text', text: 'again' }] },
      { role: 'assistant', content: 'I look.' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'read', input: { path: 'x' } },
          { type: 'tool_use', id: 'b', name: 'list', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'b', is_error: true, content: 'no such folder' },
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'words' }] },
          { type: 'text', text: 'go on' },
        ],
      },
    ],
  });
  assert.deepEqual(messages, [
    { role: 'system', text: 'one\ntwo' },
    { role: 'user', text: 'hello\nagain' },
    {
      role: 'assistant',
      text: 'I look.',
      toolCalls: [
        { id: 'a', name: 'read', arguments: '{"path":"x"}' },
        { id: 'b', name: 'list', arguments: '{}' },
      ],
    },
    { role: 'tool', callId: 'b', name: 'list', text: 'Error: no such folder' },
    { role: 'tool', callId: 'a', name: 'read', text: 'words' },
    { role: 'user', text: 'go on' },
  ]);
});

test('tools, their choice and the form of the answer are passed on', () => {
  const tools = [{ name: 'read', description: 'Reads', input_schema: { type: 'object' } }];
  const given = converted({ tools, tool_choice: { type: 'any', disable_parallel_tool_use: true } });
  assert.deepEqual(given.tools, [{ name: 'read', description: 'Reads', parameters: { type: 'object' } }]);
  const example = converted({ tools: [{ name: 'x', input_schema: {}, input_examples: [{ a: 1 }] }] });
  assert.equal(example.tools[0]!.description, 'Example of its input: {"a":1}');
  assert.equal(given.toolChoice, 'required');
  assert.equal(given.parallelToolCalls, false);
  assert.equal(converted({ tools }).toolChoice, 'auto');
  assert.equal(converted({ tools }).parallelToolCalls, true);
  assert.equal(converted({ tools, tool_choice: { type: 'none' } }).toolChoice, 'none');
  assert.deepEqual(converted({ tools, tool_choice: { type: 'tool', name: 'read' } }).toolChoice, {
    name: 'read',
  });
  assert.deepEqual(converted({}).format, { kind: 'text' });
  const schema = { type: 'object' };
  const output_config = { format: { type: 'json_schema', schema } } as const;
  assert.deepEqual(converted({ output_config }).format, { kind: 'schema', schema });
});

test('what no model could go on with is refused with its place', () => {
  const tool = { name: 'read', input_schema: {} };
  const result = { type: 'tool_result', tool_use_id: 'a' } as const;
  const faults: readonly [params: Partial<PromptParams>, parameter: string][] = [
    [{ messages: [HELLO, { role: 'user', content: [result] }] }, 'messages[1].content[0].tool_use_id'],
    [{ messages: [HELLO, { role: 'assistant', content: 'I' }] }, 'messages[1]'],
    [{ tools: [tool, tool] }, 'tools[1].name'],
    [{ tool_choice: { type: 'any' } }, 'tool_choice'],
    [{ tools: [tool], tool_choice: { type: 'tool', name: 'x' } }, 'tool_choice.name'],
  ];
  for (const [params, parameter] of faults) {
    assert.throws(() => converted(params), { status: 400, parameter }, parameter);
  }
});
